/** Large files through real daemons: signed, sent with curl, fetched by blocks from everybody. */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blockListDigest, createChunker, encodeBlockList } from '../../src/chunk/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { createHostileMember } from '../hostile/hostile-member.ts'
import { allBlocks, blockPiece, items, listPiece } from '../hostile/wire.ts'
import { readBlockRequest, record } from '../hostile/wire.ts'
import { MAX_GROWTH_BYTES, memoryOf } from '../hostile/resources.ts'
import { curlHeaders, run, sign, startCluster, until } from './cluster.ts'
import { clientOf } from './state.ts'
import type { BlockList } from '../../src/chunk/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Cluster, ClusterInit, ClusterNode } from './cluster.ts'

const MEBIBYTE = 2 ** 20
const IS_SOAK = process.env.MESH_TEST_TIER === 'soak'
const PATIENCE_MS = IS_SOAK ? 20 * 60_000 : 180_000
const NAME = 'images/big'

t.setTimeout(60 * 60_000)

const listOf = (content: Uint8Array): BlockList => {
  const chunker = createChunker()
  chunker.update(content)
  return chunker.end().list
}

const start = (init: ClusterInit = {}): Promise<Cluster> =>
  startCluster({ files: [NAME], maxSize: '8GiB', ...init })

/** Everything that curl says, as JSON. */
const put = async (
  cluster: Cluster,
  at: ClusterNode,
  signed: SignedStatement,
  content: Uint8Array,
): Promise<{ readonly code?: string; readonly outcome?: string; readonly detail?: string }> => {
  const path = join(cluster.directory, 'upload')
  writeFileSync(path, content)
  const args = ['-sS', '-T', path, ...curlHeaders(signed), `${at.url}/files/${NAME}`]
  return JSON.parse((await run('curl', args, { timeoutMs: PATIENCE_MS })).out)
}

const shows = (node: ClusterNode, content: Uint8Array): Promise<unknown> =>
  until(
    `${NAME} at ${node.name}`,
    () => node.readBytes(NAME)?.equals(content) === true,
    PATIENCE_MS,
  )

