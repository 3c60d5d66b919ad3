import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { createMembership } from '../../src/transport/index.ts'
import { MAX_CONNECTION_SEND_BUFFER_BYTES } from '../../src/transport/limits.ts'
import {
  MAX_STREAMS_PER_CONNECTION,
  MAX_WINDOW_UPDATES_PER_SECOND,
} from '../../src/transport/limits.ts'
import { guardedMultiplexer } from '../../src/transport/multiplexer.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { FakeConnection } from './fakes.ts'
import { addressOf, connect, createNode, ECHO, ECHO_LIMITS, startNode } from './nodes.ts'
import { createAuthority, NETWORK, speaks, stayAlive, until } from './nodes.ts'
import { dialAsHostileMember } from './strangers.ts'
import { yamuxHeader } from '../hostile/bare-socket.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { ErrorCode } from '../../src/errors/index.ts'

stayAlive(t)

const [DATA, WINDOW_UPDATE, PING] = [0, 1, 2]
const [SYN, ACK, RESET] = [1, 2, 8]

/** What a member may try on the connection itself. */
const attacks: [string, ErrorCode, Uint8Array[]][] = [
  ['bytes that are no frames', 'ERR_PROTOCOL_MALFORMED', [Buffer.alloc(64, 0x5a)]],
  ['a frame of an unknown type', 'ERR_PROTOCOL_MALFORMED', [yamuxHeader(9, {})]],
  [
    'a frame of 2 GiB',
    'ERR_LIMIT_EXCEEDED',
    [yamuxHeader(DATA, { flags: SYN, stream: 101, length: 2 ** 31 })],
  ],
  ['a flood of pings', 'ERR_LIMIT_EXCEEDED', Array(1_000).fill(yamuxHeader(PING, { flags: SYN }))],
  [
    'a flood of streams',
    'ERR_LIMIT_EXCEEDED',
    Array.from({ length: 1_000 }, (_, index) =>
      yamuxHeader(DATA, { flags: SYN, stream: 2 * index + 101 }),
    ),
  ],
  [
    'a flood of window updates',
    'ERR_LIMIT_EXCEEDED',
    Array(40).fill(
      Buffer.concat(
        Array(MAX_WINDOW_UPDATES_PER_SECOND).fill(yamuxHeader(WINDOW_UPDATE, { stream: 7 })),
      ),
    ),
  ],
  [
    'a flood of tiny frames',
    'ERR_LIMIT_EXCEEDED',
    [
      Buffer.concat(
        Array(40_000).fill(
          Buffer.concat([yamuxHeader(DATA, { stream: 7, length: 1 }), Buffer.alloc(1)]),
        ),
      ),
    ],
  ],
]

for (const [what, code, bytes] of attacks) {
  t.test(`cuts off a member that sends ${what}`, async (t) => {
    const node = await startNode(t)
    const honest = await startNode(t)
    await connect(honest, node)
    const { connection, closed } = await dialAsHostileMember(t, node)
    for (const each of bytes) if (connection.status === 'open') connection.send(each)
    await closed
    await until(() => (node.counts().faults[code] ?? 0) === 1, `a fault: ${code}`)
    await until(() => node.peers().length === 1, 'it is gone')
    t.ok(await speaks(honest, node), 'the others are served')
  })
}

/** Streams that the other side has reset, in order. */
const resetsIn = (received: readonly Uint8Array[]): number[] => {
  const bytes = Buffer.concat(received)
  const resets: number[] = []
  for (let at = 0; at + 12 <= bytes.length; ) {
    if ((bytes.readUInt16BE(at + 2) & RESET) !== 0) resets.push(bytes.readUInt32BE(at + 4))
    at += 12 + (bytes.readUInt8(at + 1) === DATA ? bytes.readUInt32BE(at + 8) : 0)
  }
  return resets
}

