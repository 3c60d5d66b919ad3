/** A node that answers rounds of peers that ask wrongly. */
import t from 'tap'
import {
  MAX_ANSWERED_ROUND_BYTES,
  MAX_INLINE_BYTES,
  MAX_LISTS_PER_MINUTE,
  MAX_NAMES_BYTES,
  MAX_ROUND_RANGES,
  RANGES_BURST,
  RANGES_PER_SECOND,
  RECORD_BYTES_BURST,
  RECORD_BYTES_PER_SECOND,
  ROUND_BURST,
} from '../../../src/sync/limits.ts'
import { answerRounds } from '../../../src/sync/push-pull/answerer.ts'
import { decodePushPull, encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { digestOfNames } from '../../../src/sync/push-pull/names.ts'
import { createShortener } from '../../../src/sync/push-pull/ranges.ts'
import { createSortedTree } from '../../../src/tree/index.ts'
import { PUSH_PULL_INIT, PUSH_PULL_PROTOCOL } from '../../../src/sync/push-pull/channel.ts'
import { createReplica } from '../../../src/sync/push-pull/replica.ts'
import { stateOf } from '../../../src/sync/push-pull/views.ts'
import { createTokenBucket, sha256 } from '../../../src/util/index.ts'
import { createFakeCollection, encodeRecord } from '../../support/fake-collection.ts'
import { record, recordIdOf } from '../../support/fake-collection.ts'
import { createFakeMesh } from '../../support/mesh.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { PeerId } from '../../../src/keys/index.ts'
import type { FrameStream, MemoryNetworkInit } from '../../../src/transport/index.ts'
import type { Digest } from '../../../src/util/index.ts'
import type { PushPullMessage } from '../../../src/sync/push-pull/messages.ts'

const own = digestOfNames(['a', 'b', 'c'])
const salt = Buffer.alloc(16, 7)
const shorten = createShortener(salt)
const getRanges = (...prefixes: string[]): PushPullMessage => ({
  ...{ type: 'get-ranges', salt, maxListIds: 16, prefixes },
})
const rootOf = (ids: readonly Digest[]): Digest => createSortedTree(ids.toSorted()).summary('').hash
const round: PushPullMessage = { type: 'round', collection: 'files', state: sha256('unknown') }

/** A node with records, and a stream on which a peer asks it. */
const play = async (network: MemoryNetworkInit = {}) => {
  const mesh = await createFakeMesh({ count: 1, network })
  const node = mesh.node(0)
  const content = Buffer.from('hello')
  node.state.publish(record('a', 1, content), content)
  node.state.publish(record('b', 1))
  const peer = await mesh.stranger('Asker')
  peer.handle(PUSH_PULL_PROTOCOL, PUSH_PULL_INIT, async (stream) => {
    // What the node itself begins finds nothing in common here.
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      await stream.send(encodePushPull({ type: 'done' }))
    }
  })
  await mesh.run(peer.dial(node.transport.addresses()[0] ?? ''))
  const stream = await mesh.run(peer.open(node.peerId, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT))
  const send = async (...messages: (PushPullMessage | Uint8Array)[]): Promise<void> => {
    for (const message of messages) {
      const frame = message instanceof Uint8Array ? message : encodePushPull(message)
      await mesh.run(stream.send(frame))
    }
  }
  const receive = async (): Promise<PushPullMessage> => {
    const frame = await mesh.run(stream.receive())
    if (frame === undefined) throw new Error('the stream has ended')
    return decodePushPull(frame)
  }
  const blamed = () => node.blamed.map((each) => each.split(' ')[1])
  return { mesh, node, peer, stream, send, receive, blamed }
}

t.test('names count as they were told in the round, whatever was learnt beside it', async (t) => {
  const { mesh, node, peer, send, receive, blamed } = await play()
  const beside = await mesh.run(peer.open(node.peerId, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT))
  const ask = async (message: PushPullMessage): Promise<PushPullMessage> => {
    await mesh.run(beside.send(encodePushPull(message)))
    return decodePushPull((await mesh.run(beside.receive())) ?? new Uint8Array())
  }
  await send(round)
  t.match(await receive(), { yourNames: 'none' })
  await send({ type: 'offer-names', names: digestOfNames(['a']) })
  t.same(await receive(), { type: 'get-names' })
  await send({ type: 'names', last: true, names: ['a'] })
  t.same(await receive(), { type: 'done' })
  t.match(await ask(round), { yourNames: digestOfNames(['a']) })
  t.same(await ask({ type: 'offer-names', names: own }), { type: 'done' })
  await send(round)
  t.match(await receive(), { yourNames: digestOfNames(['a']) })
  t.match(await ask(round), { yourNames: own }, 'there other ones were told')
  t.same(blamed(), [])
  await mesh.stop()
})

