import t from 'tap'
import {
  createMarker,
  createOutdone,
  GREATEST_RANK,
  rivalOf,
} from '../../../src/sync/push-pull/rivals.ts'
import { placedId } from '../../../src/util/index.ts'
import type { Digest } from '../../../src/util/index.ts'

const markOf = createMarker(Buffer.from('a salt of a round'))
const [old, middle, young, elsewhere] = [
  placedId('here', '1'),
  placedId('here', '2'),
  placedId('here', '3'),
  placedId('there', '1'),
]
const ranks = new Map<Digest, number>([old, middle, young, elsewhere].map((id, at) => [id, at + 1]))
const outdoneBy = (...rivals: Parameters<typeof createOutdone>[0]) =>
  createOutdone(rivals, markOf, (id) => ranks.get(id))

t.test('what lies at one place has one mark, which the salt decides', async (t) => {
  t.equal(markOf(old), markOf(young))
  t.not(markOf(old), markOf(elsewhere))
  t.not(markOf(old), createMarker(Buffer.from('the salt of another'))(old))
})

t.test('outdone is what is older than a rival at its place, and nothing else', async (t) => {
  const isOutdone = outdoneBy(rivalOf(markOf(old), 2), rivalOf(markOf(old), 1))
  t.ok(isOutdone(old))
  t.notOk(isOutdone(middle), 'as new as the rival')
  t.notOk(isOutdone(young))
  t.notOk(isOutdone(elsewhere))
  t.notOk(outdoneBy()(old))
  t.notOk(isOutdone(placedId('here', 'gone meanwhile')))
})

t.test('a rank too great to be told leaves out nothing that is as great', async (t) => {
  ranks.set(young, 2 ** 53 - 1)
  const rival = rivalOf(markOf(old), 2 ** 53 - 1)
  t.equal(rival.rank, GREATEST_RANK)
  t.notOk(outdoneBy(rival)(young))
})
