/** A node that begins rounds with peers that answer wrongly. */
import t from 'tap'
import {
  MAX_FRAME_BYTES,
  MAX_LIST_IDS,
  MAX_ROUND_RANGES,
  MAX_ROUND_RECORDS,
} from '../../../src/sync/limits.ts'
import { decodePushPull, encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { digestOfNames } from '../../../src/sync/push-pull/names.ts'
import { createShortener } from '../../../src/sync/push-pull/ranges.ts'
import { createMarker } from '../../../src/sync/push-pull/rivals.ts'
import { PUSH_PULL_INIT, PUSH_PULL_PROTOCOL } from '../../../src/sync/push-pull/channel.ts'
import { sha256 } from '../../../src/util/index.ts'
import { encodeRecord, record, recordIdOf } from '../../support/fake-collection.ts'
import { createFakeMesh } from '../../support/mesh.ts'
import { createSeededRandom } from '../../support/random.ts'
import type { PushPullMessage } from '../../../src/sync/push-pull/messages.ts'
import type { FrameStream } from '../../../src/transport/index.ts'
import type { Digest } from '../../../src/util/index.ts'
import type { Mesh } from '../../support/mesh.ts'

type Reply = PushPullMessage | Uint8Array
type Script = (
  message: PushPullMessage,
  stream: FrameStream,
  mesh: Mesh<unknown>,
) => readonly Reply[] | undefined | Promise<readonly Reply[] | undefined>

const own = digestOfNames(['a', 'b', 'c'])
const root = sha256('a root')
const differs = { type: 'differs', names: own, yourNames: own, root } as const
/** The only part is listed with these ids; what is asked for below it is not there. */
const listing =
  (...ids: readonly Digest[]) =>
  (message: Extract<PushPullMessage, { type: 'get-ranges' }>): PushPullMessage => ({
    type: 'ranges',
    parts: message.prefixes.map((prefix) => ({
      kind: 'list',
      shorts: prefix === '' ? ids.map(createShortener(message.salt)) : [],
    })),
  })
/** Everything differs, at every depth. */
const dividing = (message: Extract<PushPullMessage, { type: 'get-ranges' }>): PushPullMessage => ({
  type: 'ranges',
  parts: message.prefixes.map(() => ({
    kind: 'split',
    parts: Array.from({ length: 16 }, (_, digit) => digit),
  })),
})
const nothing = listing()

/** A node and a peer whose answers are scripted; nothing answered: silence. */
const play = async (script: Script, publish?: boolean) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  if (publish !== false) node.state.publish(record('a', 1))
  const peer = await mesh.stranger('Answerer')
  const asked: PushPullMessage[] = []
  peer.handle(PUSH_PULL_PROTOCOL, PUSH_PULL_INIT, async (stream) => {
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      const message = decodePushPull(frame)
      asked.push(message)
      for (const reply of (await script(message, stream, mesh)) ?? []) {
        await stream.send(reply instanceof Uint8Array ? reply : encodePushPull(reply))
      }
    }
  })
  await mesh.run(peer.dial(node.transport.addresses()[0] ?? ''))
  const error = await mesh.run(
    node.sync.pushPull(peer.peerId).then(
      () => undefined,
      (error: unknown) => error,
    ),
  )
  const blamed = node.blamed.map((each) => each.split(' ')[1])
  return { mesh, node, peer, asked, error, blamed }
}

