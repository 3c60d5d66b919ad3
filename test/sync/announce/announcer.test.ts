import t from 'tap'
import { decodeAnnounce, encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { CONTENT_PROTOCOL } from '../../../src/sync/content/server.ts'
import { ANNOUNCED_BURST, ANNOUNCED_PER_SECOND } from '../../../src/sync/limits.ts'
import { MAX_FRAME_RECORDS, MAX_INLINE_BYTES } from '../../../src/sync/limits.ts'
import { RELAY_BURST_RECORDS } from '../../../src/sync/limits.ts'
import { PUSH_PULL_PROTOCOL } from '../../../src/sync/push-pull/channel.ts'
import { sha256 } from '../../../src/util/index.ts'
import { encodeRecord, record } from '../../support/fake-collection.ts'
import { allPairs, createFakeMesh } from '../../support/mesh.ts'
import type { FakeRecord } from '../../support/fake-collection.ts'
import type { Mesh, MeshNode } from '../../support/mesh.ts'
import type { FrameStream, Transport } from '../../../src/transport/index.ts'
import type { WireItem } from '../../../src/sync/wire.ts'

const line = (count: number): [number, number][] =>
  Array.from({ length: count - 1 }, (_, index) => [index, index + 1])

const framesOf = (mesh: Mesh<unknown>): number => mesh.traffic.get(ANNOUNCE_PROTOCOL)?.frames ?? 0

/** A member that a test plays, as a neighbour of one node. */
const befriend = async (
  mesh: Mesh<unknown>,
  node: MeshNode<unknown>,
  name: string,
): Promise<{ transport: Transport; stream: FrameStream; heard: WireItem[] }> => {
  const transport = await mesh.stranger(name)
  transport.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
    await stream.receive()
    await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
  })
  await mesh.run(transport.dial(node.transport.addresses()[0] ?? ''))
  await mesh.clock.advance(200)
  const stream = await mesh.run(transport.open(node.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT))
  await stream.send(encodeAnnounce({ type: 'hello' }))
  await mesh.run(stream.receive())
  const heard: WireItem[] = []
  const listen = async (): Promise<void> => {
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      const message = decodeAnnounce(frame)
      if (message.type === 'items') heard.push(...message.items)
    }
  }
  listen().catch(() => undefined)
  return { transport, stream, heard }
}

const itemsFrame = (...items: (FakeRecord | WireItem)[]): Uint8Array =>
  encodeAnnounce({
    type: 'items',
    collection: 'files',
    items: items.map((item) =>
      'record' in item ? item : { holds: false, record: encodeRecord(item) },
    ),
  })

t.test('one upload reaches thirty nodes within milliseconds', async (t) => {
  const tookMs: number[] = []
  for (let seed = 1; seed <= 10; seed++) {
    const mesh = await createFakeMesh({ count: 30, seed })
    await mesh.link(mesh.random.shuffle(allPairs(30)))
    await mesh.clock.advance(10_000)
    const content = Buffer.from(`content ${seed}`)
    const arrivals = new Map<unknown, number>()
    const startMs = mesh.clock.monotonicMs()
    for (const node of mesh.nodes) {
      node.state.subscribe({
        stored: () => arrivals.set(node, mesh.clock.monotonicMs() - startMs),
        completed: () => undefined,
        changed: () => undefined,
      })
    }
    mesh.random.pick(mesh.nodes).state.publish(record('a', 1, content), content)
    t.ok(await mesh.until(() => mesh.nodes.every(({ state }) => state.isComplete('a')), 1000))
    tookMs.push(...arrivals.values())
    t.same(
      mesh.nodes.flatMap(({ blamed }) => blamed),
      [],
    )
    await mesh.stop()
  }
  tookMs.sort((a, b) => a - b)
  const p99Ms = tookMs[Math.floor(tookMs.length * 0.99)] ?? Number.NaN
  t.comment(`links of 5 to 15 ms: p99 ${p99Ms.toFixed(1)} ms, max ${tookMs.at(-1)?.toFixed(1)} ms`)
  t.ok(p99Ms < 60, 'about four hops')
})

t.test('records of one moment go out in one frame', async (t) => {
  const names = Array.from({ length: 100 }, (_, index) => `file-${index}`)
  const mesh = await createFakeMesh({ count: 2, names })
  await mesh.link([[0, 1]])
  await mesh.clock.advance(1000)
  const before = framesOf(mesh)
  for (const name of names) mesh.node(0).state.publish(record(name, 1))
  await mesh.clock.advance(100)
  t.ok(names.every((name) => mesh.node(1).state.isComplete(name)))
  t.equal(framesOf(mesh) - before, 1)
  t.equal(mesh.node(0).sync.status().counts.announcementsSent, 100)
  t.equal(mesh.node(1).sync.status().counts.announcementsReceived, 100)
  await mesh.stop()
})