t.test('a whole round by hand is what the documents say', async (t) => {
  const { mesh, node, send, receive, blamed } = await play()
  const ids = [recordIdOf(record('a', 1, Buffer.from('hello'))), recordIdOf(record('b', 1))].sort()
  await send(round)
  t.same(await receive(), { type: 'differs', names: own, yourNames: 'none', root: rootOf(ids) })
  const names = digestOfNames(['a', 'c', 'z'])
  await send({ type: 'offer-names', names })
  t.same(await receive(), { type: 'get-names' })
  await send({ type: 'names', last: false, names: ['a'] })
  await send({ type: 'names', last: true, names: ['c', 'z'] })
  t.same(await receive(), { type: 'done' })
  await send(round)
  const a = recordIdOf(record('a', 1, Buffer.from('hello')))
  t.same(await receive(), { type: 'differs', names: own, yourNames: names, root: rootOf([a]) })
  await send(getRanges('', a.slice(0, 3), a[0] === '0' ? '1' : '0'))
  t.same(
    await receive(),
    {
      type: 'ranges',
      parts: [
        { kind: 'list', shorts: [shorten(a)] },
        { kind: 'list', shorts: [shorten(a)] },
        { kind: 'list', shorts: [] },
      ],
    },
    'the names of both only',
  )
  await send({ type: 'get-ranges', salt, maxListIds: 0, prefixes: [''] })
  const divided = await receive()
  t.equal(
    divided.type === 'ranges' &&
      divided.parts[0]?.kind === 'split' &&
      divided.parts[0].parts[Number.parseInt(a[0] ?? '', 16)],
    shorten(createSortedTree([a]).summary('').hash),
    'a fingerprint commits to the ids below it',
  )
  await send({
    type: 'get-items',
    salt,
    groups: [{ prefix: '', shorts: ids.map(shorten), rivals: [] }],
  })
  const items = await receive()
  t.match(items, { type: 'items', last: false, items: [{ holds: true }] })
  t.equal(items.type === 'items' && items.items.length, 1, 'nothing that was not wanted')
  t.same(await receive(), { type: 'items', last: true, items: [] })
  await send({
    type: 'put-items',
    items: [
      { holds: false, record: encodeRecord(record('c', 1)) },
      { holds: false, record: encodeRecord(record('z', 1)) },
    ],
  })
  t.same(await receive(), { type: 'taken', notKept: [1] })
  t.equal(node.state.current('c')?.version, 1)
  await send({ type: 'done' })
  const c = recordIdOf(record('c', 1))
  const state = stateOf({
    collection: 'files',
    beginnerNames: names,
    answererNames: own,
    root: rootOf([a, c]),
  })
  await send({ type: 'round', collection: 'files', state })
  t.same(await receive(), { type: 'equal' })
  await send({ type: 'round', collection: 'holdings', state })
  t.same(
    await receive(),
    { type: 'done' },
    'a collection that is not known is nothing to differ in',
  )
  t.same(blamed(), [])
  await mesh.stop()
})

t.test('names that are known are not asked for again', async (t) => {
  const { mesh, send, receive } = await play()
  await send(round)
  await receive()
  await send({ type: 'offer-names', names: own })
  t.same(await receive(), { type: 'done' }, 'the same list as its own')
  await mesh.stop()
})