t.test('what no honest peer answers ends the round and is blamed', async (t) => {
  const on =
    (type: PushPullMessage['type'], ...replies: Reply[]): Script =>
    (message) => {
      if (message.type === 'round') return type === 'round' ? replies : [differs]
      return message.type === type ? replies : undefined
    }
  const item = (value = record('b', 1)) => ({ holds: false, record: encodeRecord(value) })
  const offered = recordIdOf(record('b', 1))
  const offering =
    (...replies: Reply[]): Script =>
    (message) =>
      message.type === 'round'
        ? [differs]
        : message.type === 'get-ranges'
          ? [listing(offered)(message)]
          : message.type === 'get-items'
            ? replies
            : undefined
  const long = new Uint8Array(MAX_FRAME_BYTES)
  const cases: [string, Script][] = [
    ['garbage', on('round', Buffer.from('garbage'))],
    ['an empty frame', on('round', new Uint8Array())],
    ['the longest frame there is', on('round', long)],
    ['a question', on('round', { type: 'get-names' })],
    ['ranges before they are asked for', on('round', { type: 'ranges', parts: [] })],
    ['no ranges at all', on('get-ranges', { type: 'ranges', parts: [] })],
    [
      'more ranges than were asked for',
      on('get-ranges', {
        type: 'ranges',
        parts: [
          { kind: 'list', shorts: [] },
          { kind: 'list', shorts: [] },
        ],
      }),
    ],
    [
      'a longer list than was asked for',
      on('get-ranges', {
        type: 'ranges',
        parts: [{ kind: 'list', shorts: Array.from({ length: 17 }, (_, short) => short) }],
      }),
    ],
    ['done in place of ranges', on('get-ranges', { type: 'done' })],
    [
      'a record that was not asked for',
      offering({ type: 'items', last: true, items: [item(record('c', 1))] }),
    ],
    [
      'the same record twice',
      offering(
        { type: 'items', last: false, items: [item()] },
        { type: 'items', last: true, items: [item()] },
      ),
    ],
    ['an empty page of records', offering({ type: 'items', last: false, items: [] })],
    [
      'a record that is none',
      offering({ type: 'items', last: true, items: [{ holds: false, record: Buffer.from('?') }] }),
    ],
    [
      'a lie about content',
      offering({
        type: 'items',
        last: true,
        items: [{ ...item(record('b', 1)), content: Buffer.from('none was stated') }],
      }),
    ],
    ['a position too far', on('put-items', { type: 'taken', notKept: [1] })],
    [
      'names that are not those announced',
      (message) =>
        message.type === 'round'
          ? [{ ...differs, names: sha256('other') }]
          : message.type === 'get-names'
            ? [{ type: 'names', last: true, names: ['a'] }]
            : undefined,
    ],
    [
      'names out of order',
      (message) =>
        message.type === 'round'
          ? [{ ...differs, names: sha256('other') }]
          : message.type === 'get-names'
            ? [{ type: 'names', last: true, names: ['b', 'a'] }]
            : undefined,
    ],
  ]
  for (const [title, script] of cases) {
    const base: Script = (message, stream, mesh) =>
      script(message, stream, mesh) ??
      (message.type === 'get-ranges' ? [nothing(message)] : undefined)
    const { mesh, blamed, error } = await play(base)
    t.ok(blamed.length > 0 && blamed.every((code) => code === 'ERR_PROTOCOL_MALFORMED'), title)
    t.ok(error instanceof Error, title)
    t.equal(mesh.clock.monotonicMs() < 5000, true, `${title}: noticed at once`)
    await mesh.stop()
  }
})

t.test('a forged record is enough by itself', async (t) => {
  const forged = record('b', 1, undefined, { signature: 'forged' })
  const { mesh, node, blamed, peer } = await play((message) =>
    message.type === 'round'
      ? [differs]
      : message.type === 'get-ranges'
        ? [listing(recordIdOf(forged))(message)]
        : message.type === 'get-items'
          ? [{ type: 'items', last: true, items: [{ holds: false, record: encodeRecord(forged) }] }]
          : undefined,
  )
  t.same(blamed, ['ERR_SIGNATURE_INVALID'])
  t.equal(node.state.current('b'), undefined)
  t.notOk(node.transport.peers().some(({ id }) => id === peer.peerId))
  await mesh.stop()
})

