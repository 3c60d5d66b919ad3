/** Content that is read at a node that does not keep it. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { parseFileName } from '../../../src/statement/index.ts'
import { MAX_READ_THROUGHS, READ_THROUGH_BYTES } from '../../../src/sync/limits.ts'
import { blockAnswers, createContent, listAnswer, playHolder } from '../../support/block-holder.ts'
import { createFilesMesh, policyOf, shownAt, upload } from '../../support/files-mesh.ts'
import { allPairs } from '../../support/mesh.ts'
import type { Test } from 'tap'
import type { FilesState } from '../../support/files-mesh.ts'
import type { MeshNode } from '../../support/mesh.ts'

const MEBIBYTE = 2 ** 20
const name = parseFileName('big')

/** The first `keeping` nodes keep what is published, the others have no room for it. */
const play = async (
  t: Test,
  { count = 3, keeping = 1, cacheBytes = 2 ** 30 }: Partial<Record<string, number>> = {},
) => {
  const mesh = await createFilesMesh({
    ...{ count, cacheBytes },
    policies: (index) => [{ ...policyOf('big'), maxSizeBytes: index < keeping ? 2 ** 30 : 1_000 }],
  })
  t.teardown(() => mesh.stop())
  await mesh.link(allPairs(count))
  await mesh.clock.advance(1_000)
  return mesh
}
type Played = Awaited<ReturnType<typeof play>>

const publish = async (mesh: Played, sizeBytes: number) => {
  const content = randomBytes(sizeBytes)
  await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
  await mesh.until(() => mesh.nodes.every((node) => /^1 |^too-large/.test(shownAt(node, 'big'))))
  return content
}

const open = ({ sync }: MeshNode<FilesState>) => {
  const file = sync.open?.(name)
  if (file === undefined) throw new Error('there is nothing to be read through')
  return file
}

const read = async (
  node: MeshNode<FilesState>,
  range: { start?: number; end?: number; signal?: AbortSignal } = {},
): Promise<Buffer> => {
  const pieces: Uint8Array[] = []
  for await (const piece of open(node).stream(range)) pieces.push(piece)
  return Buffer.concat(pieces)
}

const received = ({ sync }: MeshNode<FilesState>): number => sync.status().counts.blockBytesReceived

t.test('what a node does not keep is read out of one that does, any range of it', async (t) => {
  const mesh = await play(t)
  const content = await publish(mesh, 24 * MEBIBYTE + 12_345)
  const reader = mesh.node(1)
  t.equal(shownAt(reader, 'big'), 'too-large')
  t.equal(received(reader), 0, 'nothing comes before somebody reads')
  for (const [start, end] of [
    [0, 1],
    [5 * MEBIBYTE - 7, 9 * MEBIBYTE + 3],
    [content.length - 10, content.length],
    [0, content.length],
    [MEBIBYTE, MEBIBYTE],
  ] as const) {
    const bytes = await mesh.run(read(reader, { start, end }))
    t.ok(bytes.equals(content.subarray(start, end)), `bytes ${start} to ${end}`)
  }
  t.equal(shownAt(reader, 'big'), 'too-large')
  t.same([...reader.state.blocks.owners()], [], 'nobody keeps any of it')
  t.same(reader.blamed, [])
  t.same(reader.sync.transfers(), { receiving: [], sending: [] })
})

t.test('a range costs little more than itself, and nothing a second time', async (t) => {
  const mesh = await play(t)
  const content = await publish(mesh, 24 * MEBIBYTE)
  const reader = mesh.node(1)
  const range = { start: 10 * MEBIBYTE, end: 10 * MEBIBYTE + 1_000 }
  const first = await mesh.run(read(reader, range))
  t.ok(first.equals(content.subarray(range.start, range.end)))
  const cost = received(reader)
  t.ok(cost > 0 && cost <= 8 * MEBIBYTE, `${cost} bytes came, two blocks at most`)
  t.ok((await mesh.run(read(reader, range))).equals(first))
  t.equal(received(reader), cost, 'the cache had it')
})

t.test('the cache stays under its cap, and keeps what is asked for most', async (t) => {
  const cacheBytes = 12 * MEBIBYTE
  const mesh = await play(t, { cacheBytes })
  const content = await publish(mesh, 40 * MEBIBYTE)
  const reader = mesh.node(1)
  const popular = { start: 0, end: 1_000 }
  for (let round = 0; round < 10; round++) await mesh.run(read(reader, popular))
  for (let round = 0; round < 3; round++) {
    t.ok((await mesh.run(read(reader))).equals(content))
    const { cachedBytes, cachedBlocks } = reader.state.blocks.stat()
    t.ok(cachedBytes <= cacheBytes, `${cachedBytes} bytes are cached`)
    t.ok(cachedBlocks > 0)
  }
  const before = received(reader)
  await mesh.run(read(reader, popular))
  t.equal(received(reader), before, 'what was read ten times is still here')
})

