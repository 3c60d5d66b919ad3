import t from 'tap'
import { createNameReader, digestOfNames } from '../../../src/sync/push-pull/names.ts'
import { createViews, stateOf } from '../../../src/sync/push-pull/views.ts'
import { createSortedTree } from '../../../src/tree/index.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createFakeCollection, record, recordIdOf } from '../../support/fake-collection.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { NameList } from '../../../src/sync/push-pull/names.ts'

const clock = createVirtualClock()
const { signal } = new AbortController()

t.test('a view has what both want, and follows what changes', async (t) => {
  const collection = createFakeCollection({ names: ['a', 'b', 'c'] })
  for (const name of ['a', 'b', 'c']) collection.publish(record(name, 1))
  const views = createViews(collection)
  const names = ['b', 'c', 'z']
  const other = createNameReader(collection, digestOfNames(names)).add(names, true)
  if (other === undefined) throw new Error('a whole list')
  const view = await views.of(other, clock, signal)
  const ids = (version: number) =>
    [recordIdOf(record('b', version)), recordIdOf(record('c', 1))].sort()
  t.same(view.ids(''), ids(1))
  t.same(view.summary(''), createSortedTree(ids(1)).summary(''))
  t.equal(await views.of(other, clock, signal), view)

  collection.publish(record('b', 2))
  t.same(view.summary(''), createSortedTree(ids(2)).summary(''))

  const whole = await views.of(views.own(), clock, signal)
  t.equal(whole.summary('').hash, collection.digest(), 'with equal names it is all of it')
  collection.setNames(['a'])
  t.same(views.own().selectors, ['a'], 'a change of names shows without being told')
  t.equal(view.summary('').count, 0)
})

t.test('views are forgotten beyond their size, the longest unused first', async (t) => {
  const names = Array.from({ length: 400 }, (_, index) => `file-${index}`).sort()
  const collection = createFakeCollection({ names })
  for (const name of names) collection.publish(record(name, 1))
  const views = createViews(collection, 20_000)
  const listOf = (name: string) => {
    const list = createNameReader(collection, digestOfNames([name])).add([name], true)
    if (list === undefined) throw new Error('a whole list')
    return list
  }
  const [a, b] = [listOf('file-1'), listOf('file-2')]
  const first = await views.of(a, clock, signal)
  t.equal(await views.of(a, clock, signal), first)
  await views.of(b, clock, signal)
  t.not(await views.of(a, clock, signal), first)
})

t.test(
  'what a view looks at counts as its size: a list is much longer than what is kept',
  async (t) => {
    const collection = createFakeCollection({ names: ['a'] })
    collection.publish(record('a', 1))
    const listOf = (name: string): NameList => ({
      digest: sha256(name),
      selection: { has: () => false, hasPatterns: false, sizeBytes: 30_000 },
    })
    const views = createViews(collection, 100_000)
    const [a, b, c] = [listOf('a'), listOf('b'), listOf('c')]
    const first = await views.of(a, clock, signal)
    await views.of(b, clock, signal)
    await views.of(c, clock, signal)
    t.equal(await views.of(a, clock, signal), first, 'three of them')
    await views.of(listOf('d'), clock, signal)
    t.equal(await views.of(a, clock, signal), first, 'used last')
    await views.of(listOf('e'), clock, signal)
    await views.of(listOf('f'), clock, signal)
    await views.of(listOf('g'), clock, signal)
    t.not(await views.of(a, clock, signal), first)
  },
)

t.test('states commit to everything they are made of', async (t) => {
  const [a, b] = [sha256('a'), sha256('b')]
  const state = { collection: 'files', beginnerNames: a, answererNames: b, root: a }
  const states = [
    state,
    { ...state, collection: 'file' },
    { ...state, beginnerNames: b },
    { ...state, answererNames: a },
    { ...state, root: b },
  ].map(stateOf)
  t.equal(new Set(states).size, states.length)
})
