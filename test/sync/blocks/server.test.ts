/** What a holder of blocks lets a member do, played by hand. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { encodeBlockList, createChunker, blockListDigest } from '../../../src/chunk/index.ts'
import { decodeBlockAnswer, encodeBlockRequest } from '../../../src/sync/blocks/messages.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from '../../../src/sync/blocks/server.ts'
import {
  MAX_OPEN_CONTENTS,
  MAX_OUTSTANDING_BLOCKS,
  MAX_UNREAD_ANSWERS,
  SERVE_STALL_MS,
} from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createFilesMesh, policyOf, upload } from '../../support/files-mesh.ts'
import type { Test } from 'tap'
import type { BlockAnswer, BlockRequest } from '../../../src/sync/blocks/messages.ts'
import type { FrameStream } from '../../../src/transport/index.ts'

const MEBIBYTE = 2 ** 20
const content = randomBytes(3 * MEBIBYTE)
const digest = sha256(content)
const chunker = createChunker()
chunker.update(content)
const { list } = chunker.end()
const named = { collection: 'files', name: 'big', digest, list: blockListDigest(list) }

const play = async (t: Test) => {
  const mesh = await createFilesMesh({ count: 1, policies: [policyOf('big')] })
  t.teardown(() => mesh.stop())
  const holder = mesh.node(0)
  await upload(mesh, holder, { name: 'big', content, listed: true })
  const member = await mesh.stranger('reader')
  await mesh.run(member.dial(holder.transport.addresses()[0] ?? ''))
  const open = (): Promise<FrameStream> =>
    mesh.run(member.open(holder.peerId, BLOCKS_PROTOCOL, BLOCKS_INIT))
  const stream = await open()
  const say = (...messages: readonly BlockRequest[]) =>
    mesh.run(
      (async () => {
        for (const message of messages) await stream.send(encodeBlockRequest(message))
      })(),
    )
  const hear = async (): Promise<BlockAnswer | undefined> => {
    const frame = await mesh.run(stream.receive())
    return frame && decodeBlockAnswer(frame)
  }
  /** All pieces of one thing. */
  const hearAll = async (sizeBytes: number): Promise<Buffer> => {
    const pieces: Uint8Array[] = []
    for (let count = 0; count < sizeBytes; ) {
      const answer = await hear()
      if (answer?.type !== 'piece' && answer?.type !== 'list') {
        throw new Error(`${answer?.type} in the middle`)
      }
      t.equal(answer.offset, count)
      pieces.push(answer.bytes)
      count += answer.bytes.length
    }
    return Buffer.concat(pieces)
  }
  return { mesh, holder, stream, say, hear, hearAll }
}

t.test('gives the list and the blocks of what it shows', async (t) => {
  const { say, hear, hearAll } = await play(t)
  await say({ type: 'open', id: 1, ...named })
  t.same(await hear(), { type: 'all', id: 1 })
  await say({ type: 'ask-list', id: 1 })
  const encoded = encodeBlockList(list)
  t.ok((await hearAll(encoded.length)).equals(encoded))
  const last = list.blocks.length - 1
  await say({ type: 'ask', id: 1, insist: true, indexes: [0, last] })
  for (const index of [0, last]) {
    const { sizeBytes = 0, digest: expected } = list.blocks[index] ?? {}
    t.equal(sha256(await hearAll(sizeBytes)), expected)
  }
  await say({ type: 'ask', id: 1, insist: true, indexes: [last + 1] })
  t.same(await hear(), { type: 'not', id: 1, index: last + 1, why: 'absent' })
})

t.test('gives nothing to those who know a hash and no name that it serves', async (t) => {
  const { say, hear } = await play(t)
  const other = sha256('something else')
  const wrongs = [
    { ...named, name: 'other' },
    { ...named, name: '../big' },
    { ...named, collection: 'secrets' },
    { ...named, digest: other },
    { ...named, list: other },
  ]
  for (const [id, wrong] of wrongs.entries()) {
    await say({ type: 'open', id, ...wrong })
    t.same(await hear(), { type: 'none', id })
    await say({ type: 'ask', id, insist: true, indexes: [0] }, { type: 'ask-list', id })
    t.same(await hear(), { type: 'not', id, index: 0, why: 'absent' })
  }
  await say({ type: 'ask', id: 99, insist: true, indexes: [0] }, { type: 'open', id: 7, ...named })
  t.same(await hear(), { type: 'all', id: 7 }, 'what was never opened is not answered')
})