t.test('a peer to whom everything differs at all depths costs a bounded round', async (t) => {
  let count = 0
  const { mesh, asked, error, node } = await play((message) => {
    if (message.type === 'round') return [differs]
    if (message.type !== 'get-ranges') return undefined
    count += message.prefixes.length
    return [dividing(message)]
  })
  t.ok(count <= MAX_ROUND_RANGES + 1024, `${count} ranges were asked for`)
  t.ok(asked.length < 2000, `${asked.length} messages`)
  t.equal(node.sync.status().rounds.length, 1)
  t.ok(error === undefined || error instanceof Error)
  await mesh.stop()
})

t.test('a root that nothing stands behind is asked about once a round', async (t) => {
  let count = 0
  const { mesh, asked, error, blamed, node } = await play((message) => {
    if (message.type === 'round') return [{ ...differs, root: sha256(`root ${count++}`) }]
    // Just what we have ourselves.
    if (message.type === 'get-ranges') return [listing(recordIdOf(record('a', 1)))(message)]
    return undefined
  })
  t.equal(error, undefined)
  t.same(blamed, [])
  t.match(node.sync.status().lastPushPull, { equal: true, differences: 0, received: 0, sent: 0 })
  const before = asked.length
  await mesh.clock.advance(10 * 60_000)
  const rounds = asked.slice(before).filter(({ type }) => type === 'round').length
  t.ok(rounds > 10 && rounds < 30, `${rounds} rounds in ten minutes`)
  const messages = asked.length - before
  t.ok(messages <= 3 * rounds + 3, `${messages} messages: round, ranges, done`)
  await mesh.stop()
})

t.test('contradictory ranges lead nowhere and end', async (t) => {
  let turn = 0
  const random = createSeededRandom(3)
  const { mesh, asked, error, blamed, node } = await play((message) => {
    if (message.type === 'round') return [differs]
    if (message.type === 'get-items') return [{ type: 'items', last: true, items: [] }]
    if (message.type === 'put-items') return [{ type: 'taken', notKept: [] }]
    if (message.type !== 'get-ranges') return undefined
    const { maxListIds } = message
    // Now few, now many, each time other ones, and none where there were some.
    const shorts = Array.from({ length: Math.min(maxListIds, ++turn % 20) }, () =>
      random.below(2 ** 32),
    )
    return [
      {
        type: 'ranges',
        parts: message.prefixes.map(() =>
          random.below(3) > 0 && maxListIds > 0
            ? { kind: 'list', shorts }
            : {
                kind: 'split',
                parts: Array.from({ length: 16 }, () =>
                  random.below(2) === 0 ? null : random.below(2 ** 32),
                ),
              },
        ),
      },
    ]
  })
  t.equal(error, undefined)
  t.same(blamed, [])
  t.ok(asked.length < 3000, `${asked.length} messages`)
  t.match(node.sync.status().lastPushPull, { equal: false, received: 0 })
  await mesh.stop()
})

t.test('a peer that offers records and never has them costs a bounded round', async (t) => {
  const { mesh, asked, blamed, error, node } = await play((message) => {
    if (message.type === 'round') return [differs]
    if (message.type === 'get-items') return [{ type: 'items', last: true, items: [] }]
    if (message.type === 'put-items') return [{ type: 'taken', notKept: [] }]
    if (message.type !== 'get-ranges') return undefined
    if (message.prefixes[0] === '' || message.maxListIds < MAX_LIST_IDS) return [dividing(message)]
    const shorts = Array.from({ length: MAX_LIST_IDS }, (_, short) => short)
    return [{ type: 'ranges', parts: message.prefixes.map(() => ({ kind: 'list', shorts })) }]
  })
  t.equal(error, undefined)
  t.same(blamed, [], 'an honest peer may just have replaced them')
  const wanted = asked.flatMap((message) =>
    message.type === 'get-items' ? message.groups.flatMap(({ shorts }) => shorts) : [],
  )
  t.ok(wanted.length > 1000 && wanted.length <= MAX_ROUND_RECORDS, `${wanted.length} ids`)
  t.match(node.sync.status().lastPushPull, { equal: false, received: 0 })
  const before = asked.length
  await mesh.clock.advance(20_000)
  t.ok(asked.length <= 3 * before, 'and after the round for meeting not asked again at once')
  await mesh.stop()
})