/** What lies in a directory of the state directory, at any depth. */
const filesIn = (node: ClusterNode, directory: string): string[] => {
  try {
    return readdirSync(join(node.stateDir, directory), { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

t.test('an upload is held against its list of blocks before it is answered', async (t) => {
  const cluster = await start()
  t.teardown(() => cluster.stop())
  const [first] = cluster.nodes
  const content = randomBytes(3 * MEBIBYTE)
  const wrong = await sign(cluster, NAME, content, { blocks: sha256('another list') })
  t.match(await put(cluster, first, wrong, content), {
    code: 'ERR_FILE_CONTENT_MISMATCH',
    detail: /block list/,
  })
  t.equal(first.readBytes(NAME), undefined)
  const blocks = blockListDigest(listOf(content))
  const right = await sign(cluster, NAME, content, { blocks })
  t.match(await put(cluster, first, right, content), { outcome: 'stored' })
  for (const node of cluster.nodes) await shows(node, content)
  t.same(filesIn(first, 'tmp'), [])
  t.same(filesIn(first, 'content'), [], 'what is shown serves its own blocks: no second copy')
})

t.test('a holder that lies and one that dies keep nobody from the content', async (t) => {
  const size = 16 * MEBIBYTE
  // Slow enough for the others to join, and to be seen half-way.
  const config = { cluster: 'max_download = "3MiB"' }
  const cluster = await start({ count: 4, config })
  t.teardown(() => cluster.stop())
  const [first, dying, honest, reader] = cluster.nodes
  if (reader === undefined) throw new Error('there are four nodes')
  await reader.stop()
  const content = randomBytes(size)
  const list = listOf(content)
  const encoded = encodeBlockList(list)
  const signed = await sign(cluster, NAME, content, { blocks: blockListDigest(list) })
  await put(cluster, first, signed, content)
  for (const node of [dying, honest]) await shows(node, content)

  await reader.start()
  const liar = await createHostileMember(cluster, reader, {
    name: 'liar',
    handlers: {
      '/mesh/blocks/1': async (stream) => {
        for (;;) {
          const frame = await stream.receive()
          if (frame === undefined) return
          const { type, id, indexes } = readBlockRequest(frame)
          if (type === 1) await stream.send(allBlocks(id))
          if (type === 3) await stream.send(listPiece(id, encoded.length, 0, encoded))
          for (const index of indexes) {
            const sizeBytes = list.blocks[index]?.sizeBytes ?? 0
            for (let at = 0; at < sizeBytes; at += 64 * 1024) {
              const bytes = randomBytes(Math.min(64 * 1024, sizeBytes - at))
              await stream.send(blockPiece(id, index, at, bytes))
            }
          }
        }
      },
    },
  })
  t.teardown(() => liar.stop())
  await (await liar.link).send(items({ record: record(signed), holds: true }))
  await reader.logged(
    (line) => line.name === 'liar' && line.code === 'ERR_FILE_CONTENT_MISMATCH',
    PATIENCE_MS,
  )
  t.equal(reader.readBytes(NAME), undefined, 'it was noticed before anything was shown')
  await dying.kill()
  await shows(reader, content)
})

t.test('a daemon that is killed while it fetches goes on where it was', async (t) => {
  const kills = IS_SOAK ? 40 : 3
  const config = { cluster: 'max_download = "4MiB"' }
  const cluster = await start({ config })
  t.teardown(() => cluster.stop())
  const [first, second, reader] = cluster.nodes
  await reader.stop()
  const content = randomBytes((IS_SOAK ? 64 : 12) * MEBIBYTE)
  const blocks = blockListDigest(listOf(content))
  const signed = await sign(cluster, NAME, content, { blocks })
  await put(cluster, first, signed, content)
  await shows(second, content)
  let before = 0
  for (let kill = 0; kill < kills; kill++) {
    await reader.start()
    // The rest of it comes at once, and there is nothing to interrupt any more.
    if (reader.readBytes(NAME) !== undefined) break
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 600))
    const { out } = await run('curl', ['-sS', `${reader.url}/status`])
    t.type(JSON.parse(out), 'object', 'it answers while it fetches')
    before++
    await reader.kill()
    const found = reader.readBytes(NAME)
    t.ok(found === undefined || found.equals(content), 'nothing unverified is shown')
  }
  t.ok(before > 0)
  if (before === kills) await reader.start()
  await shows(reader, content)
  t.same(filesIn(reader, 'tmp'), [])
})

t.test('a newer version ends the fetch of an older one, and its room comes back', async (t) => {
  const config = { cluster: 'max_download = "2MiB"' }
  const cluster = await start({ config })
  t.teardown(() => cluster.stop())
  const [first, , reader] = cluster.nodes
  const old = randomBytes(24 * MEBIBYTE)
  const oldBlocks = blockListDigest(listOf(old))
  await put(cluster, first, await sign(cluster, NAME, old, { blocks: oldBlocks }), old)
  const partial = () => filesIn(reader, 'partial')
  await until('something of it', () => partial().length > 0, PATIENCE_MS)
  const small = Buffer.from('a newer and much smaller version')
  await put(cluster, first, await sign(cluster, NAME, small, { version: 2 }), small)
  for (const node of cluster.nodes) await shows(node, small)
  await until('the partial file to go', () => partial().length === 0, PATIENCE_MS)
})

const hashOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: MEBIBYTE })) hash.update(piece)
  return hash.digest('hex')
}

/** Bytes that the process has written so far, as the kernel counts them: to files and sockets. */
const writtenBytes = ({ pid }: ClusterNode): number =>
  Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN)

const metricOf = async (node: ClusterNode, pattern: RegExp): Promise<number> => {
  const url = 'http://localhost/metrics'
  const { out } = await run('curl', ['-sS', '--unix-socket', node.socketPath, url])
  return Number(pattern.exec(out)?.[1] ?? Number.NaN)
}

const sentBytes = (node: ClusterNode): Promise<number> =>
  metricOf(node, /^mesh_block_bytes_total\{direction="sent"\} (\S+)/m)
const receivedBytes = (node: ClusterNode): Promise<number> =>
  metricOf(node, /^mesh_block_bytes_total\{direction="received"\} (\S+)/m)

/** What is here of the content while it is fetched; all of it once it is shown. */
const doneBytes = async (node: ClusterNode, sizeBytes: number): Promise<number> => {
  if (filesIn(node, 'files').includes('big')) return sizeBytes
  const { receiving } = await clientOf(node).transfers()
  return receiving.find(({ name }) => name === NAME)?.doneBytes ?? 0
}

