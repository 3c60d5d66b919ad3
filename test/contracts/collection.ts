/**
 * What the sync engine relies on, for any collection: files now, and whatever else replicates later.
 */
import { isMeshError } from '../../src/errors/index.ts'
import { createSortedTree } from '../../src/tree/index.ts'
import { compareBytes, PLACE_BYTES } from '../../src/util/index.ts'
import type { Test } from 'tap'
import type { PeerId } from '../../src/keys/index.ts'
import type { Collection } from '../../src/sync/collection.ts'

export interface CollectionWorld {
  /** Empty; wants every name that `make` uses, and not the name `unwanted`. */
  readonly collection: Collection
  /** The bytes of a record of a name, the greater version winning; another node could have made it. */
  make(name: string, version: number): Promise<Uint8Array>
  /** Names that are wanted, at least three. */
  readonly names: readonly string[]
  /** A name that could be wanted and is not. */
  readonly unwanted: string
}

const peer = '12D3KooPeer' as PeerId
const { signal } = new AbortController()

/** Adds the whole suite to `t`. */
export const testCollection = (t: Test, create: () => Promise<CollectionWorld>): void => {
  const treeFits = (t: Test, { tree }: Collection, message: string): void => {
    const expected = createSortedTree([...tree.ids('')].sort())
    t.same(tree.summary(''), expected.summary(''), message)
    for (const digit of '0123456789abcdef') t.same(tree.ids(digit), expected.ids(digit))
  }

  t.test('an empty collection has the tree of nothing', async (t) => {
    const { collection } = await create()
    t.same(collection.tree.ids(''), [])
    treeFits(t, collection, 'empty')
  })

  t.test(
    'what is taken in is in the tree, by id, with its name, and given out again',
    async (t) => {
      const { collection, make, names } = await create()
      for (const name of names) {
        const arrival = collection.parse(await make(name, 1))
        t.equal(arrival.name, name)
        t.ok(arrival.relayable)
        t.ok(arrival.verify())
        t.notOk(collection.has(arrival.id))
        t.same(await arrival.accept(undefined, peer, { signal }), { outcome: 'stored' })
        t.ok(collection.has(arrival.id))
        t.ok(collection.tree.ids(arrival.id.slice(0, 8)).includes(arrival.id))
        t.equal(collection.nameOf(arrival.id), name)
        const item = collection.get(arrival.id)
        t.same(item?.bytes, arrival.bytes)
        t.equal(collection.parse(item?.bytes ?? new Uint8Array()).id, arrival.id)
        t.same(await arrival.accept(undefined, peer, { signal }), { outcome: 'known' })
      }
      t.equal(collection.tree.summary('').count, names.length)
      treeFits(t, collection, 'after every record')
    },
  )

  t.test('the tree is the same whatever came in which order', async (t) => {
    const worlds = [await create(), await create()]
    const roots: unknown[] = []
    for (const [index, { collection, make, names }] of worlds.entries()) {
      const drafts = names.flatMap((name) => [1, 2].map((version) => ({ name, version })))
      if (index === 1) drafts.reverse()
      for (const { name, version } of drafts) {
        const arrival = collection.parse(await make(name, version))
        const { outcome } = await arrival.accept(undefined, peer, { signal })
        t.not(outcome, 'refused')
      }
      treeFits(t, collection, 'what was replaced is gone from the tree')
      roots.push(collection.tree.summary(''))
    }
    t.same(roots[0], roots[1])
  })

  t.test(
    'versions of one name lie at one place, the greater one with the greater rank',
    async (t) => {
      const { collection, make, names } = await create()
      const placeOf = (id: string): string => id.slice(0, 2 * PLACE_BYTES)
      const places = new Set<string>()
      for (const name of names) {
        const [old, young] = [
          collection.parse(await make(name, 1)),
          collection.parse(await make(name, 2)),
        ]
        t.not(old.id, young.id)
        t.equal(placeOf(old.id), placeOf(young.id))
        t.ok(old.rank < young.rank)
        places.add(placeOf(old.id))
        await young.accept(undefined, peer, { signal })
        t.equal(collection.get(young.id)?.rank, young.rank)
      }
      t.equal(places.size, names.length, 'each name at its own')
    },
  )

  t.test('what is not wanted is refused by policy and leaves no trace', async (t) => {
    const { collection, make, unwanted } = await create()
    const before = collection.tree.summary('')
    t.notOk(collection.wants(unwanted))
    const arrival = collection.parse(await make(unwanted, 1))
    t.match(await arrival.accept(undefined, peer, { signal }), {
      outcome: 'refused',
      why: 'policy',
    })
    t.same(collection.tree.summary(''), before)
    t.equal(collection.nameOf(arrival.id), undefined)
    t.equal(collection.get(arrival.id), undefined)
  })

  t.test('selectors are sorted, each once, and select what is wanted', async (t) => {
    const { collection, names, unwanted } = await create()
    const selectors = collection.selectors()
    const bytes = selectors.map((selector) => Buffer.from(selector))
    t.ok(bytes.every((each, at) => at === 0 || compareBytes(bytes[at - 1] ?? each, each) < 0))
    t.equal(collection.selectors(), selectors, 'the same list while nothing changes')
    const builder = collection.createSelection()
    for (const selector of selectors) builder.add(selector)
    const selection = builder.finish()
    for (const name of [...names, unwanted]) t.equal(selection.has(name), collection.wants(name))
  })

  t.test('bytes that are no record are refused with one error', async (t) => {
    const { collection, make, names } = await create()
    const good = await make(names[0] ?? '', 1)
    for (const bytes of [new Uint8Array(), good.subarray(0, -1), Buffer.from('nonsense')]) {
      try {
        collection.parse(bytes)
        t.fail('it was parsed')
      } catch (error) {
        t.ok(isMeshError(error, 'ERR_PROTOCOL_MALFORMED'), `${bytes.length} bytes`)
      }
    }
  })

  t.test('listeners hear of what is stored, once, with who brought it', async (t) => {
    const { collection, make, names } = await create()
    const heard: string[] = []
    const end = collection.subscribe({
      stored: ({ name }, from) => heard.push(`${name} ${from}`),
      completed: () => {},
      changed: () => {},
    })
    const [name = ''] = names
    const arrival = collection.parse(await make(name, 1))
    await arrival.accept(undefined, peer, { signal })
    await arrival.accept(undefined, peer, { signal })
    end()
    await collection.parse(await make(name, 2)).accept(undefined, peer, { signal })
    t.same(heard, [`${name} ${peer}`])
  })
}
