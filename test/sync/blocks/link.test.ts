/** Holders of blocks that are not what they should be, played by hand. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { blockListDigest, createChunker, encodeBlockList } from '../../../src/chunk/index.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { createLink } from '../../../src/sync/blocks/link.ts'
import { decodeBlockRequest, encodeBlockAnswer } from '../../../src/sync/blocks/messages.ts'
import { createRates } from '../../../src/sync/blocks/rates.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from '../../../src/sync/blocks/server.ts'
import { createSlots } from '../../../src/sync/blocks/slots.ts'
import {
  MAX_BLOCK_PIECE_BYTES,
  MAX_DROPPED_BLOCKS,
  MAX_OPEN_CONTENTS,
} from '../../../src/sync/limits.ts'
import { createBufferPool, sha256 } from '../../../src/util/index.ts'
import { createFilesMesh, policyOf, readShown, shownAt, sign } from '../../support/files-mesh.ts'
import { upload } from '../../support/files-mesh.ts'
import type { Test } from 'tap'
import type { LinkUser } from '../../../src/sync/blocks/link.ts'
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
      const bytes = randomBytes(MAX_BLOCK_PIECE_BYTES)
      return [{ type: 'list', id: request.id, sizeBytes, offset: 0, bytes }]
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

interface Played {
  /** It confirms the end of a content. */
  readonly confirms: boolean
  readonly gives?: boolean
  readonly onBlock?: LinkUser['onBlock']
}

/** A link of its own to a holder. */
const playLink = async (t: Test, { confirms, gives = false, onBlock }: Played) => {
  const mesh = await createFilesMesh({ count: 0, policies: [] })
  t.teardown(() => mesh.stop())
  const { clock } = mesh
  const [reader, holder] = [await mesh.stranger('reader'), await mesh.stranger('holder')]
  holder.handle(BLOCKS_PROTOCOL, BLOCKS_INIT, async (stream) => {
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined) return
      const { type, id, ...request } = decodeBlockRequest(frame)
      if (type === 'close' && confirms) await stream.send(encodeBlockAnswer({ type: 'closed', id }))
      if (!gives || !('indexes' in request)) continue
      const answers = request.indexes.flatMap((index) => pieces(id, index, blockOf(index)))
      for (const answer of answers) await stream.send(encodeBlockAnswer(answer))
    }
  })
  await mesh.run(holder.dial(reader.addresses()[0] ?? ''))
  const ends: string[] = []
  const owedByAll = { bytes: 0 }
  const link = createLink(
    {
      ...{ transport: reader, clock, rates: createRates({ clock }, {}) },
      ...{ buffers: createBufferPool({ maxIdleBytes: 0 }), writers: createSlots(1) },
      owedByAll,
      onRoom: () => {},
      onEnd: (_, { code }) => ends.push(code),
    },
    holder.peerId,
  )
  const user: LinkUser = {
    content: {
      ...{ collection: 'files', name: 'big' },
      ...{ digest: sha256(content), list: blockListDigest(list) },
    },
    ...{ onHave: () => {}, onGained: () => {}, onList: () => {}, onBytes: () => {} },
    ...{ onBlock: onBlock ?? (async () => {}), onNot: () => {}, onEnd: () => {} },
  }
  const askAndClose = (): void => {
    const linked = link.open(user)
    linked.ask([{ index: 0, sizeBytes: 1 }], true)
    linked.close()
  }
  return { mesh, link, user, ends, owedByAll, askAndClose }
}

t.test(
  'of so many cancelled blocks something may still come, and others are asked for again',
  async (t) => {
    const { link, user } = await playLink(t, { confirms: true })
    const linked = link.open(user)
    const indexes = Array.from({ length: MAX_DROPPED_BLOCKS + 10 }, (_, index) => index)
    linked.ask(
      indexes.map((index) => ({ index, sizeBytes: 1 })),
      true,
    )
    t.same(indexes.filter(linked.mayAsk), [])
    linked.cancel(indexes)
    t.same(indexes.filter(linked.mayAsk), indexes.slice(0, 10))
  },
)

t.test('a content is forgotten when its holder says that nothing more comes of it', async (t) => {
  const { mesh, link, user, ends, askAndClose } = await playLink(t, { confirms: true })
  link.open(user)
  for (let count = 0; count < 10; count++) askAndClose()
  t.equal(link.size(), 11)
  t.type(await mesh.until(() => link.size() === 1, 10_000), 'number')
  t.same(ends, [])
})

t.test('a holder that never says so is left, and not blamed', async (t) => {
  const { link, user, ends, askAndClose } = await playLink(t, { confirms: false })
  link.open(user)
  for (let count = 0; count < MAX_OPEN_CONTENTS; count++) askAndClose()
  t.same(ends, [])
  askAndClose()
  t.same(ends, ['ERR_STREAM_CLOSED'])
})

t.test('a block that is not written yet is room that is not given to another', async (t) => {
  const { promise: written, resolve: write } = Promise.withResolvers<void>()
  let here = 0
  const onBlock = (): Promise<void> => {
    here++
    return written
  }
  const played = await playLink(t, { confirms: true, gives: true, onBlock })
  const { mesh, link, user, owedByAll } = played
  const linked = link.open(user)
  const sizeBytes = list.blocks[0]?.sizeBytes ?? 0
  linked.ask([{ index: 0, sizeBytes }], true)
  t.type(await mesh.until(() => here === 1), 'number')
  t.ok(linked.mayAsk(0), 'it has come')
  t.equal(owedByAll.bytes, sizeBytes, 'and counts all the same')
  write()
  t.type(await mesh.until(() => link.isIdle()), 'number')
  t.equal(owedByAll.bytes, 0)
})