t.test('nothing goes back to whom it came from, and nothing goes round for ever', async (t) => {
  const mesh = await createFakeMesh({ count: 5 })
  await mesh.link(allPairs(5))
  await mesh.clock.advance(1000)
  const before = framesOf(mesh)
  mesh.node(0).state.publish(record('a', 1))
  await mesh.clock.advance(10_000)
  // Ten links; the origin uses four of them, and none is used more than once in each direction.
  const frames = framesOf(mesh) - before
  t.ok(frames >= 4 && frames <= 4 + 4 * 3, `${frames} frames`)
  await mesh.stop()

  const pair = await createFakeMesh({ count: 2 })
  await pair.link([[0, 1]])
  await pair.clock.advance(1000)
  const start = framesOf(pair)
  pair.node(0).state.publish(record('a', 1))
  await pair.clock.advance(10_000)
  t.equal(framesOf(pair) - start, 1, 'between two, one frame')
  await pair.stop()
})

t.test('small content travels with its record, larger content is fetched', async (t) => {
  const mesh = await createFakeMesh({ count: 3 })
  await mesh.link(line(3))
  await mesh.clock.advance(1000)
  const small = Buffer.alloc(MAX_INLINE_BYTES, 1)
  mesh.node(0).state.publish(record('a', 1, small), small)
  t.ok(await mesh.until(() => mesh.node(2).state.isComplete('a'), 200))
  t.equal(mesh.traffic.get(CONTENT_PROTOCOL), undefined, 'without a fetch')

  const large = Buffer.alloc(MAX_INLINE_BYTES + 1, 2)
  mesh.node(0).state.publish(record('b', 1, large), large)
  t.ok(await mesh.until(() => mesh.node(2).state.current('b') !== undefined, 200))
  t.notOk(mesh.node(2).state.isComplete('b'), 'the record does not wait for the content')
  t.ok(await mesh.until(() => mesh.node(2).state.isComplete('b'), 500), 'told who has it, at once')
  t.equal(mesh.node(2).sync.status().counts.contentFailures, 0)
  await mesh.stop()
})

t.test('a record passes through a node that does not want it, which keeps nothing', async (t) => {
  const names = (index: number) => (index === 1 ? ['other'] : ['a', 'b'])
  const mesh = await createFakeMesh({ count: 3, names })
  await mesh.link(line(3))
  await mesh.clock.advance(1000)
  const content = Buffer.from('for the ends of the line')
  mesh.node(0).state.publish(record('a', 1, content), content)
  t.ok(await mesh.until(() => mesh.node(2).state.isComplete('a'), 200), 'content and all')
  t.equal(mesh.node(1).state.current('a'), undefined)
  t.equal(mesh.node(1).sync.status().counts.relayed, 1)
  const frames = framesOf(mesh)
  await mesh.clock.advance(10_000)
  t.equal(framesOf(mesh), frames)
  await mesh.stop()
})

t.test('who passes a record on does not claim to hold its content', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const listener = await befriend(mesh, node, 'Listener')
  const holder = await befriend(mesh, node, 'Holder')
  const value = record('unwanted', 1, Buffer.alloc(100_000))
  await holder.stream.send(itemsFrame({ holds: true, record: encodeRecord(value) }))
  await mesh.clock.advance(100)
  t.match(listener.heard, [{ holds: false }])
  await mesh.stop()
})

t.test('a record refused by the policy here is passed on to those with another one', async (t) => {
  const signers = (index: number) => ({ signers: index === 1 ? ['old'] : ['anna'] })
  const mesh = await createFakeMesh({ count: 3, collection: signers })
  await mesh.link(line(3))
  await mesh.clock.advance(1000)
  mesh.node(0).state.publish(record('a', 1))
  t.ok(await mesh.until(() => mesh.node(2).state.current('a') !== undefined, 200))
  t.equal(mesh.node(1).state.current('a'), undefined)
  t.equal(mesh.node(1).sync.status().counts.refused, 1)
  t.same(mesh.node(1).blamed, [], 'and nobody is blamed for it')
  await mesh.stop()
})