t.test(
  'a member has so many streams open, and those that never say what they are end in time',
  async (t) => {
    const node = await startNode(t)
    const { connection, received } = await dialAsHostileMember(t, node)
    const beyond = 40
    const streams = Array.from(
      { length: MAX_STREAMS_PER_CONNECTION + beyond },
      (_, index) => 2 * index + 101,
    )
    await until(() => node.counts().connections === 1, 'it is a member')
    const beginning = Buffer.from('\x13/mul')
    for (const stream of streams) {
      const header = yamuxHeader(DATA, { flags: SYN, stream, length: beginning.length })
      connection.send(Buffer.concat([header, beginning]))
    }
    await until(() => resetsIn(received).length >= beyond, 'those beyond the limit end')
    t.same(resetsIn(received).slice(0, beyond), streams.slice(-beyond), 'at once')
    await until(() => resetsIn(received).length === streams.length, 'the others end')
    t.same(node.counts().faults, {})
  },
)

t.test('the third attack of one member makes it avoided', async (t) => {
  const node = await startNode(t)
  const identity = generatePrivateKey(systemRandom)
  for (let count = 0; count < 3; count++) {
    const { connection, closed } = await dialAsHostileMember(t, node, identity)
    connection.send(yamuxHeader(9, {}))
    await closed
  }
  t.type(node.avoidedUntilMs?.(peerIdFromPublicKey(identity.publicKey)), 'number')
  const copy = createNode(t, { identity })
  await copy.start()
  await t.rejects(copy.dial(addressOf(node)), {
    code: 'ERR_PEER_REFUSED',
    data: { reason: 'ERR_PEER_MISBEHAVED' },
  })
})

t.test('frames may be cut anywhere', async (t) => {
  const node = await startNode(t)
  const { connection, received } = await dialAsHostileMember(t, node)
  // A frame for a stream that is not there, byte by byte: odd, but allowed.
  const frame = Buffer.concat([yamuxHeader(DATA, { stream: 7, length: 100 }), Buffer.alloc(100)])
  for (const byte of frame) connection.send(Uint8Array.of(byte))
  connection.send(yamuxHeader(PING, { flags: SYN, length: 77 }))
  const answer = Buffer.from(yamuxHeader(PING, { flags: ACK, length: 77 }))
  await until(() => Buffer.concat(received).includes(answer), 'the ping is answered')
  t.same(node.counts().faults, {})
})

t.test('a member that sends faster than it may is slowed down, and nothing is lost', async (t) => {
  const rate = 4 * 2 ** 20
  const node = await startNode(t, { maxInboundBytesPerSecond: rate })
  const other = await startNode(t)
  await connect(other, node)
  const stream = await other.open(node.peerId, ECHO, ECHO_LIMITS)
  const frame = systemRandom.bytes(ECHO_LIMITS.maxFrameBytes)
  const count = (3 * rate) / frame.length
  const startedMs = performance.now()
  const sending = (async () => {
    for (let sent = 0; sent < count; sent++) await stream.send(frame)
    await stream.close()
  })()
  let received = 0
  for (let next = await stream.receive(); next !== undefined; next = await stream.receive()) {
    if (Buffer.compare(next, frame) !== 0) t.fail('another frame came back')
    received++
  }
  await sending
  t.equal(received, count)
  t.ok(performance.now() - startedMs > 1_500, 'the burst is free, two seconds are not')
})

/** A connection of a member whose frames a test hands in. */
const play = (init: { connection: FakeConnection; maxInboundBytesPerSecond: number }) => {
  const { connection, maxInboundBytesPerSecond } = init
  const clock = createVirtualClock()
  const session = { peer: 'x' as PeerId, certificate: undefined, admission: {}, heardMs: 0 }
  const breaches: MeshError[] = []
  const { createStreamMuxer } = guardedMultiplexer(
    { clock },
    {
      maxInboundBytesPerSecond,
      sessionOf: () => session,
      onBreach: (_, error) => breaches.push(error),
    },
  )()
  createStreamMuxer(connection)
  return { clock, breaches }
}

