/** Daemon processes on a disk that is full, cannot be written, or has lost parts of the database. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { createLmdbStore, table } from '../../src/store/index.ts'
import { fillDisk, inside, onSmallDisk, whyNoMounts } from '../support/small-disk.ts'
import { startCluster, until } from './cluster.ts'
import {
  catalogueOf,
  checkState,
  clientOf,
  filesBelow,
  put,
  versionAt,
  warningsOf,
} from './state.ts'
import type { Test } from 'tap'
import type { Cluster, ClusterInit, ClusterNode, LogLine } from './cluster.ts'

t.setTimeout(30 * 60_000)

/** Runs a command among the mounts of the daemon. */
const among = (node: ClusterNode, ...command: string[]): void => {
  const { status, stderr } = spawnSync('nsenter', ['-t', String(node.pid), '-m', ...command])
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}

const withCluster = async (t: Test, init: ClusterInit): Promise<Cluster> => {
  const cluster = await startCluster({ config: { cluster: 'push_pull_interval = "1s"' }, ...init })
  t.teardown(cluster.stop)
  return cluster
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'stored',
    (error) => (isMeshError(error) ? error.code : String(error)),
  )

const shownAt = (node: ClusterNode, name: string): Promise<Buffer> =>
  clientOf(node)
    .download(name)
    .then(async ({ chunks }) => {
      const pieces: Uint8Array[] = []
      for await (const piece of chunks) pieces.push(piece)
      return Buffer.concat(pieces)
    })

t.test(
  'a full disk refuses uploads by name, keeps what it has, and recovers by itself',
  { skip: whyNoMounts() },
  async (t) => {
    const machines = [{ address: '127.0.0.1', prefix: onSmallDisk(6) }]
    const cluster = await withCluster(t, { files: ['a', 'b', 'large.bin'], machines })
    const [node, other] = cluster.nodes
    await put(cluster, node, 'a', 1, Buffer.from('one'))

    t.equal(
      await codeOf(put(cluster, node, 'large.bin', 1, randomBytes(8 * 2 ** 20))),
      'ERR_DISK_FULL',
    )
    t.same(readdirSync(inside(node, 'tmp')), [], 'what did not fit is gone')
    const makeRoom = fillDisk(node)
    t.equal(await codeOf(put(cluster, node, 'a', 2, randomBytes(50_000))), 'ERR_DISK_FULL')
    await until('the warning', async () => (await warningsOf(node)).includes('disk-full'))
    // A peer has news that do not fit: it goes on serving what it has.
    await put(cluster, other, 'b', 1, randomBytes(50_000))
    t.equal((await shownAt(node, 'a')).toString(), 'one')
    t.equal(await versionAt(node, 'a'), 1)

    makeRoom()
    await until('room again', async () => !(await warningsOf(node)).includes('disk-full'), 120_000)
    const content = randomBytes(50_000)
    await put(cluster, node, 'a', 2, content)
    t.ok((await shownAt(node, 'a')).equals(content))
    await until('what a peer had', async () => (await versionAt(node, 'b')) === 1, 90_000)
    await until(
      'its content',
      async () => (await shownAt(node, 'b').catch(() => undefined)) !== undefined,
      90_000,
    )
  },
)

t.test(
  'a directory that became read-only is named, and what is shown is served on',
  { skip: whyNoMounts() },
  async (t) => {
    const machines = [{ address: '127.0.0.1', prefix: onSmallDisk(6) }]
    const cluster = await withCluster(t, { files: ['a', 'b'], machines })
    const [node] = cluster.nodes
    await put(cluster, node, 'a', 1, Buffer.from('one'))
    // As when the system remounts a failing disk: what is open stays open.
    for (const directory of ['files', 'content', 'tmp', 'statements']) {
      const path = join(node.stateDir, directory)
      among(
        node,
        'sh',
        '-c',
        `mkdir -p ${path} && mount --bind ${path} ${path} && mount -o remount,bind,ro ${path}`,
      )
    }
    t.equal(await codeOf(put(cluster, node, 'a', 2, Buffer.from('two'))), 'ERR_STATE_UNUSABLE')
    t.equal((await shownAt(node, 'a')).toString(), 'one')
    t.equal(await versionAt(node, 'a'), 1, 'nothing of it was stored')
    for (const directory of ['files', 'content', 'tmp', 'statements']) {
      among(node, 'umount', join(node.stateDir, directory))
    }
    await put(cluster, node, 'a', 2, Buffer.from('two'))
    t.equal((await shownAt(node, 'a')).toString(), 'two')
  },
)

