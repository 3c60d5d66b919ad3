/** Block lists in memory: once for all, and not for ever. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createListCache } from '../../../src/sync/blocks/list-cache.ts'
import { MAX_CACHED_LIST_BLOCKS, MAX_CACHED_LISTS } from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import type { BlockList } from '../../../src/chunk/index.ts'

const digest = sha256('a block')
const listOf = (count: number): BlockList => ({
  sizeBytes: count,
  blocks: Array.from({ length: count }, () => ({ digest, sizeBytes: 1 })),
})

const play = () => {
  const cache = createListCache()
  let loads = 0
  return {
    loads: () => loads,
    get: (name: string, count: number) =>
      cache.get(sha256(name), async () => {
        loads++
        return count < 0 ? undefined : listOf(count)
      }),
  }
}

t.test('a list is decoded once, for those who ask at the same time as well', async (t) => {
  const { get, loads } = play()
  const [first, second] = await Promise.all([get('a', 3), get('a', 3)])
  t.equal(first, second)
  t.equal(await get('a', 3), first)
  t.equal(loads(), 1)
})

t.test('what is not there is looked for again', async (t) => {
  const { get, loads } = play()
  t.equal(await get('a', -1), undefined)
  t.match(await get('a', 1), { sizeBytes: 1 })
  t.equal(loads(), 2)
})

t.test('a list that somebody has is found, however large it is', async (t) => {
  const { get, loads } = play()
  const large = await get('large', MAX_CACHED_LIST_BLOCKS + 1)
  t.equal(await get('large', 1), large)
  t.equal(loads(), 1)
  t.equal(large?.blocks.length, MAX_CACHED_LIST_BLOCKS + 1)
})

t.test('lists that nobody has go when memory is wanted, but for those wanted last', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc !== 'function') throw new Error('no garbage can be collected by hand')
  const { get, loads } = play()
  const half = MAX_CACHED_LIST_BLOCKS / 2
  for (const name of ['a', 'b', 'c']) await get(name, half)
  // What was looked at by a promise of this turn is still held.
  await new Promise((resolve) => setImmediate(resolve))
  gc()
  await get('b', half)
  await get('c', half)
  t.equal(loads(), 3)
  await get('a', half)
  t.equal(loads(), 4, 'it was the oldest')
})

t.test('no more lists are remembered than may be', async (t) => {
  const { get, loads } = play()
  const first = await get('first', 0)
  for (let index = 0; index < MAX_CACHED_LISTS; index++) await get(`${index}`, 0)
  t.not(await get('first', 0), first)
  t.equal(loads(), MAX_CACHED_LISTS + 2)
})
