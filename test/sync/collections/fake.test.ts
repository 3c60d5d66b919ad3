/** What tests take for a collection is one. */
import t from 'tap'
import { testCollection } from '../../contracts/collection.ts'
import { createFakeCollection, encodeRecord, record } from '../../support/fake-collection.ts'

testCollection(t, async () => ({
  collection: createFakeCollection({ names: ['a', 'b', 'c'] }),
  make: async (name, version) => encodeRecord(record(name, version)),
  names: ['a', 'b', 'c'],
  unwanted: 'z',
}))
