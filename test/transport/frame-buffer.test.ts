import fc from 'fast-check'
import t from 'tap'
import { createFrameBuffer } from '../../src/transport/frame-buffer.ts'

const encode = (frame: Uint8Array): Uint8Array => {
  const header = Buffer.alloc(4)
  header.writeUInt32LE(frame.length)
  return Buffer.concat([header, frame])
}

/** `bytes` cut at random places. */
const cut = (bytes: Uint8Array, sizes: number[]): Uint8Array[] => {
  const parts: Uint8Array[] = []
  let at = 0
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[index % sizes.length] ?? 1)
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

t.test('frames come out as they went in, however the bytes are cut', async () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 6000 }), { maxLength: 20 })
  const sizes = fc.array(fc.integer({ min: 1, max: 9000 }), { maxLength: 5 })
  fc.assert(
    fc.property(frames, sizes, fc.boolean(), (frames, sizes, eager) => {
      const buffer = createFrameBuffer(6000)
      const result: Uint8Array[] = []
      const drain = (): void => {
        for (let next = buffer.next(); next !== undefined; next = buffer.next()) result.push(next)
      }
      for (const part of cut(Buffer.concat(frames.map(encode)), sizes)) {
        buffer.push(part)
        if (eager) drain()
      }
      drain()
      if (!buffer.isEmpty() || buffer.sizeBytes !== 0) throw new Error('something is left')
      if (
        Buffer.compare(Buffer.concat(result.map(encode)), Buffer.concat(frames.map(encode))) !== 0
      )
        throw new Error('not the same')
      if (result.length !== frames.length) throw new Error('not as many')
    }),
  )
})

t.test('a frame above the limit is refused when its length is known', async (t) => {
  const buffer = createFrameBuffer(10)
  buffer.push(Uint8Array.of(11, 0, 0))
  t.equal(buffer.next(), undefined)
  buffer.push(Uint8Array.of(0))
  t.ok(buffer.hasFrame())
  t.throws(() => buffer.next(), { code: 'ERR_LIMIT_EXCEEDED' })
  t.throws(() => buffer.next(), { code: 'ERR_LIMIT_EXCEEDED' }, 'and nothing after it')
})

t.test('half a frame is neither a frame nor nothing', async (t) => {
  const buffer = createFrameBuffer(10)
  t.ok(buffer.isEmpty())
  buffer.push(Uint8Array.of(2, 0, 0, 0))
  t.notOk(buffer.hasFrame())
  t.notOk(buffer.isEmpty(), 'a header alone counts')
  buffer.push(Uint8Array.of(7))
  t.equal(buffer.next(), undefined)
  buffer.push(Uint8Array.of(8, 9))
  t.same([...(buffer.next() ?? [])], [7, 8])
  t.equal(buffer.sizeBytes, 1)
})

t.test('a small frame does not hold on to the large buffer it came in', async (t) => {
  const buffer = createFrameBuffer(2 ** 20)
  const arrived = Buffer.concat([encode(Buffer.alloc(100)), encode(Buffer.alloc(50_000))])
  buffer.push(arrived)
  t.not(buffer.next()?.buffer, arrived.buffer)
  t.equal(buffer.next()?.buffer, arrived.buffer, 'a large one is not copied')
})

t.test('a million empty frames cost their four bytes until they are read', async (t) => {
  const buffer = createFrameBuffer(10)
  buffer.push(Buffer.alloc(4_000_000))
  t.equal(buffer.sizeBytes, 4_000_000)
  let count = 0
  while (buffer.next() !== undefined) count++
  t.equal(count, 1_000_000)
})