t.test('what a peer stops in the middle is found by the next round', async (t) => {
  const names = Array.from({ length: 500 }, (_, index) => `file-${index}`)
  const mesh = await createFakeMesh({ count: 2, names })
  const [a, b] = [mesh.node(0), mesh.node(1)]
  for (const [index, name] of names.entries()) (index % 2 ? a : b).state.publish(record(name, 1))
  for (let attempt = 1; attempt < 12; attempt++) {
    await mesh.link([[0, 1]])
    // Ends somewhere within the first round, each time a little later.
    await mesh.clock.advance(attempt * 12)
    mesh.network.partition([[a.peerId], [b.peerId]])
    await mesh.clock.advance(100)
    mesh.network.heal()
  }
  await mesh.link([[0, 1]])
  t.ok(await mesh.until(() => a.state.digest() === b.state.digest(), 120_000))
  t.same([...a.blamed, ...b.blamed], [])
  await mesh.stop()
})

t.test('silence ends the round after a while, at every step', async (t) => {
  for (const step of ['round', 'get-ranges', 'put-items'] as const) {
    const { mesh, error, blamed } = await play((message) =>
      message.type === step
        ? undefined
        : message.type === 'round'
          ? [differs]
          : message.type === 'get-ranges'
            ? [nothing(message)]
            : undefined,
    )
    t.match(error, { code: 'ERR_TIMEOUT' }, step)
    t.ok(mesh.clock.monotonicMs() < 30_000)
    t.same(blamed, [], 'slowness is no fault')
    await mesh.stop()
  }
})

t.test('a peer that is just fast enough for every frame is ended by the clock', async (t) => {
  const { mesh, error } = await play(async (message, _, { clock }) => {
    if (message.type === 'round') return [differs]
    if (message.type !== 'get-ranges') return undefined
    await new Promise<void>((resolve) => clock.schedule(10_000, resolve))
    return [dividing(message)]
  })
  t.match(error, { code: 'ERR_STREAM_CLOSED' })
  t.ok(mesh.clock.monotonicMs() < 150_000, `${mesh.clock.monotonicMs()} ms`)
  await mesh.stop()
})

t.test('a peer that keeps changing its names does not keep us busy', async (t) => {
  let count = 0
  const { mesh, node, asked, error, blamed } = await play((message) => {
    if (message.type === 'round') {
      count++
      return [{ ...differs, names: digestOfNames([`name-${count}`]) }]
    }
    if (message.type === 'get-names')
      return [{ type: 'names', last: true, names: [`name-${count}`] }]
    return undefined
  })
  t.equal(asked.filter(({ type }) => type === 'round').length, 3)
  t.match(error, { code: 'ERR_TIMEOUT' })
  t.same(blamed, [], 'names may be reloaded')
  t.match(node.sync.status().rounds, [{ equal: false, error: /other names 3 times/ }])
  const rounds = (): number => asked.filter(({ type }) => type === 'round').length
  await mesh.clock.advance(60_000)
  t.ok(rounds() <= 3 * 8, `${rounds()} in a minute: each time after a longer wait`)
  await mesh.stop()
})

