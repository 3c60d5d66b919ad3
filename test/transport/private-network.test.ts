import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import t from 'tap'
import { privateNetwork } from '../../src/transport/private-network.ts'
import { systemClock, systemRandom, toHex, utf8 } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, failure, passTime, refusedFor, speaks, startNode } from './nodes.ts'
import { nextEvent, stayAlive, until } from './nodes.ts'
import { closed, openSocket } from './strangers.ts'
import type { ConnectionProtector, Libp2p, Stream } from '@libp2p/interface'
import type { Test } from 'tap'

stayAlive(t)

const newPsk = (): Uint8Array => systemRandom.bytes(32)

const ours = (...psks: Uint8Array[]): (() => ConnectionProtector) =>
  privateNetwork(
    { clock: systemClock, random: systemRandom },
    { psks, onProtected: (outer) => lift(outer), onRefused: () => {} },
  )

/** Without a membership nobody lifts the limit on strangers. */
const lift = (outer: object): void => {
  if ('lift' in outer && typeof outer.lift === 'function') outer.lift()
}

const PROTOCOL = '/test/count/1'

/** A plain libp2p node that counts the bytes of each stream and says so when it has ended. */
const startPlain = async (
  t: Test,
  connectionProtector: () => ConnectionProtector,
): Promise<{ libp2p: Libp2p; received: () => number }> => {
  let received = 0
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionProtector,
    connectionMonitor: { enabled: false },
  })
  t.teardown(() => libp2p.stop())
  await libp2p.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      received += data.byteLength
    })
    stream.addEventListener('remoteCloseWrite', () => void stream.close())
  })
  return { libp2p, received: () => received }
}

const send = async (stream: Stream, pieces: Iterable<Uint8Array>): Promise<void> => {
  for (const piece of pieces) {
    stream.send(piece)
    while (stream.writableNeedsDrain) {
      await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
    }
  }
  await stream.close()
}

const MEBIBYTE = 2 ** 20

t.test('moves more than 64 MiB in writes of 8 MiB, in bounded memory', async (t) => {
  const psk = newPsk()
  const a = await startPlain(t, ours(psk))
  const b = await startPlain(t, ours(psk))
  const [address] = b.libp2p.getMultiaddrs()
  const stream = await a.libp2p.dialProtocol(address ?? multiaddr(''), PROTOCOL)
  const piece = systemRandom.bytes(8 * MEBIBYTE)
  const count = 12
  const before = process.memoryUsage().rss
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 20)
  await send(stream, Array(count).fill(piece))
  await until(() => b.received() === count * piece.length, 'all bytes have come')
  clearInterval(watch)
  t.comment(`grew by ${Math.round((peak - before) / MEBIBYTE)} MiB`)
  t.ok(peak - before < 256 * MEBIBYTE)
})

t.test('a node of a plain libp2p private network with the same key is told apart', async (t) => {
  const psk = newPsk()
  const node = await startNode(t, { psks: [psk] })
  const file = utf8(`/key/swarm/psk/1.0.0/\n/base16/\n${toHex(psk)}\n`)
  const { libp2p } = await startPlain(t, preSharedKey({ psk: file }))
  await t.rejects(libp2p.dial(multiaddr(addressOf(node))))
  await refusedFor(node, 'ERR_PSK_MISMATCH')
})

t.test('connections one after another use up nothing', async (t) => {
  const psk = newPsk()
  const a = await startNode(t, { psks: [psk] })
  const b = await startNode(t, { psks: [psk] })
  for (let count = 0; count < 40; count++) {
    await connect(a, b)
    await a.hangUp(b.peerId)
    await until(() => b.peers().length === 0, 'the end is noticed')
  }
  await connect(a, b)
  t.ok(await speaks(a, b))
})

