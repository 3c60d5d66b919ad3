import t from 'tap'
import { MAX_SIGNED_STATEMENT_BYTES } from '../../src/statement/index.ts'
import * as statement from '../../src/statement/index.ts'
import * as limits from '../../src/sync/limits.ts'
import { ANNOUNCE_PROTOCOL } from '../../src/sync/announce/overlay.ts'
import { BLOCKS_PROTOCOL } from '../../src/sync/blocks/server.ts'
import { CONTENT_PROTOCOL } from '../../src/sync/content/server.ts'
import { PUSH_PULL_PROTOCOL } from '../../src/sync/push-pull/channel.ts'
import { MAX_PAGE_NAMES_BYTES } from '../../src/sync/push-pull/messages.ts'
import { createFilesMesh } from '../support/files-mesh.ts'

t.test('limits that depend on each other fit together', async (t) => {
  const { MAX_FRAME_BYTES, FRAME_HEADER_BYTES } = limits
  const item = 1 + 4 + limits.MAX_RECORD_BYTES + 4 + limits.MAX_INLINE_BYTES
  t.ok(FRAME_HEADER_BYTES + item <= MAX_FRAME_BYTES, 'one item fits into a frame')
  t.ok(MAX_SIGNED_STATEMENT_BYTES <= limits.MAX_RECORD_BYTES, 'every statement is a record')
  t.ok(statement.MAX_NAME_BYTES <= limits.MAX_NAME_BYTES)
  t.ok(6 * limits.MAX_REQUEST_SHORTS + FRAME_HEADER_BYTES <= MAX_FRAME_BYTES)
  t.ok(limits.MAX_REQUEST_RECORDS > limits.MAX_LIST_IDS, 'every list can be asked for')
  t.ok(MAX_PAGE_NAMES_BYTES > limits.MAX_NAME_BYTES, 'every page takes a name')
  t.ok(limits.MAX_ROUND_RANGES <= limits.RANGES_BURST, 'one whole round is never slowed down')
  t.ok(limits.CONTENT_FRAME_BYTES <= MAX_FRAME_BYTES)
  t.ok(limits.MIN_RATE_BYTES <= limits.CONTENT_FRAME_BYTES, 'one piece is enough for a window')
  t.ok(limits.CATCH_UP_ANSWERER_DELAY_MS > 10 * limits.CATCH_UP_DELAY_MS)
})

/** What a stranger keeps to that keeps to nothing. */
const NOTHING = { maxFrameBytes: 2 ** 30, maxStreamsPerPeer: 1_000 }

const protocols: [string, string, number][] = [
  ['announcements', ANNOUNCE_PROTOCOL, limits.MAX_FRAME_BYTES],
  ['rounds', PUSH_PULL_PROTOCOL, limits.MAX_FRAME_BYTES],
  ['content', CONTENT_PROTOCOL, limits.MAX_FRAME_BYTES],
  ['blocks', BLOCKS_PROTOCOL, limits.MAX_BLOCK_FRAME_BYTES],
]
for (const [what, protocol, maxFrameBytes] of protocols) {
  t.test(`a frame of ${what} that is too long is blamed for its length`, async (t) => {
    const mesh = await createFilesMesh({ count: 1, policies: [] })
    t.teardown(() => mesh.stop())
    const node = mesh.node(0)
    const stranger = await mesh.stranger('Mallory')
    await mesh.run(stranger.dial(node.transport.addresses()[0] ?? ''))
    const stream = await mesh.run(stranger.open(node.peerId, protocol, NOTHING))
    stream.send(new Uint8Array(maxFrameBytes + 1)).catch(() => {})
    t.type(await mesh.until(() => stream.signal.aborted), 'number')
    t.match(node.blamed, [/ERR_LIMIT_EXCEEDED$/])
  })
}

t.test('a member has so many streams of blocks, and no more', async (t) => {
  const mesh = await createFilesMesh({ count: 1, policies: [] })
  t.teardown(() => mesh.stop())
  const node = mesh.node(0)
  const member = await mesh.stranger('Mallory')
  await mesh.run(member.dial(node.transport.addresses()[0] ?? ''))
  const open = () => mesh.run(member.open(node.peerId, BLOCKS_PROTOCOL, NOTHING))
  for (let count = 0; count < limits.MAX_BLOCK_STREAMS_PER_PEER; count++) await open()
  await t.rejects(open(), { code: 'ERR_STREAM_CLOSED' })
})