t.test('what no honest peer asks ends the stream and is blamed', async (t) => {
  const item = { holds: false, record: Buffer.from('nonsense') }
  const cases: [string, (PushPullMessage | Uint8Array)[]][] = [
    ['garbage', [Buffer.from('garbage')]],
    ['an empty frame', [new Uint8Array()]],
    ['an answer', [{ type: 'equal' }]],
    ['ranges without a round', [getRanges('')]],
    ['records without a round', [{ type: 'put-items', items: [] }]],
    ['done without a round', [{ type: 'done' }]],
    ['an answer in a round', [round, { type: 'taken', notKept: [] }]],
    ['names that nobody asked for', [round, { type: 'names', last: true, names: [] }]],
    ['a record that is none', [round, { type: 'put-items', items: [item] }]],
    ['garbage in a round', [round, Buffer.from([13, 1])]],
    [
      'names that are not those offered',
      [
        round,
        { type: 'offer-names', names: sha256('x') },
        { type: 'names', last: true, names: ['a'] },
      ],
    ],
    [
      'something else than the names it was asked for',
      [round, { type: 'offer-names', names: sha256('x') }, getRanges('')],
    ],
    [
      'an empty page of names',
      [
        round,
        { type: 'offer-names', names: sha256('x') },
        { type: 'names', last: false, names: [] },
      ],
    ],
  ]
  for (const [title, messages] of cases) {
    const { mesh, stream, send, blamed } = await play()
    await send(...messages)
    t.ok(await mesh.until(() => stream.signal.aborted, 5000), title)
    t.same(blamed(), ['ERR_PROTOCOL_MALFORMED'], title)
    await mesh.stop()
  }
})

t.test('names without end are cut off at the limit', async (t) => {
  const { mesh, stream, send, blamed } = await play()
  await send(round, { type: 'offer-names', names: sha256('x') })
  let bytes = 0
  let count = 0
  while (!stream.signal.aborted && bytes < 2 * MAX_NAMES_BYTES) {
    const names = Array.from({ length: 200 }, () => {
      const part = String(count++).padStart(200, '0')
      return `${part}/${part}/${part}/${part}`
    })
    bytes += 160_000
    await send({ type: 'names', last: false, names }).catch(() => undefined)
  }
  t.ok(bytes <= MAX_NAMES_BYTES + 1_000_000, `${bytes} bytes were sent`)
  t.same(blamed(), ['ERR_PROTOCOL_MALFORMED'])
  await mesh.stop()
})

t.test('the same records asked for again and again are cut off', async (t) => {
  const { mesh, stream, send, receive, blamed } = await play()
  await send(round)
  await receive()
  const groups = [0, 1, 2, 3].map((digit) => ({
    prefix: `${digit}`,
    shorts: Array.from({ length: 250 }, (_, short) => short),
    rivals: [],
  }))
  let count = 0
  for (; !stream.signal.aborted && count < 100; count++) {
    await send({ type: 'get-items', salt, groups }).catch(() => undefined)
    await receive().catch(() => undefined)
  }
  t.equal(count, 31)
  t.same(blamed(), ['ERR_PROTOCOL_MALFORMED'])
  await mesh.stop()
})

t.test('records are given no faster than the rate, whatever is asked for', async (t) => {
  // On its way nothing takes any time.
  const { mesh, node, send, receive, blamed } = await play({ latencyMs: 0, jitterMs: 0 })
  const content = Buffer.alloc(MAX_INLINE_BYTES, 'large')
  node.state.setNames(Array.from({ length: 1000 }, (_, index) => `file-${index}`))
  const records = Array.from({ length: 1000 }, (_, index) => record(`file-${index}`, 1, content))
  for (const each of records) node.state.publish(each, content)
  const ids = records.map(recordIdOf)
  const groups = [...'0123456789abcdef'].map((prefix) => ({
    prefix,
    shorts: ids.filter((id) => id.startsWith(prefix)).map(shorten),
    rivals: [],
  }))
  await send(round)
  await receive()
  const startMs = mesh.clock.monotonicMs()
  let bytes = 0
  while (bytes < RECORD_BYTES_BURST + 2 * RECORD_BYTES_PER_SECOND) {
    await send({ type: 'get-items', salt, groups })
    for (let answer = await receive(); ; answer = await receive()) {
      if (answer.type !== 'items') throw new Error(`${answer.type} instead of records`)
      bytes += answer.items.length * MAX_INLINE_BYTES
      if (answer.last) break
    }
  }
  const tookMs = mesh.clock.monotonicMs() - startMs
  t.ok(tookMs >= 2_000, `${bytes} bytes in ${tookMs.toFixed(0)} ms`)
  t.same(blamed(), [])
  await mesh.stop()
})

