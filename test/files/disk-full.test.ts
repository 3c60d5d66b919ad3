import t from 'tap'
import {
  createWorld,
  fromPeer,
  HOUR_MS,
  NAME,
  short,
  sign,
  source,
  START_MS,
  upload,
} from './world.ts'
import type { DiskFault } from '../../src/disk/index.ts'
import type { World } from './world.ts'

const full: DiskFault = ({ kind }) =>
  ['create', 'write', 'sync'].includes(kind) ? 'ENOSPC' : undefined
const warnings = (world: World): string[] => world.health.list().map(({ code }) => code)

t.test(
  'rejects an upload when the disk is full, keeps what it has, and says so until there is room',
  async (t) => {
    const world = await createWorld()
    t.teardown(() => world.stop())
    await world.put({ version: 1 })
    const before = await world.everything()
    world.disk.fault = full
    await t.rejects(world.put({ version: 2 }), { code: 'ERR_DISK_FULL' })
    world.disk.fault = undefined
    t.same(await world.everything(), before)
    t.same(warnings(world), ['disk-full'])
    world.disk.fault = full
    await world.clock.advance(120_000)
    t.same(warnings(world), ['disk-full'])
    t.equal(await world.shown(), `${NAME} 1`)
    world.disk.fault = undefined
    await world.clock.advance(120_000)
    t.same(warnings(world), [], 'room is noticed without anybody writing')
    t.equal(short(await world.put({ version: 2 })), 'stored')
  },
)

t.test('stores nothing when the store is full', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1 })
  const before = await world.everything()
  world.store.fault = () => 'disk-full'
  await t.rejects(world.put({ version: 2 }), { code: 'ERR_DISK_FULL' })
  await t.rejects(world.files.accept(await sign({ version: 2 }), undefined, fromPeer), {
    code: 'ERR_DISK_FULL',
  })
  world.store.fault = undefined
  t.same(await world.everything(), before)
  t.equal(world.files.view(NAME)?.winner?.signed.statement.version, 1)
})

t.test(
  'finishes a publication for which there was no room, and tells listeners then',
  async (t) => {
    const world = await createWorld()
    t.teardown(() => world.stop())
    const signed = await sign({ text: 'hello' })
    await world.files.accept(signed, undefined, fromPeer)
    const told: unknown[] = []
    world.files.events.on('content', ({ record, from }) => told.push([record.signed.id, from.kind]))
    let renames = 0
    world.disk.fault = ({ kind }) => (kind === 'rename' && ++renames > 1 ? 'ENOSPC' : undefined)
    await t.rejects(world.files.accept(signed, source('hello'), fromPeer), {
      code: 'ERR_DISK_FULL',
    })
    t.equal(world.files.view(NAME)?.state, 'missing')
    t.same(told, [])
    world.disk.fault = undefined
    await world.clock.advance(10_000)
    t.equal(await world.shown(), 'hello')
    t.equal(world.files.view(NAME)?.state, 'shown')
    t.same(told, [[signed.id, 'peer']])
    t.same(warnings(world), [])
  },
)

t.test('tells of a record that is stored, though it could not be shown', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const told: unknown[] = []
  world.files.events.on('record', ({ contentHere }) => told.push(['record', contentHere]))
  world.files.events.on('content', () => told.push('content'))
  let renames = 0
  world.disk.fault = ({ kind }) => (kind === 'rename' && ++renames > 1 ? 'EIO' : undefined)
  await t.rejects(world.files.accept(await sign(), source(`${NAME} 1`), upload), {
    code: 'ERR_STATE_UNUSABLE',
  })
  t.same(warnings(world), ['disk-unusable'])
  world.disk.fault = undefined
  await world.clock.advance(10_000)
  t.same(told, [['record', false], 'content'])
  t.equal(await world.shown(), `${NAME} 1`)
})

t.test('hides what expired as soon as the disk lets it', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ expires: START_MS + HOUR_MS })
  world.disk.fault = () => 'EIO'
  await world.clock.advance(2 * HOUR_MS)
  t.equal(await world.files.open(NAME), undefined, 'it is not served meanwhile')
  world.disk.fault = undefined
  t.equal(await world.shown(), `${NAME} 1`)
  await world.clock.advance(60_000)
  t.equal(await world.shown(), undefined)
})

t.test('starts on a full disk and shows what is right', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await world.stop()
  await world.disk.write(`statements/${NAME}`, Buffer.from('touched'), { mode: 0o644 })
  world.disk.fault = full
  await world.restart()
  t.equal(world.files.view(NAME)?.state, 'shown')
  t.same(warnings(world), ['disk-full'])
  world.disk.fault = undefined
  await world.clock.advance(60_000)
  t.match(await world.shown(`statements/${NAME}`), /^mesh-file 1/)
  t.same(warnings(world), [])
})