t.test('what is unwanted is relayed within a rate, and no faster', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const flooder = await befriend(mesh, node, 'Flooder')
  const listener = await befriend(mesh, node, 'Listener')
  const count = 5000
  for (let index = 0; index < count; index += 100) {
    const records = Array.from({ length: 100 }, (_, at) => record(`unwanted/${index + at}`, 1))
    await mesh.run(flooder.stream.send(itemsFrame(...records)))
  }
  await mesh.clock.advance(1000)
  const relayed = listener.heard.length
  t.ok(relayed >= RELAY_BURST_RECORDS && relayed < RELAY_BURST_RECORDS + 200, `${relayed} relayed`)
  t.ok(node.state.verified.count <= relayed, 'what is not relayed is not verified either')
  await mesh.clock.advance(5000)
  await flooder.stream.send(itemsFrame(record('unwanted/later', 1)))
  await mesh.clock.advance(100)
  t.equal(listener.heard.length, relayed + 1, 'and the peer is not shut out')
  t.same(node.blamed, [])
  t.equal(flooder.heard.length, 0)
  await mesh.stop()
})

t.test('a forged record is not passed on, and its sender is blamed at once', async (t) => {
  for (const name of ['a', 'unwanted']) {
    const mesh = await createFakeMesh({ count: 1 })
    const node = mesh.node(0)
    const listener = await befriend(mesh, node, 'Listener')
    const forger = await befriend(mesh, node, 'Forger')
    await forger.stream.send(
      itemsFrame(record(name, 1, undefined, { signature: 'forged' }), record('b', 1)),
    )
    await mesh.clock.advance(1000)
    t.same(node.blamed, [`${forger.transport.peerId} ERR_SIGNATURE_INVALID`], name)
    t.equal(node.state.current(name), undefined)
    t.notOk(
      listener.heard.some(({ record }) => Buffer.from(record).includes('forged')),
      name,
    )
    t.ok(forger.stream.signal.aborted)
    await mesh.stop()
  }
})

t.test('a forged record does not keep the real one of the same id away', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const listener = await befriend(mesh, node, 'Listener')
  const forger = await befriend(mesh, node, 'Forger')
  const honest = await befriend(mesh, node, 'Honest')
  const real = record('unwanted', 1)
  await forger.stream.send(itemsFrame({ ...real, signature: 'forged' }))
  await mesh.clock.advance(100)
  await honest.stream.send(itemsFrame(real))
  await mesh.clock.advance(100)
  t.same(
    listener.heard.map((item) => Buffer.from(item.record).toString()),
    [Buffer.from(encodeRecord(real)).toString()],
  )
  await mesh.stop()
})

t.test('records of another network go no further', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const listener = await befriend(mesh, node, 'Listener')
  const friend = await befriend(mesh, node, 'Friend')
  const foreign = { network: 'elsewhere' }
  await friend.stream.send(
    itemsFrame(record('unwanted', 1, undefined, foreign), record('a', 1, undefined, foreign)),
  )
  await mesh.clock.advance(1000)
  t.same(listener.heard, [])
  t.equal(node.state.verified.count, 0)
  t.same(node.blamed, [])
  await mesh.stop()
})

t.test('what is known costs no verification and is told once', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const listener = await befriend(mesh, node, 'Listener')
  const repeater = await befriend(mesh, node, 'Repeater')
  const frame = itemsFrame(record('a', 1), record('unwanted', 1))
  await repeater.stream.send(frame)
  await mesh.clock.advance(100)
  t.equal(node.state.verified.count, 2)
  t.equal(listener.heard.length, 2)
  for (let count = 0; count < 200; count++) await mesh.run(repeater.stream.send(frame))
  await mesh.clock.advance(1000)
  t.equal(node.state.verified.count, 2)
  t.equal(listener.heard.length, 2)
  await mesh.stop()
})

t.test('content that is not what its record says is a lie', async (t) => {
  const content = Buffer.from('the truth')
  const cases: [string, FakeRecord, Uint8Array][] = [
    ['other bytes', record('a', 1, content), Buffer.from('the lies!')],
    ['fewer bytes', record('a', 1, content), content.subarray(1)],
    ['content of a record without any', record('a', 1), content],
    ['an unwanted name', record('unwanted', 1, content), Buffer.from('the lies!')],
  ]
  for (const [title, value, inline] of cases) {
    const mesh = await createFakeMesh({ count: 1 })
    const node = mesh.node(0)
    const listener = await befriend(mesh, node, 'Listener')
    const liar = await befriend(mesh, node, 'Liar')
    await liar.stream.send(
      itemsFrame({ holds: true, record: encodeRecord(value), content: inline }),
    )
    await mesh.clock.advance(1000)
    t.same(node.blamed, [`${liar.transport.peerId} ERR_PROTOCOL_MALFORMED`], title)
    t.equal(node.state.current(value.name), undefined, title)
    t.same(listener.heard, [], title)
    await mesh.stop()
  }
})