/** Of the large file; less than the full figure to try the test itself, at any tier. */
const FULL_BYTES = 4 * 2 ** 30
const LARGE_BYTES = Number(process.env.MESH_LARGE_BYTES ?? FULL_BYTES)
const isLargeWanted = IS_SOAK || process.env.MESH_LARGE_BYTES !== undefined
const MAX_COPIES = 1.5

const inMib = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`

/** The highest resident memory of every process that a node has had. */
const createPeaks = () => {
  const peaks = new Map<string, number>()
  return {
    peaks,
    note(node: ClusterNode): void {
      peaks.set(node.name, Math.max(peaks.get(node.name) ?? 0, memoryOf(node).peakBytes))
    },
  }
}

t.test(
  '4 GiB from curl into one of eight daemons',
  { skip: !isLargeWanted && 'soak only' },
  async (t) => {
    const cluster = await start({
      count: 8,
    })
    t.teardown(() => cluster.stop())
    const { nodes } = cluster
    const [first, victim] = nodes
    const { peaks, note } = createPeaks()
    const path = join(cluster.directory, 'upload')
    const count = `count=${LARGE_BYTES / MEBIBYTE}`
    const made = await run('dd', ['if=/dev/urandom', `of=${path}`, 'bs=1M', count], {
      timeoutMs: PATIENCE_MS,
    })
    t.equal(made.code, 0, made.err)
    const chunker = createChunker()
    for await (const piece of createReadStream(path, { highWaterMark: MEBIBYTE })) {
      chunker.update(piece)
    }
    const { digest, list } = chunker.end()
    const { sizeBytes } = list
    const content = { digest, sizeBytes }
    const signed = await sign(cluster, NAME, '', { content, blocks: blockListDigest(list) })
    const rest = new Map(nodes.map((node) => [node.name, memoryOf(node).nowBytes]))
    const writtenBefore = writtenBytes(first)
    const startMs = performance.now()
    const secondsSince = (): string => ((performance.now() - startMs) / 1_000).toFixed(1)

    const args = ['-sS', '-T', path, ...curlHeaders(signed), `${first.url}/files/${NAME}`]
    const { out } = await run('curl', args, { timeoutMs: PATIENCE_MS })
    t.match(JSON.parse(out), { outcome: 'stored' })
    t.comment(`${secondsSince()} s: ${inMib(sizeBytes)} are uploaded and durable`)
    rmSync(path)

    await until(
      'a third of it at the victim',
      async () => (await doneBytes(victim, sizeBytes)) >= sizeBytes / 3,
      PATIENCE_MS,
    )
    const hadBytes = await doneBytes(victim, sizeBytes)
    note(victim)
    await victim.kill()
    t.equal(filesIn(victim, 'files').includes('big'), false, 'it is killed in the middle')
    t.comment(`${secondsSince()} s: ${victim.name} is killed with ${inMib(hadBytes)}`)
    await victim.start()

    for (const node of nodes) {
      const isShown = (): boolean => filesIn(node, 'files').includes('big')
      await until(`${NAME} at ${node.name}`, isShown, PATIENCE_MS)
    }
    t.comment(`${secondsSince()} s: all eight show it`)

    // What was here and right is not fetched again.
    const afterBytes = await receivedBytes(victim)
    t.ok(
      hadBytes + afterBytes <= sizeBytes,
      `${inMib(hadBytes)} before it was killed, ${inMib(afterBytes)} fetched afterwards`,
    )
    const copies = (await sentBytes(first)) / sizeBytes
    t.ok(copies <= MAX_COPIES, `${copies.toFixed(2)} copies from the first, as it counts them`)
    // The upload itself was written to the disk once; what is left is what went to sockets and logs.
    const written = (writtenBytes(first) - writtenBefore - sizeBytes) / sizeBytes
    t.ok(written <= MAX_COPIES, `${written.toFixed(2)} copies from the first, as the kernel counts`)
    t.ok(written >= copies, 'the two agree')

    for (const node of nodes) {
      note(node)
      t.equal(await hashOf(node.file(NAME)), digest, `${node.name} has the same bytes`)
      const [peak, before] = [peaks.get(node.name) ?? Number.NaN, rest.get(node.name) ?? 0]
      const facts = `${node.name}: ${inMib(before)} at rest, ${inMib(peak)} at most`
      t.ok(peak - before <= MAX_GROWTH_BYTES, facts)
    }
    t.same([...filesIn(victim, 'partial'), ...filesIn(victim, 'tmp')], [], 'nothing else is left')
    t.comment(`${secondsSince()} s in all`)
  },
)
