import t from 'tap'
import { createGoneNames } from '../../src/transport/gone-names.ts'
import { MAX_REMEMBERED_NAMES } from '../../src/transport/limits.ts'
import type { PeerId } from '../../src/keys/index.ts'

const idOf = (index: number): PeerId => `12D3KooW${index}` as PeerId

t.test('who was gone longest has no name any more', async (t) => {
  const names = createGoneNames()
  for (let index = 0; index < MAX_REMEMBERED_NAMES; index++) {
    names.add({ id: idOf(index), name: `node-${index}` })
  }
  t.equal(names.of(idOf(0)), 'node-0')
  names.add({ id: idOf(0), name: 'renamed' })
  names.add({ id: idOf(MAX_REMEMBERED_NAMES), name: 'one more' })
  t.equal(names.of(idOf(0)), 'renamed')
  t.equal(names.of(idOf(1)), undefined)
  t.equal(names.of(idOf(2)), 'node-2')
  t.equal(names.of(idOf(MAX_REMEMBERED_NAMES)), 'one more')
})
