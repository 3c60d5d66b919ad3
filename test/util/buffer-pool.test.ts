import t from 'tap'
import { createBufferPool } from '../../src/util/index.ts'

const MEBIBYTE = 2 ** 20

t.test('hands out again what was given back', async (t) => {
  const pool = createBufferPool({ maxIdleBytes: 8 * MEBIBYTE })
  const first = pool.take(MEBIBYTE + 1)
  t.ok(first.length > MEBIBYTE)
  t.not(pool.take(MEBIBYTE), first, 'not while it is in use')
  pool.give(first)
  t.equal(pool.take(MEBIBYTE), first)
})

t.test('gives nobody a buffer that is too small, or far too large', async (t) => {
  const pool = createBufferPool({ maxIdleBytes: 64 * MEBIBYTE })
  const [small, large] = [pool.take(MEBIBYTE), pool.take(32 * MEBIBYTE)]
  pool.give(small)
  pool.give(large)
  t.ok(pool.take(2 * MEBIBYTE).length >= 2 * MEBIBYTE)
  t.not(pool.take(2 * MEBIBYTE), large)
})

t.test('keeps no more idle than it may', async (t) => {
  const pool = createBufferPool({ maxIdleBytes: 2 * MEBIBYTE })
  const buffers = [1, 2, 3].map(() => pool.take(MEBIBYTE))
  for (const each of buffers) pool.give(each)
  const again = [1, 2, 3].map(() => pool.take(MEBIBYTE))
  t.equal(again.filter((each) => buffers.includes(each)).length, 2)
})

t.test('one that is given back twice is handed out once', async (t) => {
  const pool = createBufferPool({ maxIdleBytes: 8 * MEBIBYTE })
  const buffer = pool.take(1)
  pool.give(buffer)
  pool.give(buffer)
  t.equal(pool.take(1), buffer)
  t.not(pool.take(1), buffer)
})
