import t from 'tap'
import { createMemoryDisk } from '../../src/disk/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { createWorld, NAME, policy } from './world.ts'
import type { ContentSource } from '../../src/files/index.ts'

const collect = async (content: ContentSource | undefined): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of content ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

t.test('opens what is shown, whole or in part', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  t.equal(await world.files.open(NAME), undefined)
  await world.put({ text: 'hello' })
  const file = await world.files.open(NAME)
  t.equal(file?.sizeBytes, 5)
  t.equal(file?.record.id, world.files.view(NAME)?.winner?.id)
  t.equal(await collect(file?.stream()), 'hello')
  t.equal(await collect(file?.stream({ start: 1, end: 3 })), 'el')
  t.ok(await world.files.open(NAME, { digest: sha256('hello') }))
  t.equal(await world.files.open(NAME, { digest: sha256('other') }), undefined)
})

t.test('opens what can be seen on the disk, from the first moment on', async (t) => {
  const disk = createMemoryDisk()
  const world = await createWorld([policy()], { disk })
  t.teardown(() => world.stop())
  const opened: Promise<string>[] = []
  const rename = disk.rename.bind(disk)
  disk.rename = async (from, to) => {
    await rename(from, to)
    if (to !== `files/${NAME}`) return
    opened.push(world.files.open(NAME).then((file) => collect(file?.stream())))
    // Whoever opens it looks before anything else is written.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await world.put({ text: 'hello' })
  await world.put({ version: 2, text: 'HELLO' })
  t.same(await Promise.all(opened), ['hello', 'HELLO'])
})

t.test('never mixes two versions', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  const before = await world.files.open(NAME)
  const begun = before?.stream()[Symbol.asyncIterator]()
  const first = await begun?.next()
  await world.put({ version: 2, text: 'HELLO' })
  t.equal(Buffer.from(first?.value ?? []).toString(), 'hello')
  t.equal((await begun?.next())?.done, true)
  await t.rejects(collect(before?.stream()), { code: 'ERR_FILE_CONTENT_MISSING' })
  t.equal(await collect((await world.files.open(NAME))?.stream()), 'HELLO')
})

t.test('hands nothing out that was changed on the disk while the daemon was down', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  await world.stop()
  await world.disk.write(`files/${NAME}`, Buffer.from('HELLO'), { mode: 0o644 })
  await world.restart()
  t.equal(await world.files.open(NAME), undefined)
  t.equal(world.files.view(NAME)?.state, 'missing')
})

t.test('hands nothing out that was changed on the disk while the daemon ran', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  t.ok(await world.files.open(NAME))
  const opened = await world.files.open(NAME)
  await world.disk.write(`files/${NAME}`, Buffer.from('HELLO'), { mode: 0o644 })
  t.equal(await world.files.open(NAME), undefined)
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.match(world.health.list(), [{ code: 'file-damaged', subject: NAME, severity: 'error' }])
  await t.rejects(collect(opened?.stream()), { code: 'ERR_FILE_CONTENT_MISSING' })
  await world.put({ text: 'hello' })
  t.same(world.health.list(), [], 'until it is right again')
})

t.test('finds bytes that changed without a trace when it reads each file once', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  await world.stop()
  world.disk.rot(`files/${NAME}`)
  await world.restart()
  await world.clock.settle()
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.equal((await world.disk.list('quarantine')).length, 1)
  t.match(world.health.list(), [{ code: 'file-damaged', message: /quarantine/ }])
})

t.test('verifies a file before it is opened for the first time', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  await world.stop()
  world.disk.rot(`files/${NAME}`)
  const [opened] = await Promise.all([
    world.restart().then(() => world.files.open(NAME)),
    Promise.resolve(),
  ])
  t.equal(opened, undefined)
})

t.test('stops waiting for a file when it is told to', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await t.rejects(world.files.open(NAME, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('stops waiting in the middle of a verification, which goes on for others', async (t) => {
  const world = await createWorld([policy({ maxSizeBytes: 2 ** 24 })])
  t.teardown(() => world.stop())
  await world.put({ text: 'x'.repeat(2 ** 22) })
  await world.restart()
  const controller = new AbortController()
  const patient = world.files.open(NAME)
  const hasty = t.rejects(world.files.open(NAME, { signal: controller.signal }), {
    code: 'ERR_ABORTED',
  })
  controller.abort()
  await hasty
  t.ok(await patient)
})

t.test('stops verifying when the daemon stops', async (t) => {
  const world = await createWorld([policy({ maxSizeBytes: 2 ** 24 })])
  await world.put({ text: 'x'.repeat(2 ** 22) })
  await world.restart()
  const opening = t.rejects(world.files.open(NAME), { code: 'ERR_ABORTED' })
  await world.stop()
  await opening
  t.match(world.workers.list(), [{ failures: 0 }, { failures: 0 }])
})

t.test('does not show content again that went bad while it was set aside', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  await world.files.reload([])
  const [aside = ''] = await world.disk.list('content')
  world.disk.rot(aside)
  await world.files.reload([policy()])
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.same(await world.disk.list('files'), [])
  t.same(await world.disk.list('content'), [])
  t.match(world.health.list(), [{ code: 'file-damaged', subject: NAME }])
})

t.test('finds a record by its id, as long as the policy has it', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  const [entry] = world.files.index()
  const id = entry?.id ?? sha256('')
  t.same(world.files.record(id), world.files.view(NAME)?.winner)
  t.equal(world.files.has(id), true)
  t.equal(world.files.has(sha256('other')), false)
  t.equal(world.files.record(sha256('other')), undefined)
  await world.files.reload([])
  t.equal(world.files.has(id), false)
  t.equal(world.files.record(id), undefined)
})
