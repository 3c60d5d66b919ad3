import t from 'tap'
import { decodeAnnounce, haveParcel, itemParcel } from '../../../src/sync/announce/messages.ts'
import { createOutbox } from '../../../src/sync/announce/outbox.ts'
import { MAX_FRAME_BYTES, MAX_FRAME_RECORDS, MAX_OUTBOX_BYTES } from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const item = (size: number, text = '') =>
  itemParcel('files', { holds: false, record: Buffer.from(text.padEnd(size)) })
const have = (name: string) => haveParcel('files', { name, digest: sha256(name) })

/** An outbox whose frames wait until they are let through. */
const play = () => {
  const clock = createVirtualClock()
  const frames: Uint8Array[] = []
  const counts = { sent: 0, overflows: 0 }
  let gate: PromiseWithResolvers<void> | undefined
  const outbox = createOutbox({
    clock,
    async send(frame) {
      frames.push(frame)
      await gate?.promise
    },
    onSent: (parcels) => {
      counts.sent += parcels
    },
    onOverflow: () => counts.overflows++,
  })
  const block = () => {
    gate = Promise.withResolvers()
    return { open: gate.resolve, break: gate.reject }
  }
  return { clock, outbox, frames, counts, block }
}

const sizes = (frames: readonly Uint8Array[]): number[] =>
  frames.map((frame) => {
    const message = decodeAnnounce(frame)
    return message.type === 'items'
      ? message.items.length
      : message.type === 'have'
        ? message.holdings.length
        : 0
  })

t.test('what comes within a millisecond is one frame, in order', async (t) => {
  const { clock, outbox, frames, counts } = play()
  for (const text of ['one', 'two', 'three']) outbox.push(item(10, text))
  t.same(frames, [])
  await clock.advance(2)
  const [frame] = frames
  const message = decodeAnnounce(frame ?? new Uint8Array())
  t.same(
    message.type === 'items' && message.items.map(({ record }) => `${Buffer.from(record)}`.trim()),
    ['one', 'two', 'three'],
  )
  t.equal(counts.sent, 3)
})

t.test('kinds are not mixed in a frame, and their order is kept', async (t) => {
  const { clock, outbox, frames } = play()
  for (const parcel of [item(1), item(1), have('a'), have('b'), item(1)]) outbox.push(parcel)
  await clock.advance(2)
  t.same(sizes(frames), [2, 2, 1])
})

t.test('no frame is above the limits of bytes and of records', async (t) => {
  const { clock, outbox, frames } = play()
  for (let count = 0; count < 40; count++) outbox.push(item(8000))
  for (let count = 0; count < MAX_FRAME_RECORDS + 10; count++) outbox.push(have('x'))
  await clock.advance(2)
  t.ok(frames.every(({ length }) => length <= MAX_FRAME_BYTES))
  t.same(sizes(frames), [32, 8, MAX_FRAME_RECORDS, 10])
})

t.test('while a frame is on its way the next ones gather, up to a limit', async (t) => {
  const { clock, outbox, frames, counts, block } = play()
  const gate = block()
  outbox.push(item(10))
  await clock.advance(2)
  let pushed = 0
  while (counts.overflows === 0) {
    outbox.push(item(8000))
    pushed += 8005
  }
  t.ok(pushed > MAX_OUTBOX_BYTES && pushed < MAX_OUTBOX_BYTES + 10_000)
  outbox.push(item(20))
  gate.open()
  await clock.advance(2)
  t.same(sizes(frames), [1, 1], 'what was dropped is gone, what came after it goes out')
  t.equal(counts.overflows, 1)
})

t.test('a closed outbox sends nothing, also what was queued before', async (t) => {
  const { clock, outbox, frames } = play()
  outbox.push(item(1))
  outbox.close()
  outbox.push(item(1))
  await clock.advance(10)
  t.same(frames, [])
  t.equal(clock.pending(), 0)
})

t.test('a stream that breaks is the reader’s to notice', async (t) => {
  const { clock, outbox, counts, block } = play()
  const gate = block()
  outbox.push(item(1))
  await clock.advance(2)
  outbox.push(item(1))
  gate.break(new Error('the stream broke'))
  await clock.advance(2)
  t.equal(counts.sent, 0)
})