t.test('a peer that does not remember our names, or others than it was told', async (t) => {
  const lying =
    (yourNames: Digest | 'none'): Script =>
    (message) =>
      message.type === 'round'
        ? [{ ...differs, yourNames }]
        : message.type === 'offer-names'
          ? [{ type: 'done' }]
          : undefined
  const forgetful = await play(lying('none'))
  t.match(forgetful.error, { code: 'ERR_TIMEOUT' })
  t.same(forgetful.blamed, [], 'its memory is bounded')
  const rounds = (): number => forgetful.asked.filter(({ type }) => type === 'round').length
  await forgetful.mesh.clock.advance(60_000)
  t.ok(rounds() <= 3 * 8, `${rounds()} in a minute: each time after a longer wait`)
  await forgetful.mesh.stop()

  const liar = await play(lying(sha256('others')))
  t.match(liar.error, { code: 'ERR_PROTOCOL_MALFORMED' })
  t.same([...new Set(liar.blamed)], ['ERR_PROTOCOL_MALFORMED'])
  await liar.mesh.clock.advance(60_000)
  t.notOk(
    liar.node.transport.peers().some(({ id }) => id === liar.peer.peerId),
    'and after a few times it is not met any more',
  )
  await liar.mesh.stop()
})

t.test('a peer that does not replicate the collection is in step with it', async (t) => {
  const { mesh, node, error } = await play(() => [{ type: 'done' }])
  t.equal(error, undefined)
  t.match(node.sync.status().lastPushPull, { equal: true })
  await mesh.stop()
})

t.test('a record that nobody can check yet is skipped, and the round goes on', async (t) => {
  const token = record('b', 1, undefined, { signature: 'sk' })
  const good = record('c', 1)
  const playing = (...records: (typeof good)[]) =>
    play((message) => {
      if (message.type === 'round') return [differs]
      if (message.type === 'get-ranges')
        return [listing(recordIdOf(token), recordIdOf(good))(message)]
      if (message.type === 'put-items') return [{ type: 'taken', notKept: [] }]
      if (message.type !== 'get-items') return undefined
      const shorten = createShortener(message.salt)
      const wanted = new Set(message.groups.flatMap(({ shorts }) => shorts))
      const items = records
        .filter((each) => wanted.has(shorten(recordIdOf(each))))
        .map((each) => ({ holds: false, record: encodeRecord(each) }))
      return [{ type: 'items', last: true, items }]
    })
  const { mesh, node, asked, error, blamed } = await playing(token, good)
  t.equal(error, undefined)
  t.match(node.state.current('c'), { version: 1 })
  t.ok(
    asked.some(({ type }) => type === 'put-items'),
    'what the peer lacks was given too',
  )
  t.same(blamed, [])
  await mesh.stop()

  const flood = await playing(token, token, token)
  t.match(flood.error, { code: 'ERR_PROTOCOL_MALFORMED' }, 'more of them than were asked for')
  await flood.mesh.stop()
})

t.test(
  'what is left out because ours is newer is asked for again when ours is there',
  async (t) => {
    const old = record('a', 0)
    const { mesh, asked, error, blamed } = await play((message) => {
      if (message.type === 'round') return [differs]
      if (message.type === 'get-ranges') return [listing(recordIdOf(old))(message)]
      if (message.type === 'put-items') return [{ type: 'taken', notKept: [0] }]
      if (message.type !== 'get-items') return undefined
      const asItWas = message.groups.every(({ rivals }) => rivals.length === 0)
      const items = asItWas ? [{ holds: false, record: encodeRecord(old) }] : []
      return [{ type: 'items', last: true, items }]
    })
    t.equal(error, undefined)
    t.same(blamed, [])
    const records = asked.filter(({ type }) => type.endsWith('-items'))
    t.same(
      records.map(({ type }) => type),
      ['get-items', 'put-items', 'get-items'],
    )
    const [first, , last] = records
    if (first?.type !== 'get-items' || last?.type !== 'get-items') return t.fail('requests')
    const ours = createMarker(first.salt)(recordIdOf(record('a', 1)))
    t.same(first.groups[0]?.rivals, [{ mark: ours, rank: 1 }])
    t.same(last.groups, [{ ...first.groups[0], rivals: [] }])
    return mesh.stop()
  },
)
