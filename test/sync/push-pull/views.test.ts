import t from 'tap'
import { createNameList } from '../../../src/sync/push-pull/names.ts'
import { createViews, rootOf, stateOf } from '../../../src/sync/push-pull/views.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createFakeCollection, record, recordIdOf } from '../../support/fake-collection.ts'

t.test('a view has what both want, and is made once until something changes', async (t) => {
  const collection = createFakeCollection({ names: ['a', 'b', 'c'] })
  for (const name of ['a', 'b', 'c']) collection.publish(record(name, 1))
  const views = createViews(collection)
  const other = createNameList(['b', 'c', 'z'])
  const expected = ['b', 'c'].map((name) => recordIdOf(record(name, 1))).sort()
  t.same(views.of(other).ids(), expected)
  t.equal(views.of(other).root, rootOf(expected))
  t.equal(views.of(other), views.of(createNameList(['b', 'c', 'z'])))

  collection.publish(record('b', 2))
  views.reset()
  t.notSame(views.of(other).ids(), expected)

  t.equal(views.of(views.own()).root, collection.digest(), 'with equal names it is all of it')
  collection.setNames(['a'])
  t.same(views.own().names, ['a'], 'a change of names shows without being told')
  t.same(views.of(other).ids(), [])
})

t.test('roots commit to the set of ids, states to everything they are made of', async (t) => {
  const [a, b] = [sha256('a'), sha256('b')].sort() as [
    ReturnType<typeof sha256>,
    ReturnType<typeof sha256>,
  ]
  t.equal(rootOf([]), sha256('mesh-index 1\n'))
  t.equal(
    rootOf([a]),
    sha256(Buffer.concat([Buffer.from('mesh-index 1\n'), Buffer.from(a, 'hex')])),
  )
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