/** A node that tells its names to whoever asks, without a network: how it ended, and after what time. */
const tellNames = async (init: { names: string[]; times: number; perSecond: number }) => {
  const { names, times, perSecond } = init
  const clock = createVirtualClock()
  const bucket = (perSecond: number) => createTokenBucket({ clock }, { perSecond })
  const controller = new AbortController()
  let asked = 0
  const stream: FrameStream = {
    ...{ peer: 'mallory' as PeerId, protocol: PUSH_PULL_PROTOCOL, signal: controller.signal },
    send: async () => {},
    async receive() {
      if (asked > times) return undefined
      return encodePushPull(asked++ === 0 ? round : { type: 'get-names' })
    },
    close: async () => {},
    abort: (reason) => controller.abort(reason),
  }
  const answering = answerRounds(stream, {
    clock,
    replicas: new Map([['files', createReplica(createFakeCollection({ names }))]]),
    intake: { take: () => Promise.reject(new Error('nothing is put')) },
    rates: {
      ...{ rounds: bucket(1e9), ranges: bucket(1e9), lists: bucket(1e9) },
      recordBytes: bucket(perSecond),
    },
    onTaken: () => {},
    onRound: () => {},
  })
  let ended: { error?: unknown; tookMs: number } | undefined
  answering.then(
    () => {
      ended = { tookMs: clock.monotonicMs() }
    },
    (error: unknown) => {
      ended = { error, tookMs: clock.monotonicMs() }
    },
  )
  while (ended === undefined && clock.monotonicMs() < 60_000) await clock.advance(1_000)
  return { asked: asked - 1, ...ended }
}

