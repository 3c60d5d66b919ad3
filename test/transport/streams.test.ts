import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { createStreams } from '../../src/transport/streams.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { yamuxHeader } from '../hostile/bare-socket.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, createNode, failure, nextEvent, passTime, startNode } from './nodes.ts'
import { stayAlive, until } from './nodes.ts'
import { dialAsHostileMember } from './strangers.ts'
import type { Connection, Stream } from '@libp2p/interface'
import type { ErrorCode } from '../../src/errors/index.ts'
import type { FrameStream, Libp2pTransport, ProtocolInit } from '../../src/transport/index.ts'
import type { Link, Members } from '../../src/transport/members.ts'
import type { Test } from 'tap'
import type { NodeInit } from './nodes.ts'

stayAlive(t)

const PROTOCOL = '/mesh/test/1'
const limits: ProtocolInit = { maxFrameBytes: 1024, maxStreamsPerPeer: 2 }

const setUp = async (
  t: Test,
  handler: (stream: FrameStream) => Promise<void>,
  init: NodeInit = {},
) => {
  const server = createNode(t, init)
  server.handle(PROTOCOL, limits, handler)
  await server.start()
  const client = await startNode(t)
  await connect(client, server)
  return { server, client, open: () => client.open(server.peerId, PROTOCOL, limits) }
}

const [DATA, WINDOW_UPDATE] = [0, 1]
const RST = 8
const YAMUX_HEADER_BYTES = 12

/** The stream that the first data among these frames is for. */
const streamOf = (frames: Buffer): number => {
  for (let at = 0; at < frames.length; at += YAMUX_HEADER_BYTES) {
    if (frames[at + 1] === DATA) return frames.readUInt32BE(at + 4)
  }
  throw new Error('no data')
}

/** Its end may come before it is open. */
const tryIt = (open: () => Promise<FrameStream>): Promise<unknown> =>
  open().then(
    (stream) => stream.receive().catch(() => undefined),
    () => undefined,
  )

const handlerErrors = (node: Libp2pTransport, code: ErrorCode): number =>
  node.counts().handlerErrors[code] ?? 0

t.test('what a handler says is the peer’s fault is held against it', async (t) => {
  const codes = ['ERR_PROTOCOL_MALFORMED', 'ERR_LIMIT_EXCEEDED', 'ERR_PEER_MISBEHAVED'] as const
  let next = 0
  const { server, client, open } = await setUp(t, async () => {
    throw new MeshError(codes[next++] ?? 'ERR_INTERNAL', 'no')
  })
  const gone = nextEvent(server, 'disconnect')
  // Until it has noticed, it would take the old connection for a good one.
  const noticed = nextEvent(client, 'disconnect')
  for (const code of codes) {
    await tryIt(open)
    await until(() => handlerErrors(server, code) === 1, code)
    t.equal(server.counts().faults[code], 1)
  }
  t.equal((await gone).id, client.peerId, 'the third one ends it')
  await noticed
  const error = await failure(client.dial(addressOf(server)))
  t.equal(error.data.reason, 'ERR_PEER_MISBEHAVED')
})

t.test('what is our own fault is not', async (t) => {
  const { server, open } = await setUp(t, async () => {
    throw new TypeError('a defect')
  })
  for (let count = 0; count < 5; count++) {
    await tryIt(open)
  }
  await until(() => handlerErrors(server, 'ERR_INTERNAL') === 5, 'all are counted')
  t.same(server.counts().faults, {})
  t.equal(server.peers().length, 1)
})

t.test('a frame that is too long, or cut short, costs its sender a fault', async (t) => {
  const { server, client, open } = await setUp(t, async (stream) => {
    while ((await stream.receive()) !== undefined);
  })
  const long = await client.open(server.peerId, PROTOCOL, { ...limits, maxFrameBytes: 4096 })
  await long.send(new Uint8Array(2000))
  await until(() => server.counts().faults.ERR_LIMIT_EXCEEDED === 1, 'the long one')
  t.ok(await open(), 'the connection is still there')
})

