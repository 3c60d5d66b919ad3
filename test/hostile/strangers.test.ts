/**
 * Bytes of nobody's making at running daemons, from the first one to the multiplexer: what strangers
 * and members may do below the protocols of mesh (docs/protocols/membership.md).
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generatePrivateKey, signCertificate } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { until } from '../integration/cluster.ts'
import {
  enterPrivateNetwork,
  membershipMessage,
  noiseMessage,
  openSocket,
  readMembershipMessage,
  secure,
  select,
  yamuxHeader,
} from './bare-socket.ts'
import { memoryOf, timeRead } from './resources.ts'
import { clientOf, PATIENCE_MS, startScene } from './scene.ts'
import type { Test } from 'tap'
import type { Timestamp } from '../../src/util/index.ts'
import type { BareSocket, Duplex } from './bare-socket.ts'

const MEBIBYTE = 2 ** 20
/** What all of it may add to a daemon at rest, at its peak. */
const MAX_GROWTH_BYTES = 128 * MEBIBYTE
/** More than a daemon may have in memory of everybody together, if it keeps what comes. */
const FLOOD_BYTES = 256 * MEBIBYTE
/** As docs/limits.md has it. */
const PENDING_OF_ONE_HOST = 64

// At the usual level only so many refusals are told.
const scene = await startScene({
  files: ['app', 'news', 'marker'],
  config: { '': 'log_level = "debug"' },
})
t.teardown(scene.cluster.stop)
const { cluster, victim } = scene
await scene.publish('app', 'app one')
const psk = Buffer.from(
  readFileSync(join(cluster.directory, 'psk'), 'utf8').split('\n')[2] ?? '',
  'hex',
)
const { pid } = victim
const before = memoryOf(victim)

let hosts = 0
/** An address of this machine that nobody has used yet: limits and log tell strangers apart by it. */
const newHost = (): string => `127.0.7.${++hosts}`

const open = async (t: Test, host = newHost()): Promise<BareSocket> => {
  const socket = await openSocket(victim, host)
  t.teardown(socket.destroy)
  return socket
}

interface Stranger {
  readonly host: string
  readonly socket: BareSocket
  readonly network: Duplex
}

/** One that has the pre-shared key and has agreed on Noise. */
const enter = async (t: Test): Promise<Stranger> => {
  const host = newHost()
  const socket = await open(t, host)
  const network = await enterPrivateNetwork(socket, psk)
  await select(network, '/mesh/noise/1')
  return { host, socket, network }
}

const proven = async (t: Test) => {
  const stranger = await enter(t)
  const identity = generatePrivateKey(systemRandom)
  return { ...stranger, identity, secured: await secure(stranger.network, identity) }
}

/** Files are taken and shown, and the daemon answers, while `t`'s attack goes on. */
const served = async (t: Test): Promise<void> => {
  await timeRead(victim, 'app')
  await scene.served()
  t.equal(victim.pid, pid)
}

/** Who is refused is told in the log. */
const refused = (host: string, code: string, why: RegExp) =>
  victim.logged(
    (line) =>
      `${line.address}`.startsWith(`/ip4/${host}/`) && line.code === code && why.test(line.msg),
    PATIENCE_MS,
  )

/** Writes the same again and again until the other side has had enough. */
const flood = async (socket: BareSocket, stream: Duplex, piece: Uint8Array): Promise<number> => {
  let sentBytes = 0
  while (!socket.isEnded && sentBytes < FLOOD_BYTES) {
    if (!stream.write(piece)) await socket.drained()
    sentBytes += piece.length
  }
  return sentBytes
}