const namesOf = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, '0')}`)

t.test('our list of names is told no faster than the rate of records', async (t) => {
  const perSecond = 1_000
  const [count, times] = [1_000, 5]
  const names = namesOf(count, 'file')
  const { asked, error, tookMs = 0 } = await tellNames({ names, times, perSecond })
  t.same([asked, error], [times, undefined])
  // Four bytes of each name at least, after a burst of one second.
  t.ok(tookMs >= 1_000 * ((4 * times * count) / perSecond - 1), `${tookMs} ms`)
})

t.test('a round without end is cut off', async (t) => {
  const names = namesOf(20_000, 'long'.repeat(50))
  const listBytes = names.join('').length
  const { asked, error } = await tellNames({ names, times: 100, perSecond: 1e12 })
  t.match(error, { code: 'ERR_PROTOCOL_MALFORMED' })
  t.ok(asked > 10, 'one that is asked for again is nothing yet')
  t.ok(asked <= MAX_ANSWERED_ROUND_BYTES / listBytes + 1, `after ${asked} lists`)
})

t.test('ranges asked for again and again are slowed down and then cut off', async (t) => {
  const { mesh, stream, send, receive, blamed } = await play()
  await send(round)
  await receive()
  const prefixes = Array.from({ length: 1024 }, (_, index) => index.toString(16).padStart(3, '0'))
  let count = 0
  for (; !stream.signal.aborted && count < 200; count++) {
    await send(getRanges(...prefixes)).catch(() => undefined)
    await receive().catch(() => undefined)
  }
  t.equal(count, (2 * MAX_ROUND_RANGES) / 1024 + 1)
  const least = (1000 * (2 * MAX_ROUND_RANGES - RANGES_BURST)) / RANGES_PER_SECOND
  t.ok(mesh.clock.monotonicMs() > least * 0.9, `${mesh.clock.monotonicMs()} ms`)
  t.same(blamed(), ['ERR_PROTOCOL_MALFORMED'])
  await mesh.stop()
})

t.test('ever-new lists of names are learned slowly, and blamed on nobody', async (t) => {
  const { mesh, stream, send, receive, blamed } = await play()
  await send(round)
  await receive()
  const startMs = mesh.clock.monotonicMs()
  // A configuration that is read again and again may come to as many.
  const extra = 4
  for (let count = 0; count < MAX_LISTS_PER_MINUTE + extra; count++) {
    const names = [`name-${count}`]
    await send({ type: 'offer-names', names: digestOfNames(names) })
    t.match(await receive(), { type: 'get-names' })
    await send({ type: 'names', last: true, names })
    t.match(await receive(), { type: 'done' })
  }
  const tookMs = mesh.clock.monotonicMs() - startMs
  t.ok(tookMs > (extra - 1) * (60_000 / MAX_LISTS_PER_MINUTE), `${tookMs} ms`)
  t.same(blamed(), [])
  t.notOk(stream.signal.aborted)
  await mesh.stop()
})

t.test('a record that nobody can check yet is not kept, and what comes with it is', async (t) => {
  const { mesh, node, send, receive, blamed } = await play()
  const items = [record('c', 1, undefined, { signature: 'sk' }), record('b', 2)].map((each) => ({
    holds: false,
    record: encodeRecord(each),
  }))
  await send(round)
  await receive()
  await send({ type: 'put-items', items })
  t.same(await receive(), { type: 'taken', notKept: [0] })
  t.match(node.state.current('b'), { version: 2 })
  t.equal(node.state.current('c'), undefined)
  t.same(blamed(), [])
  await mesh.stop()
})

t.test('a forged record costs its sender the connection', async (t) => {
  const { mesh, node, peer, send, blamed } = await play()
  const forged = encodeRecord(record('c', 1, undefined, { signature: 'forged' }))
  await send(round, { type: 'put-items', items: [{ holds: false, record: forged }] })
  await mesh.clock.advance(100)
  t.same(blamed(), ['ERR_SIGNATURE_INVALID'])
  t.same(node.transport.peers(), [])
  t.same(peer.peers(), [])
  await mesh.stop()
})

t.test('rounds without pause are slowed down, not answered faster', async (t) => {
  const { mesh, node, peer, blamed } = await play()
  const startMs = mesh.clock.monotonicMs()
  const count = ROUND_BURST + 30
  for (let number = 0; number < count; number++) {
    // A stream for each: a fresh one does not mean a fresh allowance.
    const stream = await mesh.run(peer.open(node.peerId, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT))
    await stream.send(encodePushPull(round))
    await mesh.run(stream.receive())
    stream.abort(new Error('done'))
    await mesh.clock.advance(50)
  }
  const tookMs = mesh.clock.monotonicMs() - startMs
  t.ok(tookMs > 25_000, `${count} rounds in ${tookMs.toFixed(0)} ms`)
  t.same(blamed(), [])
  await mesh.stop()
})

t.test('rounds that a peer did not wait for are no debt of it', async (t) => {
  const { mesh, node, peer, send, receive, blamed } = await play()
  const begin = async () => {
    const stream = await mesh.run(peer.open(node.peerId, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT))
    await mesh.run(stream.send(encodePushPull(round)))
    return stream
  }
  for (let number = 0; number < ROUND_BURST + 200; number++) {
    const stream = await begin()
    await mesh.clock.advance(20)
    stream.abort(new Error('it died'))
    await mesh.clock.advance(20)
  }
  const startMs = mesh.clock.monotonicMs()
  await send(round)
  t.match(await receive(), { type: 'differs' })
  const tookMs = mesh.clock.monotonicMs() - startMs
  t.ok(tookMs < 5_000, `answered after ${tookMs.toFixed(0)} ms`)
  t.same(blamed(), [])
  await mesh.stop()
})

t.test('a round that stays open is closed', async (t) => {
  const { mesh, stream, send, receive, blamed } = await play()
  await send(round)
  await receive()
  t.ok(await mesh.until(() => stream.signal.aborted, 5 * 60_000))
  t.ok(mesh.clock.monotonicMs() < 130_000)
  t.same(blamed(), [])
  await mesh.stop()
})

t.test('an idle stream is kept', async (t) => {
  const { mesh, stream, send, receive } = await play()
  await mesh.clock.advance(60 * 60_000)
  t.notOk(stream.signal.aborted)
  await send(round)
  t.equal((await receive()).type, 'differs')
  await mesh.stop()
})

t.test('a peer that asks for much and reads nothing is dropped', async (t) => {
  const names = Array.from({ length: 20_000 }, (_, index) => `file-${index}`)
  const mesh = await createFakeMesh({ count: 1, names })
  const node = mesh.node(0)
  for (const name of names) node.state.publish(record(name, 1))
  const peer = await mesh.stranger('Sloth')
  await mesh.run(peer.dial(node.transport.addresses()[0] ?? ''))
  const stream = await mesh.run(peer.open(node.peerId, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT))
  await stream.send(encodePushPull(round))
  for (let count = 0; count < 30; count++) {
    const prefixes = Array.from({ length: 1024 }, (_, index) =>
      (index * 4).toString(16).padStart(3, '0'),
    )
    await stream.send(encodePushPull(getRanges(...prefixes))).catch(() => undefined)
  }
  t.ok(await mesh.until(() => stream.signal.aborted, 5 * 60_000))
  await mesh.stop()
})
