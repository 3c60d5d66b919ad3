import t from 'tap'
import { encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { decodeRequest, encodeAnswer } from '../../../src/sync/content/messages.ts'
import { CONTENT_INIT, CONTENT_PROTOCOL } from '../../../src/sync/content/server.ts'
import { ANNOUNCED_BURST, CONTENT_FRAME_BYTES } from '../../../src/sync/limits.ts'
import { MAX_FETCHES, MAX_FRAME_RECORDS } from '../../../src/sync/limits.ts'
import { record } from '../../support/fake-collection.ts'
import { allPairs, createFakeMesh } from '../../support/mesh.ts'
import type { Mesh, MeshNode } from '../../support/mesh.ts'
import type { FakeCollection } from '../../support/fake-collection.ts'
import type { FrameStream, Transport } from '../../../src/transport/index.ts'

const content = Buffer.alloc(1_000_000, 'the truth, ')
const lies = Buffer.alloc(1_000_000, 'the lies, ')
const value = record('a', 1, content)
const digest = value.content?.digest ?? ('' as never)

/** What a holder does with a request: sends these bytes, from the offset on, in whole pieces. */
type Serve = (stream: FrameStream, offset: number) => Promise<void>

const found = (sizeBytes = content.length): Uint8Array => encodeAnswer({ type: 'found', sizeBytes })

const sendBytes = async (stream: FrameStream, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length; at += CONTENT_FRAME_BYTES) {
    await stream.send(bytes.subarray(at, at + CONTENT_FRAME_BYTES))
  }
}

/** Serves some of the bytes and then does something else. */
const upTo =
  (end: number, then: (stream: FrameStream) => Promise<void> | void, bytes = content): Serve =>
  async (stream, offset) => {
    await stream.send(found())
    await sendBytes(stream, bytes.subarray(offset, end))
    await then(stream)
  }

const stall = (stream: FrameStream): Promise<void> =>
  new Promise((resolve) => stream.signal.addEventListener('abort', () => resolve()))
const vanish = (stream: FrameStream): void => stream.abort(new Error('gone'))
const honest = upTo(content.length, () => {})

interface Holder {
  readonly transport: Transport
  readonly offsets: number[]
  claim(): Promise<void>
}

const addHolder = async (
  mesh: Mesh<FakeCollection>,
  node: MeshNode<FakeCollection>,
  name: string,
  serve: Serve,
): Promise<Holder> => {
  const transport = await mesh.stranger(name)
  const offsets: number[] = []
  transport.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
    await stream.receive()
    await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
  })
  transport.handle(CONTENT_PROTOCOL, CONTENT_INIT, async (stream) => {
    const frame = await stream.receive()
    const { offset } = decodeRequest(frame ?? new Uint8Array())
    offsets.push(offset)
    await serve(stream, offset)
  })
  await mesh.run(transport.dial(node.transport.addresses()[0] ?? ''))
  await mesh.clock.advance(200)
  const stream = await mesh.run(transport.open(node.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT))
  await stream.send(encodeAnnounce({ type: 'hello' }))
  await mesh.run(stream.receive())
  return {
    transport,
    offsets,
    claim: () =>
      stream.send(
        encodeAnnounce({ type: 'have', collection: 'files', holdings: [{ name: 'a', digest }] }),
      ),
  }
}

/** A node that knows of a content, and holders that are asked in the order given. */
const play = async (...serves: Serve[]) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const holders: Holder[] = []
  for (const [index, serve] of serves.entries()) {
    holders.push(await addHolder(mesh, node, `Holder${index + 1}`, serve))
  }
  node.state.publish(value)
  for (const holder of holders) {
    await holder.claim()
    await mesh.clock.advance(50)
  }
  const complete = (maxMs?: number) => mesh.until(() => node.state.isComplete('a'), maxMs)
  const blamed = () => node.blamed.map((each) => each.replace('12D3KooStranger', ''))
  return { mesh, node, holders, complete, blamed }
}

