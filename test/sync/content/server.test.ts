import t from 'tap'
import { decodeAnswer, encodeRequest } from '../../../src/sync/content/messages.ts'
import { CONTENT_INIT, CONTENT_PROTOCOL, reframe } from '../../../src/sync/content/server.ts'
import { CONTENT_FRAME_BYTES, MAX_SERVED_STREAMS } from '../../../src/sync/limits.ts'
import { MAX_SERVED_STREAMS_PER_PEER } from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import { record } from '../../support/fake-collection.ts'
import { createFakeMesh, receiveAll } from '../../support/mesh.ts'
import type { ContentRequest } from '../../../src/sync/content/messages.ts'
import type { EngineInit } from '../../../src/sync/index.ts'

const content = Buffer.alloc(1_000_000, 'content')
const digest = sha256(content)
const request: ContentRequest = { collection: 'files', name: 'a', digest, offset: 0 }

const play = async (engine: EngineInit = {}) => {
  const mesh = await createFakeMesh({ count: 1, engine })
  const node = mesh.node(0)
  node.state.publish(record('a', 1, content), content)
  const peer = await mesh.stranger('Reader')
  await mesh.run(peer.dial(node.transport.addresses()[0] ?? ''))
  await mesh.clock.advance(200)
  const open = () => mesh.run(peer.open(node.peerId, CONTENT_PROTOCOL, CONTENT_INIT))
  const ask = async (value: Partial<ContentRequest> = {}) => {
    const stream = await open()
    await stream.send(encodeRequest({ ...request, ...value }))
    return stream
  }
  const answerTo = async (value: Partial<ContentRequest>) => {
    const stream = await ask(value)
    const [first, ...rest] = await mesh.run(receiveAll(stream))
    const answer = first === undefined ? undefined : decodeAnswer(first)
    return { answer, bytes: Buffer.concat(rest), frames: rest }
  }
  return { mesh, node, peer, open, ask, answerTo }
}

t.test('content comes whole, or from an offset on', async (t) => {
  const { mesh, node, answerTo } = await play()
  const whole = await answerTo({})
  t.same(whole.answer, { type: 'found', sizeBytes: content.length })
  t.equal(sha256(whole.bytes), digest)
  t.ok(whole.frames.slice(0, -1).every(({ length }) => length === CONTENT_FRAME_BYTES))
  const rest = await answerTo({ offset: 999_990 })
  t.same(rest.bytes, content.subarray(999_990))
  const nothing = await answerTo({ offset: content.length })
  t.same(nothing.answer, { type: 'found', sizeBytes: content.length })
  t.equal(nothing.bytes.length, 0)
  t.same(node.blamed, [])
  await mesh.stop()
})

t.test('what is not here is said to be missing, whatever it is', async (t) => {
  const { mesh, node, answerTo } = await play()
  const missing = { type: 'missing' }
  t.same((await answerTo({ name: 'b' })).answer, missing, 'nothing published')
  t.same((await answerTo({ name: 'unwanted' })).answer, missing, 'not configured')
  t.same((await answerTo({ digest: sha256('other') })).answer, missing, 'another version')
  t.same((await answerTo({ collection: 'other' })).answer, missing, 'an unknown collection')
  t.same((await answerTo({ name: '../../etc/passwd' })).answer, missing)
  node.state.setNames(['b'])
  t.same((await answerTo({})).answer, missing, 'no longer configured')
  t.same(node.blamed, [])
  await mesh.stop()
})

t.test('what is no request is blamed', async (t) => {
  for (const frame of [Buffer.from('garbage'), new Uint8Array(), Buffer.alloc(100_000)]) {
    const { mesh, node, open } = await play()
    const stream = await open()
    await stream.send(frame)
    t.ok(await mesh.until(() => stream.signal.aborted, 1000))
    t.match(node.blamed, [/ERR_PROTOCOL_MALFORMED/])
    await mesh.stop()
  }
  const { mesh, node, ask } = await play()
  const stream = await ask({ offset: content.length + 1 })
  t.ok(await mesh.until(() => stream.signal.aborted, 1000))
  t.match(node.blamed, [/ERR_PROTOCOL_MALFORMED/], 'an offset beyond the end')
  await mesh.stop()
})

