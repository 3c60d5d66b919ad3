/** Daemon processes on a disk that is full or read-only, while they start, reload and publish. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { createLastingDisk } from '../support/lasting-disk.ts'
import { whyNoMounts } from '../support/small-disk.ts'
import { startCluster, until } from './cluster.ts'
import { catalogueOf, clientOf, PATIENCE_MS, put, versionAt, warningsOf } from './state.ts'
import type { Test } from 'tap'
import type { LastingDisk } from '../support/lasting-disk.ts'
import type { Cluster, ClusterNode } from './cluster.ts'

t.setTimeout(20 * 60_000)

const FILES = ['a', 'b', 'c']
/** Where daemons make and change files after the start. */
const DIRECTORIES = ['files', 'content', 'tmp', 'statements']
/** More than what is left where there is no room for a page. */
const MEDIUM_BYTES = 50_000

interface Scene {
  readonly cluster: Cluster
  readonly disk: LastingDisk
  /** The one on the small disk. */
  readonly node: ClusterNode
  readonly other: ClusterNode
}

const withLastingDisk = async (t: Test): Promise<Scene> => {
  const disk = await createLastingDisk()
  t.teardown(() => disk.remove())
  const cluster = await startCluster({
    files: FILES,
    machines: [disk.machine],
    config: { cluster: 'push_pull_interval = "1s"' },
  })
  t.teardown(cluster.stop)
  const [node, other] = cluster.nodes
  return { cluster, disk, node, other }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'stored',
    (error) => (isMeshError(error) ? error.code : String(error)),
  )

const shownAt = async (node: ClusterNode, name: string): Promise<Buffer> => {
  const { chunks } = await clientOf(node).download(name)
  const pieces: Uint8Array[] = []
  for await (const piece of chunks) pieces.push(piece)
  return Buffer.concat(pieces)
}

const textAt = (node: ClusterNode, name: string): Promise<string> =>
  shownAt(node, name).then(String, (error) => (isMeshError(error) ? error.code : String(error)))

const toWarn = (node: ClusterNode, code: string): Promise<boolean> =>
  until(code, async () => (await warningsOf(node)).includes(code), PATIENCE_MS)

/** All is as it is where the disk never refused anything. */
const toBeWell = async ({ cluster, node }: Scene): Promise<void> => {
  const isWell = async (): Promise<boolean> =>
    !(await warningsOf(node)).some((code) => code.startsWith('disk-'))
  await until('the warning to end', isWell, PATIENCE_MS)
  const inStep = async (): Promise<boolean> =>
    new Set(await Promise.all(cluster.nodes.map(catalogueOf))).size === 1
  await until('the same catalogue everywhere', inStep, PATIENCE_MS)
}

const toShow = (node: ClusterNode, name: string, content: Buffer): Promise<boolean> =>
  until(
    `${name} at ${node.name}`,
    async () => (await shownAt(node, name).catch(() => undefined))?.equals(content),
    PATIENCE_MS,
  ).then(() => true)

/** Sends SIGHUP after a change of the configuration; answers what came of it. */
const reload = async (node: ClusterNode, change: (text: string) => string): Promise<string> => {
  writeFileSync(node.configPath, change(readFileSync(node.configPath, 'utf8')))
  const from = node.log.length
  node.signal('SIGHUP')
  const { msg } = await node.logged(
    (line) => node.log.indexOf(line) >= from && /in force/.test(line.msg),
  )
  return msg
}

const without =
  (name: string) =>
  (text: string): string =>
    text.replace(new RegExp(`^"${name}" = .*$`, 'm'), (line) => `# ${line}`)
