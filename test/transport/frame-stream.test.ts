import t from 'tap'
import { SEND_STALL_TIMEOUT_MS } from '../../src/transport/limits.ts'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { createFrameStream } from '../../src/transport/frame-stream.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { connect, createNode, failure, startNode, stayAlive, until } from './nodes.ts'
import { dialAsHostileMember } from './strangers.ts'
import { yamuxHeader } from '../hostile/bare-socket.ts'
import type { Stream } from '@libp2p/interface'
import type { PeerId } from '../../src/keys/index.ts'
import type { FrameStream, ProtocolInit } from '../../src/transport/index.ts'
import type { NodeInit } from './nodes.ts'
import type { Test } from 'tap'

stayAlive(t)

const PROTOCOL = '/mesh/test/1'
const MEBIBYTE = 2 ** 20
const limits: ProtocolInit = { maxFrameBytes: MEBIBYTE, maxStreamsPerPeer: 16 }

const setUp = async (
  t: Test,
  handler: (stream: FrameStream) => Promise<void>,
  init: NodeInit = {},
) => {
  const server = createNode(t)
  server.handle(PROTOCOL, limits, handler)
  await server.start()
  const client = await startNode(t, init)
  await connect(client, server)
  return { server, client, open: () => client.open(server.peerId, PROTOCOL, limits) }
}

t.test('slow readers stop their senders, and memory stays', async (t) => {
  const release = Promise.withResolvers<void>()
  const received: number[] = []
  const { open } = await setUp(t, async (stream) => {
    await release.promise
    let sizeBytes = 0
    for (let next = await stream.receive(); next !== undefined; next = await stream.receive()) {
      sizeBytes += next.length
    }
    received.push(sizeBytes)
  })
  const streams = await Promise.all(Array.from({ length: 8 }, open))
  const frame = systemRandom.bytes(256 * 1024)
  const count = 128 // 32 MiB on each, 256 MiB in all
  let sent = 0
  const before = process.memoryUsage().rss
  const sending = streams.map(async (stream) => {
    for (let index = 0; index < count; index++) {
      await stream.send(frame)
      sent++
    }
    await stream.close()
  })
  for (let last = -1; last !== sent; ) {
    last = sent
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const heldBytes = sent * frame.length
  const grownBytes = process.memoryUsage().rss - before
  t.comment(`${heldBytes / MEBIBYTE} MiB taken for 8 streams, grew by ${grownBytes / MEBIBYTE} MiB`)
  t.ok(heldBytes <= 8 * 4 * MEBIBYTE, 'they were stopped')
  t.ok(grownBytes < 160 * MEBIBYTE)
  release.resolve()
  await Promise.all(sending)
  await until(() => received.length === 8, 'all have ended')
  t.same(new Set(received), new Set([count * frame.length]))
})

t.test('a peer that never reads is given up', async (t) => {
  const still = { clock: createVirtualClock(), random: systemRandom, logger: silentLogger }
  const clock = createVirtualClock()
  const init = { clock, workers: createWorkers(still) }
  const { open } = await setUp(
    t,
    (stream) => new Promise((resolve) => stream.signal.addEventListener('abort', () => resolve())),
    init,
  )
  const stream = await open()
  const frame = new Uint8Array(MEBIBYTE)
  let sent = 0
  const sending = failure(
    (async () => {
      for (;;) {
        await stream.send(frame)
        sent++
      }
    })(),
  )
  let ended = false
  void sending.then(() => {
    ended = true
  })
  // While a busy machine still sends, each frame begins the time anew.
  for (let last = -1, waits = 0; !ended && waits < 20; last = sent) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    if (last !== sent) continue
    await clock.advance(SEND_STALL_TIMEOUT_MS)
    waits++
  }
  t.ok(ended, 'in time')
  stream.abort(new Error('the end of the test'))
  t.equal((await sending).code, 'ERR_TIMEOUT')
  t.ok(stream.signal.aborted)
})

