/** A node that begins rounds with peers that answer wrongly. */
import t from 'tap'
import { MAX_FRAME_BYTES, MAX_INDEX_IDS, MAX_ROUND_RECORDS } from '../../../src/sync/limits.ts'
import { decodePushPull, encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { createNameList } from '../../../src/sync/push-pull/names.ts'
import { PUSH_PULL_INIT, PUSH_PULL_PROTOCOL } from '../../../src/sync/push-pull/push-pull.ts'
import { sha256 } from '../../../src/util/index.ts'
import { encodeRecord, record, recordIdOf } from '../../support/fake-collection.ts'
import { createFakeMesh } from '../../support/mesh.ts'
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

const own = createNameList(['a', 'b', 'c'])
const differs: PushPullMessage = { type: 'differs', names: own.digest, yourNames: own.digest }
const ids = (count: number): Digest[] =>
  Array.from({ length: count }, (_, index) => sha256(`${index}`)).sort()
const index = (list: readonly Digest[], last = true): PushPullMessage => ({
  type: 'index',
  last,
  ids: list,
})

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
        : message.type === 'get-index'
          ? [index([offered])]
          : message.type === 'get-items'
            ? replies
            : undefined
  const long = new Uint8Array(MAX_FRAME_BYTES)
  const cases: [string, Script][] = [
    ['garbage', on('round', Buffer.from('garbage'))],
    ['an empty frame', on('round', new Uint8Array())],
    ['the longest frame there is', on('round', long)],
    ['a question', on('round', { type: 'get-index' })],
    ['an index before it is asked for', on('round', index([]))],
    ['an index out of order across pages', on('get-index', index(ids(2), false), index(ids(2)))],
    ['an empty page of an index', on('get-index', index([], false))],
    ['done in place of an index', on('get-index', { type: 'done' })],
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
      script(message, stream, mesh) ?? (message.type === 'get-index' ? [index([])] : undefined)
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
      : message.type === 'get-index'
        ? [index([recordIdOf(forged)])]
        : message.type === 'get-items'
          ? [{ type: 'items', last: true, items: [{ holds: false, record: encodeRecord(forged) }] }]
          : undefined,
  )
  t.same(blamed, ['ERR_SIGNATURE_INVALID'])
  t.equal(node.state.current('b'), undefined)
  t.notOk(node.transport.peers().some(({ id }) => id === peer.peerId))
  await mesh.stop()
})

t.test('an index without end is cut off at the limit', async (t) => {
  let count = 0
  let before = 0n
  const { mesh, blamed } = await play(async (message, stream) => {
    if (message.type === 'round') return [differs]
    if (message.type !== 'get-index') return undefined
    while (!stream.signal.aborted) {
      const page = Array.from({ length: 8000 }, () => {
        before += 1n
        return before.toString(16).padStart(64, '0') as Digest
      })
      count += page.length
      await stream.send(encodePushPull(index(page, false)))
    }
    return undefined
  })
  t.same(blamed, ['ERR_PROTOCOL_MALFORMED'])
  t.ok(count <= MAX_INDEX_IDS + 30 * 8000, `${count} ids were sent`)
  await mesh.stop()
})

t.test('a peer that offers records and never has them costs a bounded round', async (t) => {
  const { mesh, asked, blamed, error, node } = await play((message) =>
    message.type === 'round'
      ? [differs]
      : message.type === 'get-index'
        ? [index(ids(8000), false), index([], true)]
        : message.type === 'get-items'
          ? [{ type: 'items', last: true, items: [] }]
          : message.type === 'put-items'
            ? [{ type: 'taken', notKept: [] }]
            : undefined,
  )
  t.equal(error, undefined)
  t.same(blamed, [], 'an honest peer may just have replaced them')
  const wanted = asked.flatMap((message) => (message.type === 'get-items' ? message.ids : []))
  t.equal(wanted.length, 8000)
  t.ok(wanted.length <= MAX_ROUND_RECORDS)
  t.match(node.sync.status().lastPushPull, { equal: false, received: 0, sent: 1 })
  await mesh.stop()
})

t.test('silence ends the round after a while, at every step', async (t) => {
  for (const step of ['round', 'get-index', 'put-items'] as const) {
    const { mesh, error, blamed } = await play((message) =>
      message.type === step
        ? undefined
        : message.type === 'round'
          ? [differs]
          : message.type === 'get-index'
            ? [index([])]
            : undefined,
    )
    t.match(error, { code: 'ERR_TIMEOUT' }, step)
    t.ok(mesh.clock.monotonicMs() < 30_000)
    t.same(blamed, [], 'slowness is no fault')
    await mesh.stop()
  }
})

t.test('a peer that is just fast enough for every frame is ended by the clock', async (t) => {
  let before = 0n
  const { mesh, error } = await play(async (message, stream, { clock }) => {
    if (message.type === 'round') return [differs]
    if (message.type !== 'get-index') return undefined
    while (!stream.signal.aborted) {
      before += 1n
      await stream.send(
        encodePushPull(index([before.toString(16).padStart(64, '0') as Digest], false)),
      )
      await new Promise<void>((resolve) => clock.schedule(10_000, resolve))
    }
    return undefined
  })
  t.match(error, { code: 'ERR_STREAM_CLOSED' })
  t.ok(mesh.clock.monotonicMs() < 150_000, `${mesh.clock.monotonicMs()} ms`)
  await mesh.stop()
})

t.test('a peer that keeps changing its names does not keep us busy', async (t) => {
  let count = 0
  const { mesh, node, asked } = await play((message) => {
    if (message.type === 'round') {
      count++
      return [{ ...differs, names: createNameList([`name-${count}`]).digest }]
    }
    if (message.type === 'get-names')
      return [{ type: 'names', last: true, names: [`name-${count}`] }]
    return undefined
  })
  t.equal(asked.filter(({ type }) => type === 'round').length, 3)
  t.match(node.sync.status().lastPushPull, { equal: false })
  await mesh.stop()
})

t.test('a peer that does not replicate the collection is in step with it', async (t) => {
  const { mesh, node, error } = await play(() => [{ type: 'done' }])
  t.equal(error, undefined)
  t.match(node.sync.status().lastPushPull, { equal: true })
  await mesh.stop()
})