t.test('one stream too many is refused, and no fault', async (t) => {
  const { server, open } = await setUp(t, async (stream) => {
    await stream.receive()
  })
  await Promise.all([open(), open()])
  const third = open().then((stream) => stream.receive())
  await t.rejects(third, { code: 'ERR_STREAM_CLOSED' })
  await until(() => handlerErrors(server, 'ERR_LIMIT_EXCEEDED') === 1, 'it is counted')
  t.same(server.counts().faults, {})
})

t.test('a stream whose peer does not end it is cut some time after its handler', async (t) => {
  const clock = createVirtualClock()
  const { server, open } = await setUp(t, async () => {}, { clock })
  const stream = await open()
  t.equal(await stream.receive(), undefined, 'their side has ended')
  // What is still sent into it is thrown away.
  await stream.send(Buffer.from('anybody?'))
  await passTime(clock, () => stream.signal.aborted, 'it is cut')
  t.equal(handlerErrors(server, 'ERR_STREAM_CLOSED'), 0)
})

t.test('a stream that ends with its connection is no orderly end', async (t) => {
  const { server, client, open } = await setUp(t, async (stream) => {
    await stream.send(Buffer.from('first of two'))
    await stream.receive()
  })
  const stream = await open()
  await stream.receive()
  const waiting = failure(stream.receive())
  await server.hangUp(client.peerId)
  t.equal((await waiting).code, 'ERR_STREAM_CLOSED')

  const again = await setUp(t, async (stream) => {
    await stream.send(Buffer.from('first of two'))
    await stream.receive()
  })
  const other = await again.open()
  await other.receive()
  const stopped = failure(other.receive())
  await again.server.stop()
  t.equal((await stopped).code, 'ERR_STREAM_CLOSED')
})

t.test('a stream that is reset as it comes up is not handed out', async (t) => {
  const node = await startNode(t)
  const identity = generatePrivateKey(systemRandom)
  const { connection, received } = await dialAsHostileMember(t, node, identity)
  await until(() => node.peers().length === 1, 'it is a member')
  const opening = failure(node.open(peerIdFromPublicKey(identity.publicKey), PROTOCOL, limits))
  const asked = (): Buffer => Buffer.concat(received)
  await until(() => asked().includes(PROTOCOL), 'a stream is opened to it')
  const line = (text: string): Buffer =>
    Buffer.from(`${String.fromCharCode(text.length + 1)}${text}\n`)
  const answer = Buffer.concat([line('/multistream/1.0.0'), line(PROTOCOL)])
  const stream = streamOf(asked())
  connection.send(
    Buffer.concat([
      yamuxHeader(DATA, { stream, length: answer.length }),
      answer,
      yamuxHeader(WINDOW_UPDATE, { stream, flags: RST }),
    ]),
  )
  t.equal((await opening).code, 'ERR_STREAM_CLOSED')
})

/** libp2p hands it over a moment after it was agreed on: it may have been reset between. */
t.test('a stream that is dead when it is handed over takes no place', (t) => {
  const logger = silentLogger
  let taken = 0
  const link = { session: { peer: 'anybody' } } as unknown as Link
  const { serve } = createStreams(
    {
      ...{ clock: systemClock, logger },
      members: {
        linkOf: () => link,
        takeStream() {
          taken++
          return undefined
        },
      } as unknown as Members,
    },
    { blame() {}, onFailed() {} },
  )
  const handOver = serve({ init: limits, handler: async () => {} })
  for (const status of ['reset', 'open'] as const) {
    const stream = { status, protocol: PROTOCOL, abort() {} } as unknown as Stream
    void handOver(stream, {} as Connection)
    t.equal(taken, status === 'open' ? 1 : 0)
  }
  t.end()
})

t.test('opening can be cancelled', async (t) => {
  const { server, client } = await setUp(t, async () => {})
  const signal = AbortSignal.abort()
  const opening = client.open(server.peerId, PROTOCOL, limits, { signal })
  await t.rejects(opening, { code: 'ERR_ABORTED' })
})

t.test('a protocol is handled once, and from the start', async (t) => {
  const node = createNode(t)
  node.handle(PROTOCOL, limits, async () => {})
  t.throws(() => node.handle(PROTOCOL, limits, async () => {}), { code: 'ERR_INTERNAL' })
  await node.start()
  t.throws(() => node.handle('/mesh/late/1', limits, async () => {}), { code: 'ERR_INTERNAL' })
})
