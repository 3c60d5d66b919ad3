/** What every store does: the one on LMDB and its twin in memory pass the same file. */
import { isMeshError, MeshError } from '../../src/errors/index.ts'
import { MAX_KEY_BYTES, table } from '../../src/store/index.ts'
import type { Migration, Store, Transaction } from '../../src/store/index.ts'
import type { Test } from 'tap'

/** Makes stores over one place that is empty at first. */
export interface StoreWorld {
  /** A store that is not open yet, over what former ones left. */
  create(init?: { migrations?: readonly Migration[] }): Store
  /** The process of this store dies without closing it. */
  abandon(store: Store): Promise<void>
}

const fruit = table('contract-fruit')
const other = table('contract-other')

const key = (text: string): Uint8Array => Buffer.from(text)
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()
const keysOf = (entries: Iterable<{ key: Uint8Array }>): string[] =>
  [...entries].map((entry) => Buffer.from(entry.key).toString())

export const testStore = (t: Test, label: string, createWorld: (t: Test) => StoreWorld): void => {
  const opened = async (t: Test): Promise<Store> => {
    const store = createWorld(t).create()
    await store.open()
    t.teardown(() => store.close())
    return store
  }
  const put = (tx: Transaction, name: string, value = name): void =>
    tx.put(fruit, key(name), key(value))

  void t.test(label, async (t) => {
    t.test('reads what a transaction put, replaced and removed', async (t) => {
      const store = await opened(t)
      t.equal(store.get(fruit, key('apple')), undefined)
      const answer = await store.transaction((tx) => {
        put(tx, 'apple', 'red')
        put(tx, 'pear', '')
        return 42
      })
      t.equal(answer, 42)
      t.equal(text(store.get(fruit, key('apple'))), 'red')
      t.equal(text(store.get(fruit, key('pear'))), '')
      t.equal(store.get(other, key('apple')), undefined, 'tables are apart')
      await store.transaction((tx) => {
        put(tx, 'apple', 'green')
        t.equal(tx.remove(fruit, key('pear')), true)
        t.equal(tx.remove(fruit, key('pear')), false)
      })
      t.equal(text(store.get(fruit, key('apple'))), 'green')
      t.equal(store.get(fruit, key('pear')), undefined)
      t.equal(store.count(fruit), 1)
    })

    t.test('shows a transaction its own writes', async (t) => {
      const store = await opened(t)
      await store.transaction((tx) => {
        put(tx, 'b')
        put(tx, 'a')
        t.equal(text(tx.get(fruit, key('a'))), 'a')
        t.same(keysOf(tx.range(fruit)), ['a', 'b'])
        t.equal(tx.count(fruit), 2)
        tx.remove(fruit, key('a'))
        t.same(keysOf(tx.range(fruit)), ['b'])
        t.equal(tx.count(fruit), 1)
      })
    })

    t.test('rolls back all of a transaction that throws, and none of its neighbours', async (t) => {
      const store = await opened(t)
      await store.transaction((tx) => put(tx, 'kept', 'before'))
      const error = new MeshError('ERR_FILE_NOT_NEWER', 'mine')
      const results = await Promise.allSettled([
        store.transaction((tx) => put(tx, 'first')),
        store.transaction((tx) => {
          put(tx, 'kept', 'after')
          put(tx, 'lost')
          tx.put(other, key('lost'), key('x'))
          throw error
        }),
        store.transaction((tx) => put(tx, 'third')),
        store.transaction(() => {
          throw new Error('plain')
        }),
      ])
      t.same(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
      )
      t.equal(results[1]?.status === 'rejected' && results[1].reason, error, 'the same error')
      t.same(keysOf(store.range(fruit)), ['first', 'kept', 'third'])
      t.equal(text(store.get(fruit, key('kept'))), 'before')
      t.equal(store.count(other), 0)
    })

    t.test('runs transactions one after another, in order', async (t) => {
      const store = await opened(t)
      const increment = (): Promise<number> =>
        store.transaction((tx) => {
          const next = Number(text(tx.get(fruit, key('count'))) ?? 0) + 1
          put(tx, 'count', String(next))
          return next
        })
      const answers = await Promise.all(Array.from({ length: 100 }, increment))
      t.same(
        answers,
        Array.from({ length: 100 }, (_, index) => index + 1),
      )
    })

    t.test('reads ranges in byte order, from start to before end, both ways', async (t) => {
      const store = await opened(t)
      await store.transaction((tx) => {
        for (const name of ['c', 'a', 'e', 'b', 'd']) put(tx, name)
        tx.put(fruit, Buffer.from([0xff, 0]), key('high'))
        tx.put(fruit, Buffer.from([0]), key('low'))
      })
      const all = [...store.range(fruit)].map((entry) => Buffer.from(entry.key).toString('hex'))
      t.same(all, ['00', '61', '62', '63', '64', '65', 'ff00'])
      const [start, end] = [key('b'), key('d')]
      t.same(keysOf(store.range(fruit, { start, end })), ['b', 'c'])
      t.same(keysOf(store.range(fruit, { start, end, reverse: true })), ['c', 'b'])
      t.same(keysOf(store.range(fruit, { start: key('bb'), end: key('dd') })), ['c', 'd'])
      t.same(keysOf(store.range(fruit, { start: key('bb'), end: key('dd'), reverse: true })), [
        'd',
        'c',
      ])
      t.same(keysOf(store.range(fruit, { start, limit: 2 })), ['b', 'c'])
      t.same(keysOf(store.range(fruit, { end, reverse: true, limit: 2 })), ['c', 'b'])
      t.same(keysOf(store.range(fruit, { start: key('d'), reverse: true, limit: 9 })).slice(1), [
        'e',
        'd',
      ])
      t.same(keysOf(store.range(fruit, { start: end, end: start })), [])
      t.same(keysOf(store.range(fruit, { start, end: start })), [])
      t.same(keysOf(store.range(fruit, { limit: 0 })), [])
      t.same(keysOf(store.range(other)), [])
    })

    t.test('lets a transaction remove what it walks over', async (t) => {
      const store = await opened(t)
      await store.transaction((tx) => {
        for (let index = 0; index < 50; index++) put(tx, `k${index}`)
      })
      await store.transaction((tx) => {
        for (const { key } of tx.range(fruit)) tx.remove(fruit, key)
      })
      t.equal(store.count(fruit), 0)
    })

    t.test(
      'hands out bytes that nobody changes afterwards, and takes a copy of what it is given',
      async (t) => {
        const store = await opened(t)
        const given = Buffer.from('given')
        await store.transaction((tx) => {
          tx.put(fruit, key('a'), given)
          given.fill('x')
        })
        const taken = store.get(fruit, key('a'))
        await store.transaction((tx) => put(tx, 'a', 'later'))
        t.equal(text(taken), 'given')
        taken?.fill(0)
        t.equal(text(store.get(fruit, key('a'))), 'later')
      },
    )

    t.test('takes keys of 1 to 1,900 bytes and large values', async (t) => {
      const store = await opened(t)
      const longest = Buffer.alloc(MAX_KEY_BYTES, 7)
      const large = Buffer.alloc(3 * 2 ** 20, 9)
      await store.transaction((tx) => tx.put(fruit, longest, large))
      t.ok(Buffer.from(store.get(fruit, longest) ?? []).equals(large))
      for (const bad of [Buffer.alloc(0), Buffer.alloc(MAX_KEY_BYTES + 1)]) {
        t.throws(() => store.get(fruit, bad), RangeError)
        await t.rejects(
          store.transaction((tx) => tx.put(fruit, bad, key('x'))),
          RangeError,
        )
      }
      t.equal(store.count(fruit), 1)
    })

    t.test(
      'refuses a transaction that is used after its end, and a store that is closed',
      async (t) => {
        const store = createWorld(t).create()
        await store.open()
        const leaked = await store.transaction((tx) => tx)
        t.throws(() => leaked.put(fruit, key('late'), key('x')))
        t.equal(store.get(fruit, key('late')), undefined)
        await store.close()
        await store.close()
        t.throws(() => store.get(fruit, key('a')))
        await t.rejects(store.transaction(() => 1))
      },
    )

    t.test('waits on close for transactions under way', async (t) => {
      const world = createWorld(t)
      const store = world.create()
      await store.open()
      const pending = store.transaction((tx) => put(tx, 'a'))
      await store.close()
      await pending
      const next = world.create()
      await next.open()
      t.equal(text(next.get(fruit, key('a'))), 'a')
      await next.close()
    })

    t.test('keeps what it answered to when nobody closes it, and counts that', async (t) => {
      const world = createWorld(t)
      for (let round = 0; round < 4; round++) {
        const store = world.create()
        await store.open()
        t.equal(store.uncleanOpens, round)
        t.equal(store.count(fruit), round)
        await store.transaction((tx) => put(tx, `round ${round}`))
        await world.abandon(store)
      }
      const visitor = world.create()
      await visitor.open()
      t.equal(visitor.uncleanOpens, 4)
      await visitor.close({ keepUncleanOpens: true })
      const store = world.create()
      await store.open()
      t.equal(store.uncleanOpens, 4, 'whoever only looked has changed nothing')
      t.equal(store.count(fruit), 4)
      await store.close()
      const next = world.create()
      await next.open()
      t.equal(next.uncleanOpens, 0)
      await next.close()
    })

    t.test('brings an old format to the new one, once and whole', async (t) => {
      const world = createWorld(t)
      const first = world.create({ migrations: [] })
      await first.open()
      await first.transaction((tx) => put(tx, 'a', 'old'))
      await first.close()
      const steps: string[] = []
      const step =
        (name: string, fails = false): Migration =>
        (tx) => {
          steps.push(name)
          put(tx, 'a', `${text(tx.get(fruit, key('a')))} ${name}`)
          if (fails) throw new MeshError('ERR_STATE_CORRUPT', 'a step failed')
        }
      const broken = world.create({ migrations: [step('one'), step('two', true)] })
      await t.rejects(broken.open(), { code: 'ERR_STATE_CORRUPT' })
      await broken.close()
      for (let round = 0; round < 2; round++) {
        const store = world.create({ migrations: [step('one'), step('two')] })
        await store.open()
        t.equal(text(store.get(fruit, key('a'))), 'old one two')
        await store.close()
      }
      t.same(steps, ['one', 'two', 'one', 'two'])
      const third = world.create({ migrations: [step('one'), step('two'), step('three')] })
      await third.open()
      t.equal(text(third.get(fruit, key('a'))), 'old one two three')
      await third.close()
    })

    t.test('refuses a store that a newer version wrote', async (t) => {
      const world = createWorld(t)
      const newer = world.create({ migrations: [() => {}, () => {}] })
      await newer.open()
      await newer.close()
      const store = world.create({ migrations: [() => {}] })
      const error = await store.open().catch((error: unknown) => error)
      t.ok(isMeshError(error, 'ERR_STATE_NEWER'))
      t.match(isMeshError(error) && error.data, { found: 3, known: 2 })
      await store.close()
    })
  })
}
