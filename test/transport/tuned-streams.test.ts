import { yamux } from '@chainsafe/libp2p-yamux'
import t from 'tap'
import { tuneStreams } from '../../src/transport/tuned-streams.ts'
import { MAX_HELD_FOR_A_BYTE } from '../../src/transport/limits.ts'
import { FakeConnection } from './fakes.ts'
import { yamuxHeader } from '../hostile/bare-socket.ts'
import type { Test } from 'tap'

const [DATA, WINDOW_UPDATE] = [0, 1]
const [SYN, RST] = [1, 8]
const KIBIBYTE = 2 ** 10
const WINDOW_BYTES = 256 * KIBIBYTE
const PIECE_BYTES = 32 * KIBIBYTE

const open = (t: Test) => {
  const connection = new FakeConnection('inbound', '/ip4/192.0.2.1/tcp/1')
  const muxer = tuneStreams(yamux({ enableKeepAlive: false })().createStreamMuxer(connection))
  t.teardown(() => muxer.abort(new Error('the test has ended')))
  muxer.addEventListener('stream', ({ detail }) => detail.addEventListener('message', () => {}))
  muxer.onData(yamuxHeader(WINDOW_UPDATE, { flags: SYN, stream: 1 }))
  const updates = (): number[] =>
    connection.sent
      .filter((bytes) => bytes[1] === WINDOW_UPDATE)
      .map((bytes) => Buffer.from(bytes).readUInt32BE(8))
  return {
    muxer,
    updates,
    receive: () =>
      muxer.onData(
        Buffer.concat([
          yamuxHeader(DATA, { stream: 1, length: PIECE_BYTES }),
          Buffer.alloc(PIECE_BYTES),
        ]),
      ),
  }
}

t.test('says that there is room again when half of the window is used up', (t) => {
  const { updates, receive } = open(t)
  receive()
  const opening = updates().length
  for (let count = 0; count < 3; count++) receive()
  t.equal(updates().length, opening, 'not before')
  receive()
  t.equal(updates().length, opening + 1)
  t.ok((updates().at(-1) ?? 0) >= WINDOW_BYTES / 2)
  t.end()
})

t.test('a sender that waits for room is never left without', (t) => {
  const { muxer, updates, receive } = open(t)
  let roomBytes = WINDOW_BYTES
  let seen = 0
  for (let count = 0; count < 1_000; count++) {
    for (const each of updates().slice(seen)) roomBytes += each
    seen = updates().length
    t.ok(roomBytes >= PIECE_BYTES) || t.bailout('it would wait for ever')
    receive()
    roomBytes -= PIECE_BYTES
  }
  t.ok(seen < 300, `${seen} updates for 1,000 frames`)
  t.equal(muxer.streams.length, 1)
  t.end()
})

t.test('a reset still ends the stream', (t) => {
  const { muxer } = open(t)
  muxer.onData(yamuxHeader(WINDOW_UPDATE, { flags: RST, stream: 1 }))
  t.equal(muxer.streams.length, 0)
  t.end()
})

t.test('a piece keeps what was sent, not the message that it came in', async (t) => {
  const { muxer } = open(t)
  const [stream] = muxer.streams
  const pieces: Uint8Array[] = []
  stream?.addEventListener('message', ({ data }) => {
    pieces.push(...(data instanceof Uint8Array ? [data] : data))
  })
  const frame = (lengthBytes: number): Buffer =>
    Buffer.concat([
      yamuxHeader(DATA, { stream: 1, length: lengthBytes }),
      Buffer.alloc(lengthBytes, 'x'),
    ])
  /** Of a stream that there is not. */
  const filler = Buffer.concat([
    yamuxHeader(DATA, { stream: 9, length: PIECE_BYTES }),
    Buffer.alloc(PIECE_BYTES),
  ])
  const [whole, small] = [frame(PIECE_BYTES), frame(64)]
  muxer.onData(Buffer.concat([small, filler]))
  muxer.onData(Buffer.concat([filler, small]))
  // In two messages.
  muxer.onData(Buffer.concat([filler, small.subarray(0, 40)]))
  muxer.onData(Buffer.concat([small.subarray(40), filler]))
  muxer.onData(whole)
  muxer.onData(Buffer.concat([filler, whole]))
  const sizes = pieces.map(({ length }) => length)
  t.same(sizes, [64, 64, 64, PIECE_BYTES, PIECE_BYTES])
  t.ok(pieces.every((piece) => piece.every((byte) => byte === 0x78)))
  const held = pieces.map(({ buffer, length }) => buffer.byteLength / length)
  t.ok(Math.max(...held) <= MAX_HELD_FOR_A_BYTE, `${held} times as much`)
})