const withAll = (text: string): string => text.replaceAll(/^# "/gm, '"')

const skip = whyNoMounts()

t.test('on a full disk it starts, reloads, and dies without a loss', { skip }, async (t) => {
  const scene = await withLastingDisk(t)
  const { cluster, disk, node, other } = scene
  await put(cluster, node, 'a', 1, Buffer.from('one'))
  await put(cluster, node, 'c', 1, Buffer.from('three'))
  await node.stop()
  disk.fill(node)
  const news = randomBytes(MEDIUM_BYTES)
  await put(cluster, other, 'b', 1, news)

  await node.start()
  t.equal(await textAt(node, 'a'), 'one', 'started, and serves what it has')
  await toWarn(node, 'disk-full')
  // Each time the next start looks at more, and the third one wants to copy the database.
  for (let death = 1; death <= 3; death++) {
    await node.kill()
    disk.fill(node)
    await node.start()
    t.equal(await textAt(node, 'a'), 'one', `after ${death} deaths`)
  }

  disk.fill(node)
  t.match(await reload(node, without('c')), /is in force/)
  t.equal(await textAt(node, 'c'), 'ERR_FILE_NOT_CONFIGURED')
  t.equal(await textAt(node, 'a'), 'one')
  t.match(await reload(node, withAll), /is in force/)
  t.equal(await textAt(node, 'a'), 'one')

  disk.makeRoom(node)
  await toBeWell(scene)
  t.ok(await toShow(node, 'b', news), 'what a peer had')
  t.ok(await toShow(node, 'c', Buffer.from('three')), 'and what had been withdrawn')
  await put(cluster, node, 'a', 2, Buffer.from('two'))
  t.equal(await textAt(node, 'a'), 'two')
})

t.test(
  'a first start on a full disk says what to do, and a later one works',
  { skip },
  async (t) => {
    const scene = await withLastingDisk(t)
    const { cluster, disk, node } = scene
    await put(cluster, node, 'a', 1, Buffer.from('one'))
    await toBeWell(scene)
    await node.stop()
    disk.empty(node)
    disk.fill(node)
    await t.rejects(node.start(), { message: /ended with 75 [\s\S]*the disk is full/ })
    disk.makeRoom(node)
    await node.start()
    await toBeWell(scene)
    t.ok(await toShow(node, 'a', Buffer.from('one')), 'it has all from its peers again')
  },
)

t.test('a read-only disk ends a start with its path, and nothing is lost', { skip }, async (t) => {
  const scene = await withLastingDisk(t)
  const { cluster, disk, node } = scene
  await put(cluster, node, 'a', 1, Buffer.from('one'))
  const catalogue = await catalogueOf(node)
  for (const end of ['in good order', 'by kill -9'] as const) {
    await (end === 'by kill -9' ? node.kill() : node.stop())
    disk.setReadOnly(node, true)
    await t.rejects(
      node.start(),
      { message: new RegExp(`ended with 75 [\\s\\S]*${node.stateDir}[\\s\\S]*[Rr]ead-only`) },
      end,
    )
    disk.setReadOnly(node, false)
    await node.start()
    t.equal(await catalogueOf(node), catalogue, `${end}: the same catalogue`)
    t.equal(await textAt(node, 'a'), 'one')
  }
})

t.test('on a read-only disk it serves, reloads, and takes nothing', { skip }, async (t) => {
  const scene = await withLastingDisk(t)
  const { cluster, disk, node, other } = scene
  await put(cluster, node, 'a', 1, Buffer.from('one'))
  await put(cluster, node, 'c', 1, Buffer.from('three'))
  // As when the system remounts a failing disk: what is open stays open.
  disk.setDirectoriesReadOnly(node, DIRECTORIES, true)
  t.equal(await codeOf(put(cluster, node, 'a', 2, Buffer.from('two'))), 'ERR_STATE_UNUSABLE')
  t.equal(await versionAt(node, 'a'), 1, 'nothing of it was stored')
  const news = randomBytes(MEDIUM_BYTES)
  await put(cluster, other, 'b', 1, news)
  await toWarn(node, 'disk-unusable')

  t.match(await reload(node, without('c')), /is in force/)
  t.equal(await textAt(node, 'c'), 'ERR_FILE_NOT_CONFIGURED')
  t.ok(existsSync(disk.inside(node, 'files/c')), 'it cannot be taken away yet')
  t.equal(await textAt(node, 'a'), 'one')

  disk.setDirectoriesReadOnly(node, DIRECTORIES, false)
  await until('it to be taken away', () => !existsSync(disk.inside(node, 'files/c')), PATIENCE_MS)
  t.match(await reload(node, withAll), /is in force/)
  await toBeWell(scene)
  t.ok(await toShow(node, 'b', news), 'what a peer had')
  t.ok(await toShow(node, 'c', Buffer.from('three')), 'and what had been withdrawn')
  await put(cluster, node, 'a', 2, Buffer.from('two'))
  t.equal(await textAt(node, 'a'), 'two')
})
