import t from 'tap'
import { MAX_COMPARED_LISTS } from '../../../src/sync/limits.ts'
import { createReplica } from '../../../src/sync/push-pull/replica.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createFakeCollection } from '../../support/fake-collection.ts'
import type { PeerId } from '../../../src/keys/index.ts'

t.test('so many lists are compared with ours once, and are not compared again', async (t) => {
  const replica = createReplica(createFakeCollection({ names: ['a'] }))
  let compared = 0
  const has = (): boolean => {
    compared++
    return true
  }
  const show = (index: number): boolean => {
    const peer = `peer-${index}` as PeerId
    const digest = sha256(`${index}`)
    replica.names.put({ digest, selection: { has, hasPatterns: false, sizeBytes: 8 } })
    replica.learn(peer, digest)
    return replica.shares(peer)
  }
  for (let index = 0; index < MAX_COMPARED_LISTS; index++) t.ok(show(index))
  t.ok(show(0))
  t.equal(compared, MAX_COMPARED_LISTS, 'known')
  t.ok(show(MAX_COMPARED_LISTS))
  t.ok(show(0))
  t.equal(compared, MAX_COMPARED_LISTS + 2, 'forgotten for one more')
})
