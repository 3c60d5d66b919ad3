import t from 'tap'
import { createBacklog } from '../../../src/sync/content/backlog.ts'
import { createFetcher } from '../../../src/sync/content/fetcher.ts'
import { createHealth, createWorkers, silentLogger } from '../../../src/observe/index.ts'
import { createFakeCollection, record } from '../../support/fake-collection.ts'
import { createFakeMesh } from '../../support/mesh.ts'

t.test('names wait in the order they came, each once', (t) => {
  const [one, two] = ['one', 'two'].map((name) => createFakeCollection({ names: [], name }))
  if (one === undefined || two === undefined) throw new Error('unreachable')
  const backlog = createBacklog()
  backlog.add({ collection: one, name: 'a', failures: 0 })
  backlog.add({ collection: one, name: 'b', failures: 1 })
  backlog.add({ collection: one, name: 'a', failures: 2 })
  backlog.add({ collection: two, name: 'a', failures: 3 })
  t.equal(backlog.size, 3)
  t.ok(backlog.has(two, 'a'))
  t.notOk(backlog.has(two, 'b'))
  t.match(backlog.take(), { collection: one, name: 'b', failures: 1 })
  t.ok(backlog.delete(one, 'a'))
  t.notOk(backlog.delete(one, 'a'))
  t.match(backlog.take(), { collection: two, name: 'a', failures: 3 })
  t.equal(backlog.take(), undefined)
  t.equal(backlog.size, 0)
  t.end()
})

t.test('more missing contents than are looked for at once all have their turn', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  t.teardown(() => mesh.stop())
  const { clock, random } = mesh
  const transport = await mesh.stranger('Alone')
  const names = Array.from({ length: 20 }, (_, index) => `name-${index + 10}`)
  const collection = createFakeCollection({ names })
  for (const name of names) collection.insert(record(name, 1, Buffer.from(name)))
  const health = createHealth({ clock })
  const workers = createWorkers({ clock, random, logger: silentLogger })
  const fetcher = createFetcher({
    ...{ transport, clock, random, workers, health, logger: silentLogger },
    collections: new Map([['files', collection]]),
    wants: () => undefined,
    onFault: () => {},
    counts: { fetches: 0, failures: 0 },
    maxSought: 4,
  })
  fetcher.start()
  t.same(fetcher.fetching(), names.slice(0, 4))
  const [, second, , , fifth] = names
  if (second === undefined || fifth === undefined) throw new Error('unreachable')
  collection.setNames(names.filter((name) => name !== second))
  fetcher.refresh(collection, second)
  t.same(fetcher.fetching(), [names[0], names[2], names[3], fifth], 'a free place is taken')

  const seen = new Set<string>()
  for (let second = 0; second < 600; second++) {
    await clock.advance(1_000)
    const fetching = fetcher.fetching()
    t.ok(fetching.length <= 4)
    for (const name of fetching) seen.add(name)
  }
  t.equal(seen.size, names.length - 1, 'what nobody has gives way to the others')
  t.ok(health.list().length >= 4, 'and is warned of meanwhile')
  collection.setNames([])
  for (const name of names) fetcher.refresh(collection, name)
  t.same(fetcher.fetching(), [])
  t.same(health.list(), [], 'until nobody wants it')
  await fetcher.stop()
  await workers.stop()
})