t.test('a peer that says nothing, or does not read, loses its stream', async (t) => {
  const { mesh, open, ask } = await play()
  const silent = await open()
  const lazy = await ask()
  t.ok(await mesh.until(() => silent.signal.aborted, 15_000))
  t.ok(await mesh.until(() => lazy.signal.aborted, 60_000))
  await mesh.stop()
})

t.test('one peer has so many requests open; all peers together have a limit too', async (t) => {
  const { mesh, node, peer, ask } = await play()
  const mine = []
  for (let count = 0; count < MAX_SERVED_STREAMS_PER_PEER; count++) mine.push(await ask())
  await t.rejects(ask(), { code: 'ERR_STREAM_CLOSED' })
  const others = []
  for (let count = mine.length; count < MAX_SERVED_STREAMS; ) {
    const other = await mesh.stranger(`Other${count}`)
    await mesh.run(other.dial(node.transport.addresses()[0] ?? ''))
    for (let each = 0; each < MAX_SERVED_STREAMS_PER_PEER; each++, count++) {
      const stream = await mesh.run(other.open(node.peerId, CONTENT_PROTOCOL, CONTENT_INIT))
      await stream.send(encodeRequest(request))
      others.push(stream)
    }
  }
  await mesh.clock.advance(100)
  const late = await mesh.stranger('Late')
  await mesh.run(late.dial(node.transport.addresses()[0] ?? ''))
  const stream = await mesh.run(late.open(node.peerId, CONTENT_PROTOCOL, CONTENT_INIT))
  await stream.send(encodeRequest(request))
  const [frame] = await mesh.run(receiveAll(stream))
  t.same(decodeAnswer(frame ?? new Uint8Array()), { type: 'busy' })
  for (const each of [...mine, ...others]) each.abort(new Error('done'))
  await mesh.clock.advance(100)
  const again = await mesh.run(late.open(node.peerId, CONTENT_PROTOCOL, CONTENT_INIT))
  await again.send(encodeRequest(request))
  const frames = await mesh.run(receiveAll(again))
  t.equal(sha256(Buffer.concat(frames.slice(1))), digest, 'and it goes on')
  t.same(peer.peers().length, 1)
  await mesh.stop()
})

t.test('a limit of bytes a second holds over all streams of a peer', async (t) => {
  const { mesh, ask } = await play({ bandwidth: { uploadPerPeer: 200_000 } })
  const startMs = mesh.clock.monotonicMs()
  const streams = [await ask(), await ask()]
  await mesh.run(Promise.all(streams.map(receiveAll)))
  const tookMs = mesh.clock.monotonicMs() - startMs
  t.ok(tookMs > 8000 && tookMs < 12_000, `2 MB at 200 kB/s in ${tookMs.toFixed(0)} ms`)
  await mesh.stop()
})

t.test('stopping ends what is being served', async (t) => {
  const { mesh, node, ask } = await play()
  const stream = await ask()
  await mesh.clock.advance(50)
  await node.sync.stop()
  await mesh.clock.advance(50)
  t.ok(stream.signal.aborted)
  const late = await ask()
  const [frame] = await mesh.run(receiveAll(late).catch(() => []))
  t.equal(frame, undefined, 'and nothing is served any more')
  await mesh.stop()
})

t.test('pieces of any size become pieces of one size', async (t) => {
  const pieces = async (...sizes: number[]): Promise<number[]> => {
    let byte = 0
    const source = sizes.map((size) => Uint8Array.from({ length: size }, () => byte++))
    const given = Buffer.concat(source)
    async function* chunks() {
      yield* source
    }
    const result: Uint8Array[] = []
    for await (const piece of reframe(chunks(), 10)) result.push(Uint8Array.from(piece))
    t.same(Buffer.concat(result), given)
    return result.map(({ length }) => length)
  }
  t.same(await pieces(), [])
  t.same(await pieces(0, 0), [])
  t.same(await pieces(10), [10])
  t.same(await pieces(3, 3, 3, 3), [10, 2])
  t.same(await pieces(25, 1, 30), [10, 10, 10, 10, 10, 6])
})