t.test('decodes the list of a content once, however often it is opened', async (t) => {
  const { holder, say, hear } = await play(t)
  const { blocks } = holder.state
  const listOf = t.capture(blocks, 'listOf', blocks.listOf)
  for (let id = 1; id <= 5; id++) {
    await say({ type: 'open', id, ...named })
    t.same(await hear(), { type: 'all', id })
  }
  t.equal(listOf().length, 1)
})

t.test('says when nothing more comes of a content that was closed', async (t) => {
  const { say, hear } = await play(t)
  const indexes = list.blocks.map((_, index) => index)
  await say({ type: 'open', id: 1, ...named }, { type: 'ask', id: 1, insist: true, indexes })
  t.same(await hear(), { type: 'all', id: 1 })
  t.match(await hear(), { type: 'piece', id: 1, index: 0, offset: 0 })
  await say({ type: 'close', id: 1 })
  let left = 0
  let answer = await hear()
  for (; answer?.type === 'piece'; answer = await hear()) left = answer.index
  t.same(answer, { type: 'closed', id: 1 })
  t.ok(left < indexes.length - 1, `block ${left} came before`)
  await say({ type: 'open', id: 2, ...named }, { type: 'close', id: 2 })
  t.same(await hear(), { type: 'all', id: 2 })
  t.same(await hear(), { type: 'closed', id: 2 })
})

t.test('ends the stream of a member that breaks the rules', async (t) => {
  const breaches: [string, string, readonly BlockRequest[]][] = [
    ['a content twice', 'ERR_PROTOCOL_MALFORMED', Array(2).fill({ type: 'open', id: 1, ...named })],
    [
      'a block twice',
      'ERR_PROTOCOL_MALFORMED',
      [
        { type: 'open', id: 1, ...named },
        ...Array(3).fill({ type: 'ask', id: 1, insist: true, indexes: [0, 1] }),
      ],
    ],
    [
      'too many contents',
      'ERR_LIMIT_EXCEEDED',
      Array.from({ length: MAX_OPEN_CONTENTS + 1 }, (_, id) => ({ type: 'open', id, ...named })),
    ],
  ]
  for (const [what, code, messages] of breaches) {
    await t.test(what, async (t) => {
      const { mesh, holder, stream, say } = await play(t)
      await say(...messages).catch(() => {})
      t.type(await mesh.until(() => stream.signal.aborted), 'number')
      t.match(holder.blamed, [new RegExp(`${code}$`)])
    })
  }
})

t.test('a member that never reads is given up, and costs no more than one block', async (t) => {
  const { mesh, stream, say, holder } = await play(t)
  await say({ type: 'open', id: 1, ...named })
  const indexes = list.blocks.map((_, index) => index)
  await say({ type: 'ask', id: 1, insist: true, indexes })
  t.ok(indexes.length < MAX_OUTSTANDING_BLOCKS)
  t.type(await mesh.until(() => stream.signal.aborted, 2 * SERVE_STALL_MS), 'number')
  t.ok(holder.sync.status().counts.blockBytesSent < content.length)
  t.same(holder.blamed, [], 'it is slow, not hostile')
})

t.test('a member that opens for ever and never reads is not read from either', async (t) => {
  const { mesh, holder, stream } = await play(t)
  // Each is answered, and none of the answers is read.
  const rounds = 64 * MAX_UNREAD_ANSWERS
  let said = 0
  const flood = async (): Promise<void> => {
    for (; said < rounds; said++) {
      await stream.send(encodeBlockRequest({ type: 'open', id: said, ...named }))
      await stream.send(encodeBlockRequest({ type: 'close', id: said }))
    }
  }
  flood().catch(() => {})
  t.type(await mesh.until(() => stream.signal.aborted, 4 * SERVE_STALL_MS), 'number')
  t.ok(said < rounds, `${said} of ${rounds}`)
  t.same(holder.blamed, [], 'it is slow, not hostile')
})