t.test('who has no pre-shared key is turned away, whatever it says', async (t) => {
  const greeting = Buffer.from('\x13/multistream/1.0.0\n')
  const openings: Record<string, Buffer> = {
    garbage: randomBytes(4_096),
    'what a network without a key says': Buffer.concat([greeting, greeting]),
    'a request of HTTP': Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(100)}\r\n\r\n`),
  }
  for (const [what, bytes] of Object.entries(openings)) {
    const host = newHost()
    const socket = await open(t, host)
    socket.write(bytes)
    await refused(host, 'ERR_PSK_MISMATCH', /./)
    await socket.ended
    await t.rejects(socket.read(33), `${what} is answered with a nonce and nothing else`)
  }
  const host = newHost()
  const socket = await open(t, host)
  await t.rejects(
    enterPrivateNetwork(socket, randomBytes(32)).then((network) =>
      select(network, '/mesh/noise/1'),
    ),
  )
  await refused(host, 'ERR_PSK_MISMATCH', /its pre-shared key is none of ours/)
  await served(t)
})

t.test('the silent ones take so many places, for so long, and nobody else’s', async (t) => {
  const host = newHost()
  const come = (): Promise<BareSocket> => open(t, host)
  const silent = await Promise.all(Array.from({ length: 3 * PENDING_OF_ONE_HOST }, come))
  await refused(host, 'ERR_LIMIT_EXCEEDED', /64 handshakes pending|64 connections a second/)
  // A second later as many as before may come, and find no place.
  await until('no place to be left', async () => {
    silent.push(await come())
    return victim.log.some(({ msg }) => /has 64 handshakes pending/.test(msg))
  })
  const left = (): number => silent.filter(({ isEnded }) => !isEnded).length
  await until('all but so many to be cut', () => left() <= PENDING_OF_ONE_HOST, PATIENCE_MS)
  t.ok(left() > 0, 'the others are waited for')
  const { link } = await scene.member(t)
  await link
  await served(t)
  await until('the end of their time', () => left() === 0, PATIENCE_MS)
  await refused(host, 'ERR_TIMEOUT', /./)
})

t.test('endless bytes before Noise are cut off', async (t) => {
  const { host, socket, network } = await enter(t)
  const flooding = flood(socket, network, Buffer.alloc(65_536, 0xff))
  await refused(host, 'ERR_LIMIT_EXCEEDED', /more than 8192 bytes before it is a member/)
  const sentBytes = await flooding
  t.ok(sentBytes < FLOOD_BYTES, `cut off after ${sentBytes} bytes`)
  await served(t)
})

t.test('garbage instead of Noise ends it', async (t) => {
  for (const sizes of [[0], [31], [96, 96]]) {
    const { host, socket, network } = await enter(t)
    for (const size of sizes) network.write(noiseMessage(randomBytes(size)))
    await refused(host, 'ERR_PROTOCOL_MALFORMED', /did not speak the handshake/)
    await socket.ended
  }
  await served(t)
})

t.test('what stands in the place of a certificate is judged before it is read', async (t) => {
  const cases: [string, Buffer, string, RegExp, number | undefined][] = [
    ['none', Buffer.of(0), 'ERR_CERTIFICATE_MISSING', /./, 1],
    ['no certificate', Buffer.from('\x01mesh'), 'ERR_CERTIFICATE_MALFORMED', /./, 2],
    ['neither', Buffer.of(7, 7), 'ERR_PROTOCOL_MALFORMED', /malformed/, 255],
    [
      'a byte too many',
      Buffer.alloc(1_026, 1),
      'ERR_LIMIT_EXCEEDED',
      /more than 1025 bytes before it is a member/,
      undefined,
    ],
  ]
  for (const [what, bytes, code, why, verdict] of cases) {
    const { host, socket, secured } = await proven(t)
    secured.write(membershipMessage(bytes))
    if (verdict === undefined) await t.rejects(readMembershipMessage(secured), what)
    else t.strictSame([...(await readMembershipMessage(secured))], [verdict], what)
    await refused(host, code, why)
    await socket.ended
  }
  const { host, socket, secured } = await proven(t)
  const flooding = flood(socket, secured, membershipMessage(Buffer.alloc(60_000, 1), 65_535))
  await refused(host, 'ERR_LIMIT_EXCEEDED', /before it is a member/)
  t.ok((await flooding) < FLOOD_BYTES)
  await served(t)
})

let members = 0
/** One with every right to be here, that speaks Yamux by itself. */
const becomeMember = async (t: Test) => {
  const { identity, secured, socket } = await proven(t)
  const name = `mallory-bare-${++members}`
  const nowMs = Date.now()
  const certificate = await signCertificate(cluster.networkKey, {
    network: cluster.networkId,
    name,
    key: identity.publicKey,
    issued: nowMs as Timestamp,
    expires: (nowMs + 3_600_000) as Timestamp,
    namespaces: [],
  })
  secured.write(membershipMessage(Buffer.concat([Buffer.of(1), Buffer.from(certificate)])))
  const answer = await readMembershipMessage(secured)
  t.strictSame([...answer.subarray(0, 2)], [0, 1], 'it is admitted, and shown a certificate')
  secured.write(membershipMessage(Buffer.of(0)))
  await select(secured, '/yamux/1.0.0')
  return { name, secured, socket }
}

t.test('a member that floods the multiplexer is cut off and named', async (t) => {
  const many = (count: number, frame: (index: number) => Buffer): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, index) => frame(index)))
  const floods: [string, RegExp, () => Buffer][] = [
    [
      'ERR_LIMIT_EXCEEDED',
      /opens streams too fast/,
      () => many(1_000, (index) => yamuxHeader(1, { flags: 1, stream: 2 * index + 1 })),
    ],
    [
      'ERR_LIMIT_EXCEEDED',
      /floods us with window updates/,
      () => many(5_000, () => yamuxHeader(1, { stream: 1, length: 1 })),
    ],
    ['ERR_LIMIT_EXCEEDED', /floods us with pings/, () => many(1_000, () => yamuxHeader(2))],
    [
      'ERR_LIMIT_EXCEEDED',
      /4294967295 bytes in one frame/,
      () =>
        Buffer.concat([yamuxHeader(0, { stream: 1, length: 2 ** 32 - 1 }), Buffer.alloc(MEBIBYTE)]),
    ],
    ['ERR_PROTOCOL_MALFORMED', /no frame of the multiplexer/, () => Buffer.alloc(MEBIBYTE, 0xff)],
  ]
  for (const [code, why, makePiece] of floods) {
    const { name, secured, socket } = await becomeMember(t)
    const piece = makePiece()
    const flooding = flood(socket, secured, piece)
    await victim.logged(
      (line) => line.level === 40 && line.name === name && line.code === code && why.test(line.msg),
      PATIENCE_MS,
    )
    scene.guilty.add(name)
    t.ok((await flooding) < FLOOD_BYTES, `${why}`)
    const { peers } = await clientOf(victim).peers()
    t.match(peers.find((peer) => peer.name === name)?.faults, [{ code, count: 1 }])
  }
  await served(t)
})

t.test('leaves the daemons well, in the memory that they had', async (t) => {
  const growthBytes = memoryOf(victim).peakBytes - before.nowBytes
  const facts = `${Math.round(growthBytes / MEBIBYTE)} MiB above ${Math.round(before.nowBytes / MEBIBYTE)} MiB at the peak`
  t.comment(facts)
  t.ok(growthBytes <= MAX_GROWTH_BYTES, facts)
  for (const node of cluster.nodes) {
    t.strictSame(
      node.log.filter(({ level }) => level === 0 || level > 40),
      [],
    )
    const broke = node.log.filter(({ msg }) => /broke the rules/.test(msg))
    t.ok(broke.every(({ name }) => scene.guilty.has(`${name}`)))
    t.equal(await node.stop(), 0)
  }
})
