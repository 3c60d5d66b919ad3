import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDisk } from '../../src/disk/index.ts'
import { MeshError } from '../../src/errors/index.ts'
import { createFiles } from '../../src/files/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { createMemoryStore, table } from '../../src/store/index.ts'
import { createSeededRandom } from '../support/random.ts'
import {
  createWorld,
  fromPeer,
  HOUR_MS,
  keys,
  NAME,
  network,
  policy,
  short,
  sign,
} from './world.ts'
import { source, START_MS, upload } from './world.ts'
import type { MemoryStore, Transaction } from '../../src/store/index.ts'
import type { World } from './world.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const mode = { mode: 0o644 }

/** The daemon stops, `meddle` happens, and it starts again. */
const meanwhile = async (world: World, meddle: () => Promise<void> | void): Promise<void> => {
  await world.stop()
  await meddle()
  await world.restart()
}

t.test('stands after a restart as before', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e'].map(parseFileName)
  const policies = names.map((name) => policy({ name }))
  const world = await createWorld(policies)
  t.teardown(() => world.stop())
  await world.put({ name: 'a' })
  await world.put({ name: 'b', text: null })
  await world.put({ name: 'c', expires: START_MS + HOUR_MS })
  await world.files.accept(await sign({ name: 'd' }), undefined, fromPeer)
  await world.clock.advance(2 * HOUR_MS)
  const standing = async (): Promise<unknown> => ({
    everything: await world.everything(),
    views: [...world.files.list()],
    digest: world.files.digest(),
    counts: world.files.counts(),
  })
  const before = await standing()
  await world.restart()
  t.same(await standing(), before)
  t.match(world.files.counts(), { shown: 1, deleted: 1, expired: 1, missing: 1, none: 1 })
})

t.test('starts and stops as often as it is told to', async (t) => {
  const world = await createWorld()
  await world.put()
  await Promise.all([world.files.start(), world.files.start()])
  await world.files.stop()
  await world.files.stop()
  await world.files.start()
  t.equal(short(await world.put({ version: 2 })), 'stored')
  await world.stop()
})

t.test('hides before it serves what was touched and is not what was signed', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await meanwhile(world, () => world.disk.write(`files/${NAME}`, bytes('evil'), mode))
  t.same(await world.disk.list('files'), [])
  t.equal((await world.disk.list('quarantine')).length, 1)
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.match(world.health.list(), [{ code: 'file-damaged', subject: NAME }])
  t.match(await world.files.accept(await sign(), source(`${NAME} 1`), fromPeer), {
    outcome: 'stored',
  })
  t.equal(await world.shown(), `${NAME} 1`)
  t.same(world.health.list(), [])
})

t.test('keeps what was touched and is right', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await meanwhile(world, async () => {
    await world.disk.write(`files/${NAME}`, bytes(`${NAME} 1`), { mode: 0o777 })
    await world.disk.write(`statements/${NAME}`, bytes('scribble'), mode)
  })
  t.equal(world.files.view(NAME)?.state, 'shown')
  t.same(await world.disk.list('quarantine'), [])
  t.match(await world.shown(`statements/${NAME}`), /^mesh-file 1/)
})

t.test('asks for content again that somebody removed', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await meanwhile(world, async () => {
    await world.disk.remove(`files/${NAME}`)
    await world.disk.remove(`statements/${NAME}`)
  })
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.match(await world.shown(`statements/${NAME}`), /^mesh-file 1/)
})

t.test('moves away what nobody published', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await meanwhile(world, async () => {
    await world.disk.write('files/stray', bytes('x'), mode)
    await world.disk.write('files/with space', bytes('x'), mode)
    await world.disk.write('statements/deep/stray', bytes('x'), mode)
    await world.disk.write('content/0123-left-over', bytes('x'), mode)
    await world.disk.write('tmp/left', bytes('x'), mode)
  })
  t.same(await world.disk.list('files'), [`files/${NAME}`])
  t.same(await world.disk.list('statements'), [`statements/${NAME}`])
  t.same(await world.disk.list('content'), [])
  t.equal((await world.disk.list('quarantine')).length, 3)
})

t.test('a name that the database has lost is taken in again, not moved away', async (t) => {
  const policies = [policy(), policy({ name: parseFileName('other') })]
  const world = await createWorld(policies)
  t.teardown(() => world.stop())
  await world.put()
  await world.put({ name: 'other', text: null })
  const before = world.files.digest()
  await meanwhile(world, () =>
    world.store.transaction((tx) => {
      for (const each of ['files-names', 'files-kept', 'files-index'].map((name) => table(name))) {
        for (const { key } of [...tx.range(each, {})]) tx.remove(each, key)
      }
      // Something is there, so that it does not look empty.
      tx.put(table('files-names'), bytes('other'), bytes('?'))
    }),
  )
  t.equal(await world.shown(), `${NAME} 1`)
  t.equal(world.files.view(NAME)?.state, 'shown')
  t.same(await world.disk.list('quarantine'), [])
  t.equal(world.files.digest(), before, 'nor is what was deleted forgotten')
})

