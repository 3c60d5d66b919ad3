import t from 'tap'
import { silentLogger } from '../../src/observe/index.ts'
import { createMemoryNetwork } from '../../src/transport/index.ts'
import { systemClock } from '../../src/util/index.ts'
import { testTransport } from '../contracts/transport.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { FrameStream, MemoryNetworkInit } from '../../src/transport/index.ts'

const peerId = (name: string): PeerId => `12D3Koo${name}` as PeerId
const limits = { maxFrameBytes: 1024, maxStreamsPerPeer: 4 }

for (const [label, init] of [
  ['memory transport', {}],
  [
    'memory transport over a slow and lossy link',
    { latencyMs: 1, jitterMs: 1, lossRate: 0.1, retransmitMs: 3 },
  ],
] satisfies [string, MemoryNetworkInit][]) {
  testTransport(t, label, async () => {
    const random = createSeededRandom(label)
    const network = createMemoryNetwork({ clock: systemClock, random }, init)
    return {
      create: async (name) =>
        network.createTransport({ peerId: peerId(name), name, logger: silentLogger }),
      deadAddress: '/memory/99/p2p/12D3KooNobody',
    }
  })
}

const simulate = async (init: MemoryNetworkInit = {}, seed = 1) => {
  const clock = createVirtualClock()
  const network = createMemoryNetwork({ clock, random: createSeededRandom(seed) }, init)
  const [a, b] = ['a', 'b'].map((name) =>
    network.createTransport({ peerId: peerId(name), logger: silentLogger }),
  )
  if (a === undefined || b === undefined) throw new Error('two transports')
  const received: { text: string; atMs: number }[] = []
  b.handle('/mesh/test/1', limits, async (stream: FrameStream) => {
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined) return
      received.push({ text: Buffer.from(frame).toString(), atMs: clock.monotonicMs() })
    }
  })
  await a.start()
  await b.start()
  const dialled = a.dial(b.addresses()[0] ?? '')
  await clock.advance(1000)
  await dialled
  const opening = a.open(b.peerId, '/mesh/test/1', limits)
  await clock.advance(1000)
  return { clock, network, a, b, stream: await opening, received }
}

t.test('latency is exact on a virtual clock', async (t) => {
  const { clock, stream, received } = await simulate({ latencyMs: 25 })
  const sentMs = clock.monotonicMs()
  await stream.send(Buffer.from('x'))
  await clock.advance(100)
  t.same(received, [{ text: 'x', atMs: sentMs + 25 }])
})

t.test('a lost frame delays what follows and reorders nothing', async (t) => {
  const { clock, stream, received } = await simulate({ latencyMs: 5, lossRate: 0.3 })
  for (let count = 0; count < 20; count++) await stream.send(Buffer.from(`${count}`))
  await clock.advance(10_000)
  t.same(
    received.map(({ text }) => text),
    Array.from({ length: 20 }, (_, index) => `${index}`),
  )
  t.ok((received.at(-1)?.atMs ?? 0) - 2000 >= 200)
})

t.test('a broken stream is an error at its sender, and another one can be opened', async (t) => {
  const { clock, network, a, b, stream } = await simulate({ latencyMs: 5 })
  network.setLink(a.peerId, b.peerId, { resetRate: 1 })
  await t.rejects(stream.send(Buffer.from('x')), { code: 'ERR_STREAM_CLOSED' })
  network.setLink(a.peerId, b.peerId, { resetRate: 0 })
  const opening = a.open(b.peerId, '/mesh/test/1', limits)
  await clock.advance(100)
  await (await opening).send(Buffer.from('y'))
})