t.test('a fetch goes on where a holder left off', async (t) => {
  const half = 4 * CONTENT_FRAME_BYTES
  for (const [title, then, maxMs] of [
    ['disconnects', vanish, 2000],
    ['ends early in good order', () => {}, 2000],
    ['stalls', stall, 25_000],
  ] as const) {
    const { mesh, node, holders, complete, blamed } = await play(upTo(half, then), honest)
    const tookMs = await complete(60_000)
    t.ok(tookMs !== undefined && tookMs < maxMs, `a holder ${title}: ${tookMs?.toFixed(0)} ms`)
    t.same(holders[0]?.offsets, [0])
    t.same(holders[1]?.offsets, [half], 'nothing is sent twice')
    t.equal(node.sync.status().counts.contentFetches, 1, 'in one attempt')
    t.same(blamed(), [], 'and nobody is blamed')
    await mesh.stop()
  }
})

t.test('a holder that trickles is left for a better one', async (t) => {
  const trickle: Serve = async (stream, offset) => {
    await stream.send(found())
    for (let at = offset; at < content.length && !stream.signal.aborted; at += 4096) {
      await stream.send(content.subarray(at, at + 4096))
      await sleep(1000)
    }
  }
  let sleep: (ms: number) => Promise<void> = async () => {}
  const mesh = await createFakeMesh({ count: 1 })
  sleep = (ms) => new Promise((resolve) => mesh.clock.schedule(ms, resolve))
  const node = mesh.node(0)
  const slow = await addHolder(mesh, node, 'Slow', trickle)
  const fast = await addHolder(mesh, node, 'Fast', honest)
  node.state.publish(value)
  await slow.claim()
  await mesh.clock.advance(50)
  await fast.claim()
  const tookMs = await mesh.until(() => node.state.isComplete('a'), 120_000)
  t.ok(tookMs !== undefined && tookMs > 15_000 && tookMs < 25_000, `after ${tookMs?.toFixed(0)} ms`)
  t.ok((fast.offsets[0] ?? 0) > 70_000, `it went on at ${fast.offsets[0]}`)
  await mesh.stop()
})

t.test('a holder just above the least rate is left for one that was not tried', async (t) => {
  let sleep: (ms: number) => Promise<void> = async () => {}
  const mesh = await createFakeMesh({ count: 1 })
  sleep = (ms) => new Promise((resolve) => mesh.clock.schedule(ms, resolve))
  const node = mesh.node(0)
  const slow = await addHolder(mesh, node, 'Slow', async (stream, offset) => {
    await stream.send(found())
    for (let at = offset; at < content.length && !stream.signal.aborted; at += 10_000) {
      await stream.send(content.subarray(at, at + 10_000))
      await sleep(1000)
    }
  })
  const fast = await addHolder(mesh, node, 'Fast', honest)
  node.state.publish(value)
  await slow.claim()
  await mesh.clock.advance(50)
  await fast.claim()
  const tookMs = await mesh.until(() => node.state.isComplete('a'), 10 * 60_000)
  t.ok(tookMs !== undefined && tookMs < 25_000, `after ${tookMs?.toFixed(0)} ms`)
  t.ok((fast.offsets[0] ?? 0) > 150_000, `it went on at ${fast.offsets[0]}`)
  await mesh.stop()
})

t.test('a slow holder is left for a better one that comes much later', async (t) => {
  let sleep: (ms: number) => Promise<void> = async () => {}
  const mesh = await createFakeMesh({ count: 1 })
  sleep = (ms) => new Promise((resolve) => mesh.clock.schedule(ms, resolve))
  const node = mesh.node(0)
  const slow = await addHolder(mesh, node, 'Slow', async (stream, offset) => {
    await stream.send(found())
    for (let at = offset; at < content.length && !stream.signal.aborted; at += 7_000) {
      await stream.send(content.subarray(at, at + 7_000))
      await sleep(1000)
    }
  })
  const fast = await addHolder(mesh, node, 'Fast', honest)
  node.state.publish(value)
  await slow.claim()
  await mesh.clock.advance(50_000)
  t.same([slow.offsets, fast.offsets], [[0], []], 'while there is no choice it is kept')
  await fast.claim()
  const tookMs = await mesh.until(() => node.state.isComplete('a'), 10 * 60_000)
  t.ok(tookMs !== undefined && tookMs < 41_000, `${tookMs?.toFixed(0)} ms after it came`)
  t.ok((fast.offsets[0] ?? 0) > 300_000, `it went on at ${fast.offsets[0]}`)
  await mesh.stop()
})

