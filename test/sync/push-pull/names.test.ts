import fc from 'fast-check'
import t from 'tap'
import { MAX_FRAME_BYTES } from '../../../src/sync/limits.ts'
import { encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import {
  createNameReader as createReader,
  digestOfNames,
  pagesOf,
  takePage,
} from '../../../src/sync/push-pull/names.ts'
import { createNamesCache } from '../../../src/sync/push-pull/names.ts'
import { createFakeCollection } from '../../support/fake-collection.ts'
import type { Digest } from '../../../src/util/index.ts'

const code = 'ERR_PROTOCOL_MALFORMED'
const collection = createFakeCollection({ names: [] })
const createNameReader = (digest: Digest) => createReader(collection, digest)
const createNameList = (names: readonly string[]) => {
  const list = createNameReader(digestOfNames(names)).add(names, true)
  if (list === undefined) throw new Error('a whole list')
  return list
}

t.test('pages hold every name in order, and each fits into a frame', async (t) => {
  const name = fc.stringMatching(/^[a-z]{1,200}$/)
  const property = fc.property(fc.uniqueArray(name, { maxLength: 2000 }), (unsorted) => {
    const names = unsorted.toSorted()
    const pages = pagesOf(names)
    const reader = createNameReader(digestOfNames(names))
    let list: ReturnType<typeof reader.add>
    for (const [index, page] of pages.entries()) {
      const last = index === pages.length - 1
      const frame = encodePushPull({ type: 'names', last, names: page })
      if (frame.length > MAX_FRAME_BYTES) return false
      list = reader.add(page, last)
    }
    return names.every((name) => list?.selection.has(name)) && list?.selection.has('-') === false
  })
  fc.assert(property, { numRuns: 20 })
  t.same(pagesOf([]), [[]], 'no names are one page too')
  const long = Array.from({ length: 1000 }, (_, index) => String(index).padStart(1000, '0'))
  t.ok(pagesOf(long).length > 3)
})

t.test('the digest tells lists apart that differ in any way', async (t) => {
  const digests = [[], [''], ['a'], ['a', 'b'], ['ab'], ['a\nb'], ['b', 'a']].map(digestOfNames)
  // 'a\nb' cannot come from a configuration, and two lists with it are never compared.
  t.equal(new Set(digests).size, digests.length - 1)
})

t.test('a reader refuses disorder, repetition, emptiness and what was not announced', async (t) => {
  const digest = digestOfNames(['a', 'b'])
  t.throws(() => createNameReader(digest).add(['b', 'a'], true), { code })
  t.throws(() => createNameReader(digest).add(['a', 'a'], true), { code })
  t.throws(() => createNameReader(digest).add([], false), { code })
  t.throws(() => createNameReader(digest).add(['a'], true), { code })
  const paged = createNameReader(digest)
  t.equal(paged.add(['b'], false), undefined)
  t.throws(() => paged.add(['a'], true), { code }, 'disorder across pages')
  const good = createNameReader(digest)
  t.equal(good.add(['a'], false), undefined)
  const list = good.add(['b'], true)
  t.same(['a', 'b', 'c'].map(list?.selection.has ?? (() => undefined)), [true, true, false])
  t.throws(() => createNameReader(digestOfNames(['../a'])).add(['../a'], true), { code }, 'no name')
})

t.test('others have their turn while a long page is taken', async (t) => {
  const names = Array.from({ length: 2_500 }, (_, index) => `n${10_000 + index}`)
  const reader = createNameReader(digestOfNames(names))
  let turns = 0
  const turn = async (): Promise<void> => void turns++
  t.equal(await takePage(reader, { names: names.slice(0, 2_400), last: false }, turn), undefined)
  t.equal(turns, 2)
  const list = await takePage(reader, { names: names.slice(2_400), last: true }, turn)
  t.equal(turns, 2)
  t.ok(names.every((name) => list?.selection.has(name)))
  t.notOk(list?.selection.has('n1'))
  const empty = createNameReader(digestOfNames([]))
  t.equal((await takePage(empty, { names: [], last: true }, turn))?.digest, digestOfNames([]))
})

t.test('the cache forgets the longest unused beyond its size', async (t) => {
  const cache = createNamesCache(3 * (512 + 8))
  const lists = ['a', 'b', 'c', 'd'].map((letter) => createNameList([letter.repeat(68)]))
  const [a, b, c, d] = lists as [
    (typeof lists)[0],
    (typeof lists)[0],
    (typeof lists)[0],
    (typeof lists)[0],
  ]
  for (const list of [a, b, c]) cache.put(list)
  t.equal(cache.get(a.digest), a)
  cache.put(d)
  t.equal(cache.get(b.digest), undefined)
  for (const list of [a, c, d]) t.equal(cache.get(list.digest), list)
  const huge = createNameList(Array.from({ length: 300 }, (_, index) => `x${1000 + index}`))
  cache.put(huge)
  t.equal(cache.get(huge.digest), huge, 'the one in use stays, whatever its size')
  t.equal(cache.get(a.digest), undefined)
})
