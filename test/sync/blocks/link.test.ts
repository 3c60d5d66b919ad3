/** Holders of blocks that are not what they should be, played by hand. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createChunker, encodeBlockList } from '../../../src/chunk/index.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { decodeBlockRequest, encodeBlockAnswer } from '../../../src/sync/blocks/messages.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from '../../../src/sync/blocks/server.ts'
import { MAX_BLOCK_PIECE_BYTES } from '../../../src/sync/limits.ts'
import { createFilesMesh, policyOf, readShown, shownAt, sign } from '../../support/files-mesh.ts'
import { upload } from '../../support/files-mesh.ts'
import type { BlockAnswer, BlockRequest } from '../../../src/sync/blocks/messages.ts'

const content = randomBytes(3 * 2 ** 20)
const chunker = createChunker()
chunker.update(content)
const { list } = chunker.end()
const encoded = encodeBlockList(list)

/** The pieces of a block. */
const pieces = (
  id: number,
  index: number,
  bytes: Uint8Array,
  size = MAX_BLOCK_PIECE_BYTES,
): BlockAnswer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => ({
    ...{ type: 'piece', id, index, offset: at * size },
    bytes: bytes.subarray(at * size, (at + 1) * size),
  }))

const blockOf = (index: number): Buffer => {
  const offset = list.blocks.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return content.subarray(offset, offset + (list.blocks[index]?.sizeBytes ?? 0))
}

/** What an honest holder says. */
const honest = (request: BlockRequest): readonly BlockAnswer[] => {
  const { id, type } = request
  if (type === 'open') return [{ type: 'all', id }]
  if (type === 'ask-list') {
    return [{ type: 'list', id, sizeBytes: encoded.length, offset: 0, bytes: encoded }]
  }
  if (type !== 'ask') return []
  return request.indexes.flatMap((index) => pieces(id, index, blockOf(index)))
}

type Answer = (request: BlockRequest) => readonly BlockAnswer[]

const holders: readonly [string, string | undefined, Answer][] = [
  [
    'that sends other bytes',
    'ERR_FILE_CONTENT_MISMATCH',
    (request) =>
      request.type === 'ask'
        ? request.indexes.flatMap((index) =>
            pieces(request.id, index, randomBytes(list.blocks[index]?.sizeBytes ?? 0)),
          )
        : honest(request),
  ],
  [
    'that sends another list',
    'ERR_FILE_CONTENT_MISMATCH',
    (request) => {
      if (request.type !== 'ask-list') return honest(request)
      const bytes = randomBytes(encoded.length)
      return [{ type: 'list', id: request.id, sizeBytes: bytes.length, offset: 0, bytes }]
    },
  ],
  [
    'whose list has a hundred thousand entries',
    'ERR_PROTOCOL_MALFORMED',
    (request) => {
      if (request.type !== 'ask-list') return honest(request)
      const sizeBytes = 6 + 36 * 100_000
      return [{ type: 'list', id: request.id, sizeBytes, offset: 0, bytes: encoded }]
    },
  ],
  [
    'that sends what nobody asked for',
    'ERR_PROTOCOL_MALFORMED',
    (request) =>
      request.type === 'open' ? pieces(request.id, 0, randomBytes(MAX_BLOCK_PIECE_BYTES)) : [],
  ],
  [
    'that sends crumbs',
    'ERR_PROTOCOL_MALFORMED',
    (request) =>
      request.type === 'ask'
        ? request.indexes.flatMap((index) => pieces(request.id, index, blockOf(index), 1_000))
        : honest(request),
  ],
  [
    'that mixes blocks',
    'ERR_PROTOCOL_MALFORMED',
    (request) =>
      request.type === 'ask'
        ? [0, 1].flatMap((index) => pieces(request.id, index, blockOf(index)).slice(0, 1))
        : honest(request),
  ],
  [
    'whose bits are of another list',
    'ERR_PROTOCOL_MALFORMED',
    (request) => {
      const { id } = request
      if (request.type !== 'open') return honest(request)
      return [
        { type: 'all', id },
        { type: 'gained', id, indexes: [1_000] },
      ]
    },
  ],
  ['that gives nothing', undefined, (request) => (request.type === 'ask' ? [] : honest(request))],
  [
    'that always says elsewhere',
    undefined,
    (request) =>
      request.type === 'ask'
        ? request.indexes.map((index) => ({
            ...{ type: 'not', id: request.id, index, why: 'elsewhere' },
          }))
        : honest(request),
  ],
  ['that is silent', undefined, () => []],
]

for (const [what, code, answer] of holders) {
  t.test(`a holder ${what} keeps nobody from the content`, async (t) => {
    const mesh = await createFilesMesh({ count: 2, policies: [policyOf('big')] })
    t.teardown(() => mesh.stop())
    const [origin, reader] = [mesh.node(0), mesh.node(1)]
    const holder = await mesh.stranger('holder')
    holder.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
      await stream.receive()
      await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
    })
    let asked = 0
    holder.handle(BLOCKS_PROTOCOL, BLOCKS_INIT, async (stream) => {
      for (
        let frame = await stream.receive();
        frame !== undefined;
        frame = await stream.receive()
      ) {
        asked++
        for (const message of answer(decodeBlockRequest(frame))) {
          await stream.send(encodeBlockAnswer(message))
        }
      }
    })
    await mesh.run(holder.dial(reader.transport.addresses()[0] ?? ''))
    await upload(mesh, origin, { name: 'big', content, listed: true })
    const signed = await sign({ name: 'big', content, listed: true })
    const from = { kind: 'peer', peer: holder.peerId } as const
    await mesh.run(reader.state.files.accept(signed, undefined, from))
    if (code !== undefined) {
      t.type(await mesh.until(() => reader.blamed.length > 0), 'number')
      t.match(reader.blamed, [`${holder.peerId} ${code}`])
    } else await mesh.clock.advance(2_000)
    t.ok(asked > 0, 'it was asked')
    t.equal(shownAt(reader, 'big'), 'missing', 'nothing of it is shown')
    await mesh.link([[1, 0]])
    t.type(await mesh.until(() => shownAt(reader, 'big').startsWith('1 ')), 'number')
    const shown = await readShown(reader, 'big')
    t.ok(content.equals(shown ?? new Uint8Array()))
    if (code === undefined) t.same(reader.blamed, [])
  })
}
