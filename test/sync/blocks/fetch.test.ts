/** In which order blocks are asked for, and of whom, seen by holders that are played by hand. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createChunker, encodeBlockList } from '../../../src/chunk/index.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { decodeBlockRequest, encodeBlockAnswer } from '../../../src/sync/blocks/messages.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from '../../../src/sync/blocks/server.ts'
import { MAX_BLOCK_PIECE_BYTES, SMALL_CONTENT_BYTES } from '../../../src/sync/limits.ts'
import { createFilesMesh, policyOf, shownAt, sign, upload } from '../../support/files-mesh.ts'
import type { BlockAnswer, BlockRequest } from '../../../src/sync/blocks/messages.ts'
import type { FrameStream } from '../../../src/transport/index.ts'
import type { FilesState } from '../../support/files-mesh.ts'
import type { Mesh, MeshNode } from '../../support/mesh.ts'

const MEBIBYTE = 2 ** 20

const createContent = (name: string, sizeBytes: number) => {
  const bytes = randomBytes(sizeBytes)
  const chunker = createChunker()
  chunker.update(bytes)
  const { list } = chunker.end()
  return { name, bytes, list }
}
type Content = ReturnType<typeof createContent>

const listOf = (id: number, { list }: Content): BlockAnswer => {
  const bytes = encodeBlockList(list)
  return { type: 'list', id, sizeBytes: bytes.length, offset: 0, bytes }
}

const blockOf = (id: number, { bytes, list }: Content, index: number): BlockAnswer[] => {
  const start = list.blocks.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const block = bytes.subarray(start, start + (list.blocks[index]?.sizeBytes ?? 0))
  return Array.from({ length: Math.ceil(block.length / MAX_BLOCK_PIECE_BYTES) }, (_, at) => {
    const offset = at * MAX_BLOCK_PIECE_BYTES
    const piece = block.subarray(offset, offset + MAX_BLOCK_PIECE_BYTES)
    return { type: 'piece', id, index, offset, bytes: piece }
  })
}

/** A member that has the contents; the reader is told of each by `publish`. `give` answers what blocks are asked for. */
const addHolder = async (
  mesh: Mesh<FilesState>,
  reader: MeshNode<FilesState>,
  contents: readonly Content[],
  give: (
    request: Extract<BlockRequest, { type: 'ask' | 'cancel' }>,
    content: Content,
    say: (answer: BlockAnswer) => Promise<void>,
  ) => Promise<void>,
): Promise<{ isLeft: () => boolean; publish: (content: Content) => Promise<void> }> => {
  const holder = await mesh.stranger('holder')
  const streams: FrameStream[] = []
  holder.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
    await stream.receive()
    await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
  })
  holder.handle(BLOCKS_PROTOCOL, BLOCKS_INIT, async (stream) => {
    streams.push(stream)
    const opened = new Map<number, Content>()
    const say = (answer: BlockAnswer) => stream.send(encodeBlockAnswer(answer))
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined) return
      const request = decodeBlockRequest(frame)
      const { id, type } = request
      const content =
        type === 'open' ? contents.find(({ name }) => name === request.name) : opened.get(id)
      if (content === undefined) continue
      opened.set(id, content)
      if (type === 'open') await say({ type: 'all', id })
      else if (type === 'ask-list') await say(listOf(id, content))
      else if (type === 'ask' || type === 'cancel') await give(request, content, say)
    }
  })
  await mesh.run(holder.dial(reader.transport.addresses()[0] ?? ''))
  const publish = async ({ name, bytes }: Content): Promise<void> => {
    const signed = await sign({ name, content: bytes, listed: true })
    const from = { kind: 'peer', peer: holder.peerId } as const
    await mesh.run(reader.state.files.accept(signed, undefined, from))
  }
  return { isLeft: () => streams.some(({ signal }) => signal.aborted), publish }
}

t.test('a slow holder is overtaken', async (t) => {
  const content = createContent('big', 3 * MEBIBYTE)
  const mesh = await createFilesMesh({ count: 2, policies: [policyOf('big')] })
  t.teardown(() => mesh.stop())
  const [origin, reader] = [mesh.node(0), mesh.node(1)]
  const asked = new Set<number>()
  const cancelled = new Set<number>()
  const slow = await addHolder(mesh, reader, [content], async ({ type, indexes }) => {
    for (const index of indexes) (type === 'ask' ? asked : cancelled).add(index)
  })
  await slow.publish(content)
  t.type(await mesh.until(() => asked.size > 0), 'number')
  await upload(mesh, origin, { name: 'big', content: content.bytes, listed: true })
  await mesh.link([[1, 0]])
  t.type(await mesh.until(() => shownAt(reader, 'big').startsWith('1 ')), 'number')
  t.notOk(slow.isLeft(), 'it had not been given up when all of it was here')
  await mesh.clock.advance(1_000)
  t.same([...cancelled].sort(), [...asked].sort(), 'what it still owed is not wanted any more')
  t.equal(origin.sync.status().counts.blockBytesSent, content.bytes.length)
  t.same(reader.blamed, [], 'it is slow, not hostile')
})

t.test('small contents come before large ones, and transfers share fairly', async (t) => {
  const large = ['a', 'b'].map((name) => createContent(name, 12 * MEBIBYTE))
  const small = createContent('small', SMALL_CONTENT_BYTES)
  const contents = [...large, small]
  const policies = contents.map(({ name }) => policyOf(name))
  const mesh = await createFilesMesh({ count: 1, policies })
  t.teardown(() => mesh.stop())
  const reader = mesh.node(0)
  const left = new Map(contents.map(({ name, list }) => [name, list.blocks.length]))
  const bytes = new Map(contents.map(({ name }) => [name, 0]))
  let [farthest, largeBefore] = [0, 0]
  const holder = await addHolder(mesh, reader, contents, async (request, content, say) => {
    if (request.type !== 'ask') return
    for (const index of request.indexes) {
      const { name } = content
      left.set(name, (left.get(name) ?? 0) - 1)
      bytes.set(name, (bytes.get(name) ?? 0) + (content.list.blocks[index]?.sizeBytes ?? 0))
    }
    const [a = 0, b = 0] = large.map(({ name }) => bytes.get(name))
    if (large.every(({ name }) => (left.get(name) ?? 0) > 0)) {
      farthest = Math.max(farthest, Math.abs(a - b))
    }
    if (content === small && left.get('small') === 0) largeBefore = a + b
    for (const index of request.indexes) {
      // So slowly that no more than the smallest window is asked for ahead.
      await new Promise<void>((resolve) => {
        mesh.clock.schedule(1_000, resolve)
      })
      for (const answer of blockOf(request.id, content, index)) await say(answer)
    }
  })
  for (const content of large) await holder.publish(content)
  const bytesOf = ({ name }: Content): number => bytes.get(name) ?? 0
  t.type(await mesh.until(() => large.every((each) => bytesOf(each) > 0)), 'number')
  await holder.publish(small)
  const isShown = ({ name }: Content): boolean => shownAt(reader, name).startsWith('1 ')
  t.type(await mesh.until(() => contents.every(isShown), 10 * 60_000), 'number')
  t.comment(`${farthest} bytes apart; ${largeBefore} bytes of large content before the small one`)
  t.ok(farthest <= 8 * MEBIBYTE, `${farthest} bytes apart`)
  t.ok(largeBefore <= 20 * MEBIBYTE, `${largeBefore} bytes of large content came first`)
})