t.test('moves links away that stand where files are shown', async (t) => {
  const dir = t.testdir({ outside: { secret: 'secret', motd: 'etc/motd 1' } })
  const root = join(dir, 'state')
  const clock = { nowMs: () => START_MS, monotonicMs: () => 0, schedule: () => () => {} }
  const health = createHealth({ clock })
  const workers = createWorkers({ clock, random: createSeededRandom(1), logger: silentLogger })
  const disk = createDisk(root)
  const store = createMemoryStore()
  await disk.open()
  await store.open()
  const boot = () =>
    createFiles(
      { disk, store, clock, health, workers, logger: silentLogger },
      { network, policies: [policy(), policy({ name: parseFileName('dir/file') })] },
    )
  const first = boot()
  await first.start()
  t.equal(short(await first.accept(await sign(), source(`${NAME} 1`), upload)), 'stored')
  await first.stop()
  await disk.remove(`files/${NAME}`)
  await disk.write('files/etc/keep', bytes('x'), mode)
  symlinkSync(join(dir, 'outside/motd'), join(root, `files/${NAME}`))
  symlinkSync(join(dir, 'outside'), join(root, 'files/dir'))
  const second = boot()
  await second.start()
  t.same(await disk.list('files'), [])
  t.equal(second.view(NAME)?.state, 'missing', 'the right content behind a link is no file of ours')
  const other = await sign({ name: 'dir/file' })
  t.equal(short(await second.accept(other, source('dir/file 1'), upload)), 'stored')
  t.same(await disk.list('files'), ['files/dir/file'])
  await second.stop()
})

t.test('applies at start what the configuration changed meanwhile', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['anna'] })
  await world.put({ version: 2, by: ['bert'] })
  await world.restart([policy({ signers: [keys.anna.publicKey] })])
  t.equal(world.files.view(NAME)?.winner?.signed.statement.version, 1)
  t.equal(await world.shown(), `${NAME} 1`, 'the content of the last versions is kept')
  t.equal([...world.files.index()].length, 1)
  await world.restart([policy()])
  t.equal(await world.shown(), `${NAME} 2`)
  t.equal([...world.files.index()].length, 2)
})

t.test('builds an empty store again from what lies on the disk', async (t) => {
  const names = ['a', 'dir/b', 'c', 'd', 'e'].map(parseFileName)
  const world = await createWorld(names.map((name) => policy({ name })))
  await world.put({ name: 'a', by: ['anna', 'bert'] })
  await world.put({ name: 'dir/b', version: 1 })
  await world.put({ name: 'dir/b', version: 2 })
  await world.put({ name: 'c', text: null })
  await world.put({ name: 'd' })
  await world.put({ name: 'e' })
  const digest = world.files.digest()
  const ids = [...world.files.list()].map(({ winner }) => winner?.id)
  await world.stop()
  await world.disk.write('files/d', bytes('evil'), mode)

  const again = await createWorld(
    names.map((name) => policy({ name })),
    { disk: world.disk, clock: world.clock },
  )
  t.teardown(() => again.stop())
  t.same(
    [...again.files.list()].map(({ winner }) => winner?.id),
    ids,
  )
  t.equal(again.files.digest(), digest)
  t.same(
    [...again.files.list()].map(({ name, state }) => `${name} ${state}`),
    ['a shown', 'c deleted', 'd missing', 'dir/b shown', 'e shown'],
  )
  t.equal(await again.shown('files/dir/b'), 'dir/b 2')
  t.match(again.health.list(), [{ code: 'file-damaged', subject: 'd' }])
})

t.test('takes nothing unverified in when it builds the store again', async (t) => {
  const world = await createWorld()
  await world.put()
  await world.stop()
  const forged = (await world.shown(`statements/${NAME}`))?.replace('version 1', 'version 9') ?? ''
  const foreign = await createWorld()
  await foreign.put({ by: ['eve', 'anna'] })
  const elsewhere = (await foreign.shown(`statements/${NAME}`)) ?? ''
  await foreign.stop()
  const statements: readonly [string, string][] = [
    [NAME, forged],
    ['etc/other', elsewhere],
    [NAME, 'no statement at all'],
    [NAME, 'x'.repeat(100_000)],
    [NAME, ''],
  ]
  for (const [name, text] of statements) {
    await world.disk.write(`statements/${name}`, bytes(text), mode)
    await world.disk.write(`files/${name}`, bytes(`${NAME} 1`), mode)
    const again = await createWorld([policy(), policy({ name: parseFileName('etc/other') })], {
      disk: world.disk,
    })
    t.same([...again.files.index()], [])
    t.same(await again.disk.list('files'), [])
    t.same(await again.disk.list('statements'), [])
    await again.stop()
  }
})