t.test('who has sent more than it may is not read from until its time has come', async (t) => {
  const connection = new FakeConnection('inbound', '/ip4/10.0.0.1/tcp/1')
  const maxInboundBytesPerSecond = 1_000
  const { clock, breaches } = play({ connection, maxInboundBytesPerSecond })
  const frame = Buffer.concat([yamuxHeader(DATA, { stream: 7, length: 488 }), Buffer.alloc(488)])
  connection.onData(frame)
  connection.onData(frame)
  t.equal(connection.readStatus, 'readable', 'a second is free')
  connection.onData(frame)
  t.equal(connection.readStatus, 'paused')
  await clock.advance(499)
  t.equal(connection.readStatus, 'paused')
  await clock.advance(1)
  t.equal(connection.readStatus, 'readable')
  t.same(breaches, [], 'which is no fault')
})

t.test('a member that makes us answer and reads no answers is cut off', async (t) => {
  const connection = new (class extends FakeConnection {
    override sendData() {
      return { sentBytes: 0, canSendMore: false }
    }
  })('inbound', '/ip4/10.0.0.1/tcp/1')
  const { breaches } = play({ connection, maxInboundBytesPerSecond: 2 ** 30 })
  connection.send(new Uint8Array(MAX_CONNECTION_SEND_BUFFER_BYTES + 1))
  connection.onData(yamuxHeader(PING, { flags: SYN }))
  t.equal(connection.status, 'aborted')
  t.match(breaches, [{ code: 'ERR_LIMIT_EXCEEDED' }])
})

t.test('nothing reaches the multiplexer without being a member', async (t) => {
  const { createStreamMuxer } = guardedMultiplexer(
    { clock: createVirtualClock() },
    { maxInboundBytesPerSecond: 1, sessionOf: () => undefined, onBreach: () => {} },
  )()
  const stranger = new FakeConnection('inbound', '/ip4/10.0.0.1/tcp/1')
  t.throws(() => createStreamMuxer(stranger), { code: 'ERR_INTERNAL' })
})

t.test('a flood is one fault under one name, whatever it cuts short', async (t) => {
  const authority = createAuthority()
  const blamed: object[] = []
  const logger = { ...silentLogger, warn: (data: object) => void blamed.push(data) }
  const node = createNode(t, {
    logger,
    membership: createMembership(
      { clock: systemClock },
      { network: NETWORK, networkKeys: [authority.key.publicKey] },
    ),
  })
  let open = 0
  let ended = 0
  node.handle(ECHO, ECHO_LIMITS, async (stream) => {
    open++
    try {
      while ((await stream.receive()) !== undefined);
    } finally {
      ended++
    }
  })
  await node.start()
  const identity = generatePrivateKey(systemRandom)
  const peer = peerIdFromPublicKey(identity.publicKey)
  const certificate = await authority.issue(identity.publicKey, { name: 'mallory' })
  const { connection, closed } = await dialAsHostileMember(t, node, identity, certificate)
  const hello = Buffer.from(
    `\x13/multistream/1.0.0\n${String.fromCharCode(ECHO.length + 1)}${ECHO}\n`,
  )
  for (let stream = 101; stream < 109; stream += 2) {
    const header = yamuxHeader(DATA, { flags: SYN, stream, length: hello.length })
    connection.send(Buffer.concat([header, hello]))
  }
  await until(() => open === 4, 'four streams')
  // Much of it is under way already when the first of it is judged.
  for (let count = 0; count < 200; count++) {
    if (connection.status !== 'open') break
    connection.send(Buffer.concat(Array(100).fill(yamuxHeader(PING, { flags: SYN }))))
  }
  await closed
  await until(() => ended === 4, 'their ends')
  await until(() => node.peers().length === 0, 'it is gone')
  const fact = { peer, name: 'mallory', code: 'ERR_LIMIT_EXCEEDED' }
  t.match(blamed, [{ ...fact, faults: 1, avoided: false }])
  t.equal(blamed.length, 1)

  node.blame(peer, new MeshError('ERR_SIGNATURE_INVALID', 'found out when it was gone'))
  t.match(blamed[1], { peer, name: 'mallory', avoided: true }, 'it keeps its name')
  t.match(node.faults?.().get(peer), { name: 'mallory' })
})