t.test('without a cache all of it is read, and nothing stays', async (t) => {
  const mesh = await play(t, { cacheBytes: 0 })
  const content = await publish(mesh, 12 * MEBIBYTE)
  const reader = mesh.node(1)
  t.ok((await mesh.run(read(reader))).equals(content))
  t.equal(reader.state.blocks.stat().storedBytes, 0)
})

t.test('what was read is passed on to those who look for it', async (t) => {
  const mesh = await play(t, { count: 3 })
  const content = await publish(mesh, 6 * MEBIBYTE)
  const [origin, first, second] = [mesh.node(0), mesh.node(1), mesh.node(2)]
  await mesh.run(read(first))
  mesh.network.kill(origin.peerId, {})
  await mesh.clock.advance(5_000)
  t.ok((await mesh.run(read(second))).equals(content))
  // What has arrived is counted a moment later by who sent it.
  await mesh.clock.advance(100)
  t.equal(first.sync.status().counts.blockBytesSent, content.length)
})

t.test('the blocks come from everybody who keeps them', async (t) => {
  const mesh = await play(t, { count: 4, keeping: 3 })
  const content = await publish(mesh, 30 * MEBIBYTE)
  const before = mesh.nodes.map(({ sync }) => sync.status().counts.blockBytesSent)
  t.ok((await mesh.run(read(mesh.node(3)))).equals(content))
  for (const [index, { sync }] of mesh.nodes.slice(0, 3).entries()) {
    t.ok(sync.status().counts.blockBytesSent > (before[index] ?? 0), `node ${index} gave some`)
  }
})

t.test('no more is fetched than is read, however long the reader pauses', async (t) => {
  const mesh = await play(t)
  const content = await publish(mesh, 40 * MEBIBYTE)
  const reader = mesh.node(1)
  const pieces = open(reader).stream()[Symbol.asyncIterator]()
  const got: Uint8Array[] = []
  const next = async (): Promise<boolean> => {
    const { done, value } = await mesh.run(Promise.resolve(pieces.next()))
    if (done !== true) got.push(value)
    return done !== true
  }
  await next()
  await mesh.clock.advance(10 * 60_000)
  const ahead = received(reader)
  t.ok(ahead <= READ_THROUGH_BYTES + 8 * MEBIBYTE, `${ahead} bytes came`)
  while (await next());
  t.ok(Buffer.concat(got).equals(content))
  t.same(reader.blamed, [])
})

t.test('so many at once, and a place is free when a reader has gone', async (t) => {
  const mesh = await play(t)
  await publish(mesh, 20 * MEBIBYTE)
  const reader = mesh.node(1)
  const gone = new AbortController()
  const readers = Array.from({ length: MAX_READ_THROUGHS }, () =>
    open(reader).stream({ signal: gone.signal })[Symbol.asyncIterator](),
  )
  for (const each of readers) await mesh.run(Promise.resolve(each.next()))
  await t.rejects(mesh.run(read(reader)), { code: 'ERR_DAEMON_BUSY' })
  gone.abort()
  for (const each of readers) await mesh.run(Promise.resolve(each.return?.()))
  t.equal((await mesh.run(read(reader, { end: 10 }))).length, 10)
})

t.test('says so when nobody delivers', async (t) => {
  const mesh = await play(t, { count: 2 })
  await publish(mesh, 2 * MEBIBYTE)
  mesh.network.kill(mesh.node(0).peerId, {})
  await mesh.clock.advance(5_000)
  await t.rejects(mesh.run(read(mesh.node(1))), { code: 'ERR_FILE_CONTENT_MISSING' })
})

t.test('nothing wrong is handed on, and whoever sends it is blamed', async (t) => {
  const mesh = await play(t, { count: 1, keeping: 0 })
  const content = createContent('big', 12 * MEBIBYTE)
  const reader = mesh.node(0)
  const answers = (isRight: boolean) =>
    playHolder(mesh, reader, isRight ? 'good' : 'bad', async (request, say) => {
      const { type, id } = request
      if (type === 'open') await say({ type: 'all', id })
      else if (type === 'ask-list') await say(listAnswer(id, content))
      else if (type === 'ask') {
        for (const index of request.indexes) {
          const right = blockAnswers(id, content, index)
          const wrong = right.map((each) =>
            'bytes' in each ? { ...each, bytes: randomBytes(each.bytes.length) } : each,
          )
          await say(...(isRight ? right : wrong))
        }
      }
    })
  const [bad] = [await answers(false), await answers(true)]
  await bad.publish(content)
  t.equal(shownAt(reader, 'big'), 'too-large')
  t.ok((await mesh.run(read(reader))).equals(content.bytes))
  t.strictSame([...new Set(reader.blamed)], [`${bad.peerId} ERR_FILE_CONTENT_MISMATCH`])
})
