import t from 'tap'
import { createAgreements } from '../../../src/sync/push-pull/agreements.ts'
import { MAX_AGREED_DIFFERENCES, MAX_REPORTED_PEERS } from '../../../src/sync/limits.ts'
import type { PeerId } from '../../../src/keys/index.ts'

const peer = (name: string) => name as PeerId
const none = { ours: new Set<never>(), theirs: new Set<string>() }

t.test('tells what has changed since a mark, whatever clocks do', async (t) => {
  const agreements = createAgreements()
  agreements.changed('a')
  const mark = agreements.now()
  agreements.agree(peer('p'), { mark, atMs: 5, except: none })
  agreements.changed('b')
  t.ok(agreements.changedAt('a') <= mark)
  t.ok(agreements.changedAt('b') > mark)
  t.equal(agreements.changedAt('never'), 0)
  agreements.changed('a')
  t.ok(agreements.changedAt('a') > mark, 'changed again')
  t.match(agreements.of(peer('p')), { mark, atMs: 5 })
  t.equal(agreements.of(peer('q')), undefined)
})

t.test('what it has forgotten counts as changed later than it was, never earlier', async (t) => {
  const agreements = createAgreements(2)
  const before = agreements.now()
  for (const name of ['a', 'b', 'c', 'd']) agreements.changed(name)
  t.ok(agreements.changedAt('a') >= 1 && agreements.changedAt('a') > before)
  t.equal(agreements.changedAt('d'), 4)
  t.ok(agreements.changedAt('never') > before, 'nobody remembers that it did not')
})

t.test('remembers so many peers and differences and no more', async (t) => {
  const agreements = createAgreements()
  const many = new Set(Array.from({ length: MAX_AGREED_DIFFERENCES + 1 }, (_, index) => `${index}`))
  agreements.agree(peer('p'), { mark: 1, atMs: 0, except: { ...none, theirs: many } })
  t.equal(agreements.of(peer('p')), undefined)
  for (let index = 0; index <= MAX_REPORTED_PEERS; index++) {
    agreements.agree(peer(`${index}`), { mark: 1, atMs: 0, except: none })
  }
  t.equal(agreements.of(peer('0')), undefined)
  t.ok(agreements.of(peer('1')))
})