t.test('a partition is silent until it is noticed, and then ends connections', async (t) => {
  const { clock, network, a, b, stream, received } = await simulate({ latencyMs: 5 })
  network.partition([[a.peerId], [b.peerId]], { detectMs: 30_000 })
  await stream.send(Buffer.from('lost'))
  await clock.advance(29_000)
  t.same(received, [])
  t.equal(a.peers().length, 1)
  await clock.advance(2000)
  t.same([a.peers(), b.peers()], [[], []])
  const refused = t.rejects(a.dial(b.addresses()[0] ?? ''), { code: 'ERR_PEER_UNREACHABLE' })
  await clock.advance(100)
  await refused
  network.heal()
  const again = a.dial(b.addresses()[0] ?? '')
  await clock.advance(100)
  t.equal((await again).id, b.peerId)
})

t.test('what was sent during a partition nobody noticed arrives after it', async (t) => {
  const { clock, network, a, b, stream, received } = await simulate({ latencyMs: 5 })
  network.partition([[a.peerId], [b.peerId]], { detectMs: 30_000 })
  await stream.send(Buffer.from('one'))
  await stream.send(Buffer.from('two'))
  await clock.advance(10_000)
  network.heal()
  await clock.advance(60_000)
  t.same(
    received.map(({ text }) => text),
    ['one', 'two'],
  )
  t.equal(a.peers().length, 1)
})

t.test('opening a stream across a partition gives up, sooner or later', async (t) => {
  const { clock, network, a, b } = await simulate({ latencyMs: 5 })
  network.partition([[a.peerId], [b.peerId]], { detectMs: 2 })
  // The connection ends while this is on its way.
  const first = t.rejects(a.open(b.peerId, '/mesh/test/1', limits), {
    code: 'ERR_PEER_UNREACHABLE',
  })
  await clock.advance(100)
  await first
  network.heal()
  const again = a.dial(b.addresses()[0] ?? '')
  await clock.advance(100)
  await again
  network.partition([[a.peerId], [b.peerId]], { detectMs: 60_000 })
  const second = t.rejects(a.open(b.peerId, '/mesh/test/1', limits), { code: 'ERR_TIMEOUT' })
  await clock.advance(10_000)
  await second
})

t.test('a killed node is silent until its peers notice, or until it comes back', async (t) => {
  for (const returns of [false, true]) {
    const { clock, network, a, b, stream, received } = await simulate({ latencyMs: 5 })
    await stream.send(Buffer.from('on its way'))
    network.kill(a.peerId, { detectMs: 20_000 })
    await clock.advance(10_000)
    t.same(received, [])
    t.equal(b.peers().length, 1)
    if (returns) {
      const next = network.createTransport({ peerId: a.peerId, logger: silentLogger })
      await next.start()
      const dialled = next.dial(b.addresses()[0] ?? '')
      await clock.advance(1000)
      await dialled
      t.equal(b.peers().length, 1)
      t.equal(b.peers()[0]?.direction, 'inbound')
    }
    await clock.advance(20_000)
    t.equal(b.peers().length, returns ? 1 : 0)
    t.same(received, [])
  }
})

t.test('an avoided peer is let in again after ten minutes', async (t) => {
  const { clock, a, b } = await simulate()
  const { MeshError } = await import('../../src/errors/index.ts')
  a.blame(b.peerId, new MeshError('ERR_SIGNATURE_INVALID', 'forged'))
  await t.rejects(b.dial(a.addresses()[0] ?? ''), { code: 'ERR_PEER_REFUSED' })
  await clock.advance(10 * 60_000 + 1)
  t.equal((await b.dial(a.addresses()[0] ?? '')).id, a.peerId)
})

t.test('one seed, one trace; another seed, another', async (t) => {
  const run = async (seed: number): Promise<unknown> => {
    const link = { latencyMs: 5, jitterMs: 20, lossRate: 0.2 }
    const { clock, stream, received } = await simulate(link, seed)
    for (let count = 0; count < 50; count++) await stream.send(Buffer.from(`${count}`))
    await clock.advance(60_000)
    return received
  }
  const first = await run(7)
  t.same(await run(7), first)
  t.notSame(await run(8), first)
})