t.test('two readers at once are a defect', async (t) => {
  const { open } = await setUp(t, async (stream) => void (await stream.receive()))
  const stream = await open()
  const first = stream.receive({ timeoutMs: 10_000 })
  await t.rejects(stream.receive(), { code: 'ERR_INTERNAL' })
  stream.abort(new Error('done'))
  await t.rejects(first, { code: 'ERR_STREAM_CLOSED' })
})

t.test('a frame that drips in does not outlive its timeout, and still comes whole', async (t) => {
  const { open } = await setUp(t, async (stream) => {
    await stream.receive()
    await stream.send(Buffer.alloc(10, 1))
    await stream.receive()
  })
  const stream = await open()
  await t.rejects(stream.receive({ timeoutMs: 10 }), { code: 'ERR_TIMEOUT' })
  await stream.send(Buffer.from('go on'))
  t.equal((await stream.receive({ timeoutMs: 10_000 }))?.length, 10)
  await stream.close()
})

t.test('what was sent before an end is still received after it, however much', async (t) => {
  const total = 3 * MEBIBYTE
  const { open } = await setUp(t, async (stream) => {
    for (let sent = 0; sent < total; sent += 64 * 1024) await stream.send(new Uint8Array(64 * 1024))
  })
  const stream = await open()
  await stream.close()
  await new Promise((resolve) => setTimeout(resolve, 300))
  let sizeBytes = 0
  for (let next = await stream.receive(); next !== undefined; next = await stream.receive()) {
    sizeBytes += next.length
  }
  t.equal(sizeBytes, total)
})

t.test('an end in mid-frame is a fault', async (t) => {
  const node = await startNode(t)
  const { connection, received } = await dialAsHostileMember(t, node)
  const say = (text: string): Buffer =>
    Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(`${text}\n`)])
  const negotiation = Buffer.concat([say('/multistream/1.0.0'), say('/mesh/echo/1')])
  const data = Buffer.concat([negotiation, Buffer.from([10, 0, 0, 0]), Buffer.from('half')])
  connection.send(yamuxHeader(0, { flags: 1, stream: 101, length: data.length }))
  connection.send(data)
  await until(() => Buffer.concat(received).includes('/mesh/echo/1'), 'the stream is open')
  connection.send(yamuxHeader(1, { flags: 4, stream: 101 }))
  await until(() => node.counts().faults.ERR_PROTOCOL_MALFORMED === 1, 'it is held against it')
})

/** As much of a stream of libp2p as a reader needs: what comes while it is paused is held back. */
class PausableStream extends EventTarget {
  readonly status = 'open'
  readonly remoteWriteStatus = 'writable'
  readStatus = 'readable'
  readonly #held: Uint8Array[] = []
  get readBufferLength(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0)
  }
  deliver(data: Uint8Array): void {
    if (this.readStatus === 'paused') this.#held.push(data)
    else this.dispatchEvent(Object.assign(new Event('message'), { data }))
  }
  pause(): void {
    this.readStatus = 'paused'
  }
  resume(): void {
    this.readStatus = 'readable'
    for (const data of this.#held.splice(0)) this.deliver(data)
  }
}

t.test('a frame whose end was held back while the stream was paused is handed out', async (t) => {
  const stream = new PausableStream()
  const frames = createFrameStream(
    { clock: systemClock, stream: stream as unknown as Stream },
    { peer: 'peer' as PeerId, protocol: PROTOCOL, limits },
  )
  const framed = Buffer.alloc(4 + 300 * 1024)
  framed.writeUInt32LE(300 * 1024)
  const first = frames.receive({ timeoutMs: 10_000 })
  stream.deliver(Buffer.concat([framed, framed.subarray(0, 1000)]))
  t.equal((await first)?.length, 300 * 1024)
  t.equal(stream.readStatus, 'paused')
  stream.deliver(framed.subarray(1000))
  t.equal((await frames.receive({ timeoutMs: 10_000 }))?.length, 300 * 1024)
})