t.test('one slow holder is better than none', async (t) => {
  let sleep: (ms: number) => Promise<void> = async () => {}
  const mesh = await createFakeMesh({ count: 1 })
  sleep = (ms) => new Promise((resolve) => mesh.clock.schedule(ms, resolve))
  const node = mesh.node(0)
  const slow = await addHolder(mesh, node, 'Slow', async (stream, offset) => {
    await stream.send(found())
    for (let at = offset; at < content.length && !stream.signal.aborted; at += 5000) {
      await stream.send(content.subarray(at, at + 5000))
      await sleep(1000)
    }
  })
  node.state.publish(value)
  await slow.claim()
  const tookMs = await mesh.until(() => node.state.isComplete('a'), 20 * 60_000)
  t.ok(tookMs !== undefined, `1 MB at 5 kB/s in ${tookMs?.toFixed(0)} ms`)
  t.ok(slow.offsets.length > 1 && slow.offsets.every((at, index) => index === 0 || at > 0))
  await mesh.stop()
})

t.test('a liar is found, blamed and not asked again', async (t) => {
  const { mesh, holders, complete, blamed } = await play(
    upTo(content.length, () => {}, lies),
    honest,
  )
  const tookMs = await complete(30_000)
  t.ok(tookMs !== undefined && tookMs < 3000, `${tookMs?.toFixed(0)} ms`)
  t.same(blamed(), ['Holder1 ERR_FILE_CONTENT_MISMATCH'])
  t.equal(holders[0]?.offsets.length, 1)
  await mesh.stop()
})

t.test('a liar that spoils the second half of an honest one is found', async (t) => {
  const half = 4 * CONTENT_FRAME_BYTES
  const spoil: Serve = (stream, offset) =>
    upTo(content.length, () => {}, offset > 0 ? lies : content)(stream, offset)
  let first = true
  const breaksOnce: Serve = (stream, offset) => {
    if (!first) return honest(stream, offset)
    first = false
    return upTo(half, vanish)(stream, offset)
  }
  const { mesh, node, complete, blamed } = await play(breaksOnce, spoil)
  t.ok((await complete(120_000)) !== undefined)
  t.same(blamed(), ['Holder2 ERR_FILE_CONTENT_MISMATCH'])
  t.ok(node.sync.status().counts.contentFetches >= 2)
  await mesh.stop()
})

t.test('a liar that leaves the rest to an honest one is found too', async (t) => {
  const half = 4 * CONTENT_FRAME_BYTES
  const { mesh, complete, blamed } = await play(upTo(half, vanish, lies), honest)
  t.ok((await complete(120_000)) !== undefined)
  t.same(blamed(), ['Holder1 ERR_FILE_CONTENT_MISMATCH'])
  await mesh.stop()
})

t.test('if all lie, all are blamed, health says so, and the file stays absent', async (t) => {
  const lie = upTo(content.length, () => {}, lies)
  const { mesh, node, holders, blamed } = await play(lie, lie)
  await mesh.clock.advance(10 * 60_000)
  t.same(blamed(), ['Holder1 ERR_FILE_CONTENT_MISMATCH', 'Holder2 ERR_FILE_CONTENT_MISMATCH'])
  t.notOk(node.state.isComplete('a'))
  t.match(node.health.list(), [{ code: 'content-unavailable', subject: 'a' }])
  t.same(node.sync.status().fetching, ['a'])
  const truth = await addHolder(mesh, node, 'Truth', honest)
  await truth.claim()
  t.ok((await mesh.until(() => node.state.isComplete('a'), 1000)) !== undefined, 'at once')
  await mesh.clock.advance(100)
  t.same(node.health.list(), [])
  t.same(node.sync.status().fetching, [])
  t.equal(holders[0]?.offsets.length, 1)
  await mesh.stop()
})

t.test('what no honest holder sends is blamed', async (t) => {
  const cases: [string, Serve][] = [
    ['garbage', (stream) => stream.send(Buffer.from('garbage'))],
    ['another size', (stream) => stream.send(found(5))],
    [
      'more than there is',
      async (stream) => {
        await stream.send(found())
        await sendBytes(stream, Buffer.concat([content, content]))
      },
    ],
    [
      'tiny pieces',
      async (stream) => {
        await stream.send(found())
        for (const byte of content.subarray(0, 100)) await stream.send(Uint8Array.of(byte))
      },
    ],
    [
      'empty pieces',
      async (stream) => {
        await stream.send(found())
        for (;;) await stream.send(new Uint8Array())
      },
    ],
  ]
  for (const [title, serve] of cases) {
    const { mesh, complete, blamed } = await play(serve, honest)
    t.ok((await complete(10_000)) !== undefined, title)
    t.same(blamed(), ['Holder1 ERR_PROTOCOL_MALFORMED'], title)
    await mesh.stop()
  }
})

