/** Caps on bandwidth that change by SIGHUP while content moves between daemons. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { startCluster, until } from './cluster.ts'
import { clientOf, put } from './state.ts'
import type { Test } from 'tap'
import type { ClusterNode } from './cluster.ts'

const MEBIBYTE = 2 ** 20
/** Takes a while at the middle rate, however long a slow machine takes to reload. */
const SIZE_BYTES = 40 * MEBIBYTE
const PATIENCE_MS = 180_000
/** At this rate the content would take three quarters of an hour: none of it comes in the time of a test. */
const CRAWL = '16KiB'

t.setTimeout(60 * 60_000)

/** Writes another cap and has the daemon read it. */
const reload = async (node: ClusterNode, key: string, rate: string): Promise<void> => {
  const before = readFileSync(node.configPath, 'utf8')
  const line = new RegExp(`^${key} = .*$`, 'm')
  if (!line.test(before)) throw new Error(`${node.name} has no ${key}`)
  writeFileSync(node.configPath, before.replace(line, `${key} = "${rate}"`))
  const from = node.log.length
  node.signal('SIGHUP')
  const { msg } = await node.logged(
    (line) => node.log.indexOf(line) >= from && /is in force|stays in force/.test(line.msg),
    PATIENCE_MS,
  )
  if (!/the new configuration is in force/.test(msg)) throw new Error(msg)
}

const begin = async (t: Test, key: string) => {
  const cluster = await startCluster({
    files: ['large'],
    config: { cluster: `push_pull_interval = "1s"\n${key} = "${CRAWL}"` },
  })
  t.teardown(cluster.stop)
  const [origin, idle, reader] = cluster.nodes
  await idle.stop()
  const content = randomBytes(SIZE_BYTES)
  await put(cluster, origin, 'large', 1, content, { listed: true })
  const transfer = async () => (await clientOf(reader).transfers()).receiving[0]
  const doneBytes = async (): Promise<number> =>
    reader.readBytes('large') === undefined ? ((await transfer())?.doneBytes ?? 0) : SIZE_BYTES
  const isShown = (): boolean => reader.readBytes('large')?.equals(content) === true
  return { origin, reader, transfer, doneBytes, isShown }
}

for (const [key, whose] of [
  ['max_download', 'reader'],
  ['max_upload', 'origin'],
] as const) {
  t.test(`${key} is raised, lowered and raised again while content moves`, async (t) => {
    const { [whose]: node, transfer, doneBytes, isShown } = await begin(t, key)
    t.ok((await doneBytes()) < SIZE_BYTES, 'it crawls')
    await reload(node, key, '3MiB')
    await until('some of it', async () => (await doneBytes()) > 4 * MEBIBYTE, PATIENCE_MS)
    t.notOk(isShown())

    await reload(node, key, CRAWL)
    // What comes from now on is a block that was under way, at most of each holder.
    const before = await doneBytes()
    await until(
      'the rate to fall',
      async () => isShown() || ((await transfer())?.bytesPerSecond ?? SIZE_BYTES) < 64 * 1024,
      PATIENCE_MS,
    )
    const crawled = (await doneBytes()) - before
    t.ok(crawled <= 6 * MEBIBYTE, `${crawled} bytes more until it crawls`)
    t.notOk(isShown(), 'it crawls again')

    await reload(node, key, '1GiB')
    await until('all of it', isShown, PATIENCE_MS)
    t.pass('and comes to its end')
  })
}