t.test('a database that has lost names, and does not show it, costs no file', async (t) => {
  const cluster = await withCluster(t, { files: ['kept', 'lost', 'deleted'] })
  const [node, ...others] = cluster.nodes
  for (const name of ['kept', 'lost', 'deleted']) {
    await put(cluster, node, name, 1, Buffer.from(name))
  }
  await put(cluster, node, 'deleted', 2, undefined)
  const catalogue = await catalogueOf(node)
  // Alone, so that nothing comes back from peers.
  for (const other of others) await other.kill()
  await node.stop()
  const tables = ['files-names', 'files-kept'].map((name) => table(name))
  const store = createLmdbStore({ path: join(node.stateDir, 'store') })
  await store.open()
  const lost = await store.transaction((tx) => {
    const keys = tables.flatMap((each) => [...tx.range(each)].map(({ key }) => ({ each, key })))
    const gone = keys.filter(({ key }) => !Buffer.from(key).toString('latin1').startsWith('kept'))
    for (const { each, key } of gone) tx.remove(each, key)
    return gone.length
  })
  await store.close()
  t.equal(lost, 4, 'two names in two tables')
  await node.start()
  t.equal(node.read('lost'), 'lost')
  t.equal(await versionAt(node, 'deleted'), 2, 'a tombstone is no less')
  t.equal(await catalogueOf(node), catalogue)
  t.same(filesBelow(join(node.stateDir, 'quarantine')), [])
})

const PAGE_BYTES = 4_096
/** In the head of a page of LMDB: what it holds. */
const FLAGS_OFFSET = 18
const LEAF = 0x02

/** Has the pages of entries that speak of this say that they hold nothing that LMDB knows. */
const unmark = (path: string, text: string): number => {
  const data = readFileSync(path)
  const offsets = Array.from({ length: data.length / PAGE_BYTES }, (_, page) => page * PAGE_BYTES)
  const leaves = offsets.filter((offset) => {
    const page = data.subarray(offset, offset + PAGE_BYTES)
    return page.readUInt16LE(FLAGS_OFFSET) === LEAF && page.includes(text)
  })
  const file = openSync(path, 'r+')
  for (const offset of leaves) writeSync(file, Buffer.alloc(2), 0, 2, offset + FLAGS_OFFSET)
  closeSync(file)
  return leaves.length
}

t.test('damage that is met while it runs is said at once, and mended by a restart', async (t) => {
  const cluster = await withCluster(t, { files: ['one', 'two'] })
  const [node, ...others] = cluster.nodes
  await put(cluster, node, 'one', 1, Buffer.from('1'))
  await put(cluster, node, 'two', 1, Buffer.from('2'))
  const catalogue = await catalogueOf(node)
  // Alone, so that nothing comes back from peers.
  for (const other of others) await other.kill()
  t.notOk((await warningsOf(node)).includes('store-damaged'))
  t.ok(unmark(join(node.stateDir, 'store', 'data.mdb'), 'two') > 0)
  t.equal(await codeOf(shownAt(node, 'two')), 'ERR_STATE_CORRUPT')
  const isSaid = async (): Promise<boolean> => (await warningsOf(node)).includes('store-damaged')
  await until('the error', isSaid, 15_000)
  // As a watchdog would, or an administrator in a hurry.
  await node.kill()
  await node.start()
  t.equal(await catalogueOf(node), catalogue)
  for (const [name, content] of [
    ['one', '1'],
    ['two', '2'],
  ] as const) {
    t.equal((await shownAt(node, name)).toString(), content)
  }
  await checkState(t, node, 'after the restart')
})