t.test('a peer that claims and never delivers is asked less and less', async (t) => {
  const claims: [string, Serve][] = [
    ['says it is missing', (stream) => stream.send(encodeAnswer({ type: 'missing' }))],
    ['is always busy', (stream) => stream.send(encodeAnswer({ type: 'busy' }))],
    ['stalls at once', stall],
    ['hangs up', async (stream) => vanish(stream)],
  ]
  for (const [title, serve] of claims) {
    const { mesh, node, holders, blamed } = await play(serve)
    for (let minute = 0; minute < 60; minute++) {
      await holders[0]?.claim()
      await mesh.clock.advance(60_000)
    }
    const asked = holders[0]?.offsets.length ?? 0
    t.ok(asked >= 5 && asked <= 100, `${title}: asked ${asked} times in an hour`)
    t.same(blamed(), [], title)
    t.match(node.health.list(), [{ code: 'content-unavailable' }])
    const truth = await addHolder(mesh, node, 'Truth', honest)
    await truth.claim()
    t.ok((await mesh.until(() => node.state.isComplete('a'), 30_000)) !== undefined, title)
    await mesh.stop()
  }
})

t.test('a claim that had to wait until its peer had left counts for nothing', async (t) => {
  const { mesh, node } = await play()
  t.teardown(() => mesh.stop())
  const transport = await mesh.stranger('Hasty')
  transport.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
    await stream.receive()
    await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
  })
  await mesh.run(transport.dial(node.transport.addresses()[0] ?? ''))
  await mesh.clock.advance(200)
  const stream = await mesh.run(transport.open(node.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT))
  await stream.send(encodeAnnounce({ type: 'hello' }))
  await mesh.run(stream.receive())
  const claims = (name: string) =>
    encodeAnnounce({
      ...{ type: 'have', collection: 'files' },
      holdings: Array.from({ length: MAX_FRAME_RECORDS }, () => ({ name, digest })),
    })
  // Nearly all that it may say at once.
  for (let said = MAX_FRAME_RECORDS; said <= ANNOUNCED_BURST; said += MAX_FRAME_RECORDS) {
    await mesh.run(stream.send(claims('other')))
  }
  await mesh.run(stream.send(claims('a')))
  await mesh.clock.advance(100)
  t.same(node.sync.about('a').missing?.holders, [], 'it waits')
  await mesh.run(transport.stop())
  await mesh.clock.advance(1_000)
  t.same(node.sync.about('a').missing?.holders, [])
})

t.test('peers that said nothing are asked in turn, those who want the name first', async (t) => {
  const names = (index: number) => (index < 2 ? ['a'] : ['b'])
  const mesh = await createFakeMesh({ count: 20, names })
  const [holder, seeker] = [mesh.node(0), mesh.node(1)]
  // The holder has the content before anybody is there to hear of it.
  holder.state.publish(value, content)
  await mesh.link(allPairs(20).filter(([a, b]) => a !== 0 || b !== 1))
  await mesh.clock.advance(5000)
  t.notOk(seeker.state.isComplete('a'), 'not reached by push-pull, only by relayed announcement')
  seeker.state.publish(value)
  await mesh.link([[0, 1]])
  t.ok((await mesh.until(() => seeker.state.isComplete('a'), 5000)) !== undefined)
  t.ok(seeker.sync.status().counts.contentFailures <= 1)
  await mesh.stop()
})

