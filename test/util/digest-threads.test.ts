import t from 'tap'
import { createDigestThreads, sha256 } from '../../src/util/index.ts'

const MEBIBYTE = 2 ** 20

/** Nothing that repeats: a piece in another's place has to show. */
const bytesOf = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 16)) & 0xff)

/** Gives pieces of these sizes, in a buffer that is overwritten between them. */
const digestOf = async (bytes: Uint8Array, pieceBytes: number, sizeBytes = bytes.length) => {
  const digester = createDigestThreads({ minBytes: 0 }).create({ sizeBytes })
  const buffer = new Uint8Array(pieceBytes)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes)
    buffer.set(piece)
    const busy = digester.update(buffer.subarray(0, piece.length))
    if (busy !== undefined) await busy
    buffer.fill(0)
  }
  return digester.digest()
}

t.test('hashes on a thread what it is given, however it is divided', async (t) => {
  const bytes = bytesOf(3 * MEBIBYTE + 1)
  for (const pieceBytes of [65_536, 524_288, 300_001, 4 * MEBIBYTE]) {
    t.equal(await digestOf(bytes, pieceBytes), sha256(bytes), `${pieceBytes}`)
  }
  const exact = bytes.subarray(0, 2 * MEBIBYTE)
  t.equal(await digestOf(exact, 524_288), sha256(exact), 'nothing left over')
  t.equal(await digestOf(new Uint8Array(), 1), sha256(''), 'nothing at all')
})

t.test('ends a digest that nobody wants any more', async (t) => {
  const digester = createDigestThreads({ minBytes: 0 }).create({ sizeBytes: MEBIBYTE })
  digester.update(new Uint8Array(10))
  digester.close()
  digester.close()
  await t.rejects(digester.digest(), { code: 'ERR_INTERNAL', message: /has ended/ })
})

t.test('has no more threads than it may, and gives a free one to the next', async (t) => {
  const threads = createDigestThreads({ minBytes: 100, max: 1 })
  const large = { sizeBytes: 2 * MEBIBYTE }
  const piece = new Uint8Array(MEBIBYTE)
  const first = threads.create(large)
  const second = threads.create(large)
  const small = threads.create({ sizeBytes: 99 })
  t.ok(first.update(piece) !== undefined, 'handed over')
  t.equal(second.update(piece), undefined, 'hashed here and now')
  t.equal(small.update(piece), undefined, 'too small for a thread')
  t.equal(await second.digest(), sha256(piece))
  first.close()
  const third = threads.create(large)
  const busy = third.update(piece)
  t.ok(busy !== undefined)
  await busy
  t.equal(await third.digest(), sha256(piece))
})

t.test(
  'hashes in place where the system begins no thread, and tries again the next time',
  async (t) => {
    let tries = 0
    const threads = createDigestThreads({
      ...{ minBytes: 0, max: 1 },
      begin: () => {
        tries++
        throw new Error('no thread is left')
      },
    })
    for (let times = 0; times < 2; times++) {
      const digester = threads.create({ sizeBytes: 2 })
      await digester.update(Buffer.from('ab'))
      t.equal(await digester.digest(), sha256('ab'))
    }
    t.equal(tries, 2, 'no place was lost')
  },
)
