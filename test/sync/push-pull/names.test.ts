import fc from 'fast-check'
import t from 'tap'
import { MAX_FRAME_BYTES } from '../../../src/sync/limits.ts'
import { encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { createNameList, createNameReader, pagesOf } from '../../../src/sync/push-pull/names.ts'
import { createNamesCache } from '../../../src/sync/push-pull/names.ts'

const code = 'ERR_PROTOCOL_MALFORMED'

t.test('pages hold every name in order, and each fits into a frame', async (t) => {
  const name = fc.stringMatching(/^[a-z]{1,300}$/)
  const property = fc.property(fc.uniqueArray(name, { maxLength: 2000 }), (unsorted) => {
    const names = unsorted.toSorted()
    const pages = pagesOf(names)
    const reader = createNameReader(createNameList(names).digest)
    let list: ReturnType<typeof reader.add>
    for (const [index, page] of pages.entries()) {
      const last = index === pages.length - 1
      const frame = encodePushPull({ type: 'names', last, names: page })
      if (frame.length > MAX_FRAME_BYTES) return false
      list = reader.add(page, last)
    }
    return JSON.stringify(list?.names) === JSON.stringify(names)
  })
  fc.assert(property, { numRuns: 20 })
  t.same(pagesOf([]), [[]], 'no names are one page too')
  const long = Array.from({ length: 1000 }, (_, index) => String(index).padStart(1000, '0'))
  t.ok(pagesOf(long).length > 3)
})

t.test('the digest tells lists apart that differ in any way', async (t) => {
  const digests = [[], [''], ['a'], ['a', 'b'], ['ab'], ['a\nb'], ['b', 'a']].map(
    (names) => createNameList(names).digest,
  )
  // 'a\nb' cannot come from a configuration, and two lists with it are never compared.
  t.equal(new Set(digests).size, digests.length - 1)
})

t.test('a reader refuses disorder, repetition, emptiness and what was not announced', async (t) => {
  const { digest } = createNameList(['a', 'b'])
  t.throws(() => createNameReader(digest).add(['b', 'a'], true), { code })
  t.throws(() => createNameReader(digest).add(['a', 'a'], true), { code })
  t.throws(() => createNameReader(digest).add([], false), { code })
  t.throws(() => createNameReader(digest).add(['a'], true), { code })
  const paged = createNameReader(digest)
  t.equal(paged.add(['b'], false), undefined)
  t.throws(() => paged.add(['a'], true), { code }, 'disorder across pages')
  const good = createNameReader(digest)
  t.equal(good.add(['a'], false), undefined)
  t.same(good.add(['b'], true)?.names, ['a', 'b'])
})

t.test('the cache forgets the longest unused beyond its size', async (t) => {
  const cache = createNamesCache(300)
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
  const huge = createNameList(['x'.repeat(1000)])
  cache.put(huge)
  t.equal(cache.get(huge.digest), huge, 'the one in use stays, whatever its size')
  t.equal(cache.get(a.digest), undefined)
})