t.test('so many fetches run at once and no more; small content comes first', async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `file-${String(index).padStart(2, '0')}`)
  const mesh = await createFakeMesh({ count: 2, names, network: { latencyMs: 50, jitterMs: 0 } })
  const [source, reader] = [mesh.node(0), mesh.node(1)]
  const order: string[] = []
  reader.state.subscribe({
    stored: () => undefined,
    completed: ({ name }) => order.push(name),
    changed: () => undefined,
  })
  for (const [index, name] of names.entries()) {
    // The last name has the smallest content.
    const bytes = Buffer.alloc((12 - index) * 400_000, name)
    source.state.publish(record(name, 1, bytes), bytes)
  }
  let most = 0
  const running = (): number =>
    reader.workers
      .list()
      .filter(({ name, state }) => name.startsWith('content-') && state === 'running').length
  await mesh.link([[0, 1]])
  const done = await mesh.until(() => {
    most = Math.max(most, running())
    return names.every((name) => reader.state.isComplete(name))
  }, 10 * 60_000)
  t.ok(done !== undefined)
  // One place is for small content only, and two of these are small.
  t.ok(most >= MAX_FETCHES - 1 && most <= MAX_FETCHES, `${most} at once`)
  t.same(order.slice(0, 3).toSorted(), names.slice(-3), 'the smallest three')
  t.equal(order.at(-1), names[0], 'the largest last')
  await mesh.stop()
})

t.test('large content that does not come never blocks small content', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'small']
  const mesh = await createFakeMesh({ count: 1, names })
  const node = mesh.node(0)
  const small = Buffer.alloc(100_000, 'small')
  const holder = await addHolder(mesh, node, 'Holder', async (stream) => stall(stream))
  for (const name of names.slice(0, 5)) {
    node.state.publish(record(name, 1, Buffer.alloc(2_000_000, name)))
  }
  await mesh.clock.advance(2000)
  t.equal(holder.offsets.length, 3)
  const friend = await mesh.stranger('Friend')
  friend.handle(CONTENT_PROTOCOL, CONTENT_INIT, async (stream) => {
    const { name } = decodeRequest((await stream.receive()) ?? new Uint8Array())
    if (name !== 'small') return stall(stream)
    await stream.send(found(small.length))
    await sendBytes(stream, small)
  })
  await mesh.run(friend.dial(node.transport.addresses()[0] ?? ''))
  node.state.publish(record('small', 1, small))
  const tookMs = await mesh.until(() => node.state.isComplete('small'), 60_000)
  t.ok(tookMs !== undefined && tookMs < 25_000, `${tookMs?.toFixed(0)} ms`)
  await mesh.stop()
})

t.test('content that is no longer wanted is not fetched to its end', async (t) => {
  const { mesh, node, holders } = await play(upTo(CONTENT_FRAME_BYTES, stall))
  await mesh.clock.advance(1000)
  t.same(node.sync.status().fetching, ['a'])
  node.state.publish(record('a', 2))
  await mesh.clock.advance(100)
  t.same(node.sync.status().fetching, [])
  t.ok(node.workers.list().every(({ state }) => state === 'idle'))
  t.equal(holders[0]?.offsets.length, 1)
  await mesh.stop()
})

t.test('stopping in the middle of a fetch takes no time; starting again takes it up', async (t) => {
  const { mesh, node, holders } = await play(upTo(CONTENT_FRAME_BYTES, stall), stall)
  await mesh.clock.advance(1000)
  const atMs = mesh.clock.monotonicMs()
  await node.sync.stop()
  t.equal(mesh.clock.monotonicMs(), atMs)
  t.same(node.sync.status().fetching, [])
  await node.sync.start()
  t.same(node.sync.status().fetching, ['a'])
  await mesh.clock.advance(5000)
  t.ok((holders[0]?.offsets.length ?? 0) + (holders[1]?.offsets.length ?? 0) >= 2)
  await mesh.stop()
})

t.test('a failure of this node is nobody’s fault and is tried again', async (t) => {
  const { MeshError } = await import('../../../src/errors/index.ts')
  const mesh = await createFakeMesh({ count: 2 })
  const [source, reader] = [mesh.node(0), mesh.node(1)]
  const { missing } = reader.state
  let full = true
  // The disk is full for the first attempts.
  Object.assign(reader.state, {
    missing: (name?: string) =>
      missing(name).map((each) => ({
        ...each,
        accept: async (...args: Parameters<typeof each.accept>) => {
          if (full) throw new MeshError('ERR_DISK_FULL', 'the disk is full')
          return each.accept(...args)
        },
      })),
  })
  await mesh.link([[0, 1]])
  await mesh.clock.advance(1000)
  source.state.publish(value, content)
  await mesh.clock.advance(10_000)
  t.notOk(reader.state.isComplete('a'))
  t.ok(reader.sync.status().counts.contentFailures >= 2)
  full = false
  t.ok((await mesh.until(() => reader.state.isComplete('a'), 60_000)) !== undefined)
  t.same(reader.blamed, [])
  await mesh.stop()
})