const NAMES = Array.from({ length: 40 }, (_, index) => `dir/f${index}`)

const overwrite = (path: string, count: number): void => {
  const file = openSync(path, 'r+')
  const pages = statSync(path).size >> 12
  for (let done = 0; done < count; done++) {
    const page = Math.floor(Math.random() * pages)
    writeSync(file, randomBytes(4_096), 0, 4_096, page << 12)
  }
  closeSync(file)
}

/** A start that came upon damage and says so; the next one looks at everything. */
const isDamage = ({ error }: LogLine): boolean =>
  JSON.stringify(error ?? '').includes('ERR_STATE_CORRUPT')

const truncate = (path: string, bytes: number): void => {
  const file = openSync(path, 'r+')
  ftruncateSync(file, bytes)
  closeSync(file)
}

type Damage = readonly [string, (store: string) => void]
const OVERWRITES = process.env.MESH_TEST_TIER === 'soak' ? 45 : 1

/** What may have become of the database, and whether the daemon has to notice. */
const damages: readonly Damage[] = [
  [
    'has lost its second half',
    (store) => truncate(join(store, 'data.mdb'), statSync(join(store, 'data.mdb')).size >> 1),
  ],
  ['is empty', (store) => truncate(join(store, 'data.mdb'), 0)],
  ['is noise', (store) => writeFileSync(join(store, 'data.mdb'), randomBytes(100_000))],
  ['is not there', (store) => rmSync(store, { recursive: true })],
  ...Array.from(
    { length: OVERWRITES },
    (_, time): Damage => [
      `is overwritten here and there, ${time + 1} of ${OVERWRITES}`,
      (store) => overwrite(join(store, 'data.mdb'), 4),
    ],
  ),
  [
    'has a lock file of noise',
    (store) => writeFileSync(join(store, 'lock.mdb'), randomBytes(8_192)),
  ],
]

t.test(
  'a damaged database is made again from what lies beside it, tombstones included',
  async (t) => {
    const cluster = await withCluster(t, { files: NAMES })
    const [node, ...others] = cluster.nodes
    const contents = new Map<string, Buffer>()
    for (const [index, name] of NAMES.entries()) {
      const content = randomBytes(100 + index)
      await put(cluster, node, name, 1, content)
      contents.set(name, content)
    }
    for (const name of NAMES.slice(0, 5)) {
      await put(cluster, node, name, 2, undefined)
      contents.delete(name)
    }
    await until(
      'all to agree',
      async () => new Set(await Promise.all(cluster.nodes.map(catalogueOf))).size === 1,
      90_000,
    )
    const catalogue = await catalogueOf(node)
    // Alone, so that nothing comes back from peers.
    for (const other of others) await other.kill()

    for (const [what, damage] of damages) {
      await t.test(`one that ${what}`, async (t) => {
        await node.kill()
        damage(join(node.stateDir, 'store'))
        // Two deaths by it, at most, until all of the database is looked at.
        for (let time = 0; time < 4; time++) {
          const started = await node.start().then(
            () => true,
            () => false,
          )
          if (started && (await catalogueOf(node).catch(() => undefined)) === catalogue) break
          await node.kill()
        }
        t.equal(await catalogueOf(node), catalogue, 'the same catalogue')
        for (const name of NAMES) {
          t.same(node.readBytes(name), contents.get(name), name)
          t.equal(await versionAt(node, name), contents.has(name) ? 1 : 2)
        }
        await checkState(t, node, what)
        t.notOk(
          node.log.some((line) => line.level >= 60 && !isDamage(line)),
          'nothing fatal but the damage itself',
        )
      })
    }
    for (const other of others) await other.start()
    await until(
      'all to agree again',
      async () => new Set(await Promise.all(cluster.nodes.map(catalogueOf))).size === 1,
      90_000,
    )
    t.equal(await catalogueOf(node), catalogue)
  },
)