t.test('dials with the first key and answers to all of them', async (t) => {
  const [old, young] = [newPsk(), newPsk()]
  const before = await startNode(t, { psks: [old] })
  const between = await startNode(t, { psks: [young, old] })
  const after = await startNode(t, { psks: [young] })
  await connect(before, between)
  t.ok(await speaks(before, between))
  await connect(after, between)
  t.ok(await speaks(between, after))
  await connect(between, await startNode(t, { psks: [old, young] }))
  t.equal((await failure(before.dial(addressOf(after)))).code, 'ERR_PSK_MISMATCH')
  t.equal(
    (await failure(between.dial(addressOf(await startNode(t, { psks: [old] }))))).code,
    'ERR_PSK_MISMATCH',
  )
})

t.test('another key, or none, is noticed at once and named on both sides', async (t) => {
  const node = await startNode(t, { psks: [newPsk()] })
  const other = await startNode(t, { psks: [newPsk()] })
  const open = await startNode(t)
  const startedMs = performance.now()

  t.equal((await failure(other.dial(addressOf(node)))).code, 'ERR_PSK_MISMATCH')
  await refusedFor(node, 'ERR_PSK_MISMATCH')

  const without = await failure(open.dial(addressOf(node)))
  t.equal(without.code, 'ERR_PROTOCOL_MALFORMED')
  t.match(without.message, 'has its network a pre-shared key?')
  await until(() => node.counts().refused.ERR_PSK_MISMATCH === 2, 'the second one is counted')

  t.equal((await failure(node.dial(addressOf(open)))).code, 'ERR_PSK_MISMATCH')
  await refusedFor(open, 'ERR_PROTOCOL_MALFORMED')
  t.ok(performance.now() - startedMs < 4_000, 'none of it waited for a timeout')
  t.same([node.peers(), other.peers(), open.peers()], [[], [], []])
})

t.test('a bare socket that says nothing, little or anything does not get in', async (t) => {
  const clock = createVirtualClock()
  const node = await startNode(t, { psks: [newPsk()], clock })
  const garbage = await openSocket(t, node)
  garbage.write(systemRandom.bytes(4096))
  await closed(garbage)
  await refusedFor(node, 'ERR_PSK_MISMATCH')
  const silent = await openSocket(t, node)
  const short = await openSocket(t, node)
  short.write(systemRandom.bytes(30))
  await passTime(clock, () => node.counts().refused.ERR_TIMEOUT === 2, 'silence is noticed')
  await Promise.all([closed(silent), closed(short)])
  t.same(node.peers(), [])
})

t.test('a key of another length, or too many of them, are refused', async (t) => {
  const code = 'ERR_PSK_MALFORMED'
  await t.rejects(startNode(t, { psks: [systemRandom.bytes(31)] }), { code })
  await t.rejects(startNode(t, { psks: Array.from({ length: 17 }, newPsk) }), { code })
})

t.test('a greeting may come in any pieces', async (t) => {
  const node = await startNode(t)
  const socket = await openSocket(t, node)
  let heard = ''
  socket.on('data', (data) => {
    heard += data.toString('latin1')
  })
  for (const byte of Buffer.from('\x13/multistream/1.0.0\n')) {
    socket.write(Buffer.of(byte))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await until(() => heard.includes('/multistream/1.0.0'), 'it is answered')
})

t.test(
  'keys are replaced while the node runs, and one that is withdrawn ends connections',
  async (t) => {
    const [old, young] = [newPsk(), newPsk()]
    const node = await startNode(t, { psks: [old] })
    const other = await startNode(t, { psks: [old] })
    await connect(other, node)
    node.setPsks([young, old])
    t.equal(node.peers().length, 1, 'another key harms nobody')
    other.setPsks([young, old])
    await other.hangUp(node.peerId)
    await until(() => node.peers().length === 0, 'the end is noticed')
    await connect(other, node)
    const gone = nextEvent(other, 'disconnect')
    node.setPsks([young])
    await gone
    await connect(other, node)
    t.ok(await speaks(other, node))
    t.throws(() => node.setPsks([systemRandom.bytes(3)]), { code: 'ERR_PSK_MALFORMED' })
  },
)