t.test('checks the store and reads the disk again after two deaths in a row', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['bert'] })
  await world.put({ version: 2, by: ['anna'] })
  const before = world.files.digest()
  await world.crash('all')
  await world.crash('all')
  await world.crash('all')
  t.equal(world.files.digest(), before)
  const kept = table('files-kept')
  const index = table('files-index')
  await world.stop()
  await world.store.transaction((tx) => {
    for (const { key, value } of tx.range(kept)) {
      const bad = Uint8Array.from(value)
      bad[5] = (bad[5] ?? 0) ^ 1
      tx.put(kept, key, bad)
    }
    for (const { key } of tx.range(index)) tx.remove(index, key)
  })
  await world.crash('all')
  t.equal(world.store.uncleanOpens, 4)
  t.equal(world.files.view(NAME)?.winner?.signed.statement.version, 2, 'from the disk')
  t.equal(await world.shown(), `${NAME} 2`)
  t.equal([...world.files.index()].length, 1)
  await world.restart()
  t.equal(await world.shown(), `${NAME} 2`)
})

const FILE_TABLES = ['files-names', 'files-kept', 'files-history', 'files-index'].map((name) =>
  table(name),
)

/** As damage may, that does not show. */
const forgetAll = (world: World): Promise<void> =>
  world.store.transaction((tx) => {
    for (const name of FILE_TABLES) for (const { key } of [...tx.range(name)]) tx.remove(name, key)
  })

t.test('a name whose entries are damaged is taken in again from beside the files', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await world.stop()
  await world.store.transaction((tx) => {
    for (const name of FILE_TABLES) {
      for (const { key } of [...tx.range(name)]) tx.put(name, key, bytes('damaged'))
    }
  })
  await world.restart()
  t.equal(world.files.view(NAME)?.state, 'shown')
  t.equal(await world.shown(), `${NAME} 1`)
  t.same(await world.disk.list('quarantine'), [])
})

t.test(
  'a name whose kept statement alone is damaged loses nothing when the rule changes',
  async (t) => {
    const world = await createWorld()
    t.teardown(() => world.stop())
    await world.put()
    await world.stop()
    await world.store.transaction((tx) => {
      for (const { key } of [...tx.range(table('files-kept'))]) {
        tx.put(table('files-kept'), key, bytes('damaged'))
      }
    })
    await world.restart([policy({ maxSizeBytes: 999 })])
    t.equal(await world.shown(), `${NAME} 1`)
    t.equal(world.files.view(NAME)?.state, 'shown')
  },
)

t.test('what cannot be read now is left where it is', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await world.stop()
  await forgetAll(world)
  // Something is there, so that it does not look empty.
  await world.store.transaction((tx) => tx.put(table('files-names'), bytes('other'), bytes('?')))
  const { read } = world.disk
  world.disk.read = (path) =>
    Promise.reject(
      new MeshError('ERR_STATE_UNUSABLE', `cannot read ${path}`, { data: { system: 'EMFILE' } }),
    )
  await world.restart()
  t.same(await world.disk.list('quarantine'), [])
  world.disk.read = read
  await world.restart()
  t.equal(await world.shown(), `${NAME} 1`)
})

t.test('a database that cannot take in what it has lost ends the start', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await world.stop()
  await forgetAll(world)
  const { transaction } = world.store
  // One change meets a damaged page; others meet none.
  world.store.transaction = <T>(work: (tx: Transaction) => T) =>
    transaction.call<MemoryStore, [(tx: Transaction) => T], Promise<T>>(world.store, (tx) => {
      const put: typeof tx.put = (at, key, value) => {
        if (at.name !== 'files-kept') return tx.put(at, key, value)
        world.store.transaction = transaction
        throw new MeshError('ERR_STATE_CORRUPT', 'the database is damaged')
      }
      return work({ ...tx, put })
    })
  await t.rejects(world.restart(), { code: 'ERR_STATE_CORRUPT' })
  await world.restart()
  t.equal(await world.shown(), `${NAME} 1`)
})

t.test('treats a damaged entry as absent and goes on', async (t) => {
  const world = await createWorld([policy(), policy({ name: parseFileName('other') })])
  t.teardown(() => world.stop())
  await world.put()
  await world.put({ name: 'other' })
  await world.stop()
  await world.disk.remove(`statements/${NAME}`)
  await world.store.transaction((tx) => {
    for (const name of FILE_TABLES) {
      for (const { key } of [...tx.range(name)].slice(0, 1)) tx.put(name, key, bytes('damaged'))
    }
  })
  await world.restart()
  t.equal(world.files.view(NAME)?.state, 'none')
  t.equal(await world.shown('files/other'), 'other 1')
  t.equal(short(await world.put()), 'stored', 'and can be had again')
  t.equal(await world.shown(), `${NAME} 1`)
  t.equal([...world.files.history(parseFileName('other'))].length, 1)
})

t.test('shows a file again whose row is damaged', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  await world.stop()
  await world.store.transaction((tx) => tx.put(table('files-names'), bytes(NAME), bytes('?')))
  await world.restart()
  t.equal(await world.shown(), `${NAME} 1`)
  t.equal(world.files.view(NAME)?.state, 'shown')
})