t.test('content that comes with a known record is taken if it is missing', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const content = Buffer.from('late')
  const value = record('a', 1, content)
  const friend = await befriend(mesh, node, 'Friend')
  await friend.stream.send(itemsFrame(value))
  await mesh.clock.advance(100)
  t.ok(node.state.current('a') !== undefined && !node.state.isComplete('a'))
  await friend.stream.send(itemsFrame({ holds: true, record: encodeRecord(value), content }))
  await mesh.clock.advance(100)
  t.ok(node.state.isComplete('a'))
  await mesh.stop()
})

t.test('an unknown collection is ignored: a newer node may have more than we know', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const friend = await befriend(mesh, node, 'Newer')
  const items = [{ holds: false, record: Buffer.from('whatever') }]
  await friend.stream.send(encodeAnnounce({ type: 'items', collection: 'holdings', items }))
  await friend.stream.send(encodeAnnounce({ type: 'have', collection: 'holdings', holdings: [] }))
  await friend.stream.send(itemsFrame(record('a', 1)))
  await mesh.clock.advance(1000)
  t.ok(node.state.isComplete('a'))
  t.same(node.blamed, [])
  await mesh.stop()
})

t.test('a neighbour that claims without end has to wait; others do not', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const mallory = await befriend(mesh, node, 'Mallory')
  const honest = await befriend(mesh, node, 'Honest')
  const holdings = Array.from({ length: MAX_FRAME_RECORDS }, (_, index) => ({
    name: `claimed-${index}`,
    digest: sha256(`${index}`),
  }))
  const count = ANNOUNCED_BURST + 4 * ANNOUNCED_PER_SECOND
  const flood = async (): Promise<void> => {
    for (let sent = 0; sent < count; sent += MAX_FRAME_RECORDS) {
      await mallory.stream.send(encodeAnnounce({ type: 'have', collection: 'files', holdings }))
    }
    await mallory.stream.send(itemsFrame(record('a', 1)))
  }
  flood().catch(() => undefined)
  await mesh.clock.advance(100)
  await honest.stream.send(itemsFrame(record('b', 1)))
  await mesh.clock.advance(100)
  t.ok(node.state.isComplete('b'))
  await mesh.clock.advance(3_000)
  t.notOk(node.state.current('a'), 'what comes after the flood is not read before')
  t.ok(await mesh.until(() => node.state.isComplete('a'), 5_000))
  t.same(node.blamed, [])
  await mesh.stop()
})

t.test('a neighbour that cannot keep up is reconciled with instead', async (t) => {
  const count = 4000
  const names = Array.from({ length: count }, (_, index) => `file-${index}`)
  const mesh = await createFakeMesh({ count: 2, names })
  const [fast, slow] = [mesh.node(0), mesh.node(1)]
  await mesh.link([[0, 1]])
  await mesh.clock.advance(5000)
  mesh.network.setLink(fast.peerId, slow.peerId, { latencyMs: 1000, jitterMs: 0 })
  const frames = () => mesh.traffic.get(PUSH_PULL_PROTOCOL)?.frames ?? 0
  const before = frames()
  for (const name of names) {
    // About 600 bytes each, 2.4 MB in all: more than the window and the outbox together.
    fast.state.publish(record(name, 1, undefined, { pad: 'x'.repeat(500) }))
  }
  await mesh.clock.advance(2500)
  t.ok(fast.sync.status().counts.announcementsSent < count, 'not all of it was announced')
  t.ok(frames() > before, 'a push-pull began at once')
  const took = await mesh.until(() => slow.state.digest() === fast.state.digest(), 120_000)
  t.ok(took !== undefined && took < 60_000, `in step after ${took} ms`)
  await mesh.stop()
})

t.test('one run is like the other for the same seed', async (t) => {
  const run = async (seed: number) => {
    const frames: unknown[] = []
    const mesh = await createFakeMesh({
      count: 12,
      seed,
      network: { lossRate: 0.05, onFrame: (frame) => frames.push(frame) },
    })
    await mesh.link(mesh.random.shuffle(allPairs(12)))
    await mesh.clock.advance(2000)
    for (const name of ['a', 'b', 'c']) {
      const content = Buffer.alloc(40_000, name)
      mesh.random.pick(mesh.nodes).state.publish(record(name, 1, content), content)
      await mesh.clock.advance(20)
    }
    await mesh.clock.advance(60_000)
    await mesh.stop()
    return frames
  }
  const first = await run(5)
  t.ok(first.length > 500)
  t.same(await run(5), first)
  t.notSame(await run(6), first)
})
