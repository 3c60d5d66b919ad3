import t from 'tap'
import { createWorld, fromPeer, NAME, short, sign, source, START_MS } from './world.ts'
import type { FilesEvents } from '../../src/files/index.ts'

t.test('shows what an upload brings, and says so', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const events: unknown[] = []
  for (const name of ['record', 'content', 'change'] as const) {
    world.files.events.on(name, (event: FilesEvents[typeof name][0]) => events.push([name, event]))
  }
  t.match(world.files.view(NAME), { state: 'none', conflict: false })
  const verdict = await world.put({ text: 'hello' })
  t.match(verdict, { outcome: 'stored', wins: true, contentMissing: false })
  t.equal(await world.shown(), 'hello')
  t.match(await world.shown(`statements/${NAME}`), /^mesh-file 1\n.*-----END SSH SIGNATURE/s)
  const view = world.files.view(NAME)
  t.match(view, { state: 'shown', shownAtMs: START_MS, conflict: false })
  t.equal(view?.winner?.signed.id, verdict.outcome !== 'refused' && verdict.record.signed.id)
  t.match(events, [
    ['record', { contentHere: true, from: { kind: 'upload' } }],
    ['change', { name: NAME }],
  ])
  t.same(world.health.list(), [])
  t.same(await world.disk.list('content'), [])
  t.same(world.files.counts(), {
    shown: 1,
    missing: 0,
    'too-large': 0,
    'too-old': 0,
    deleted: 0,
    expired: 0,
    none: 0,
  })
  t.equal(short(await world.put({ text: 'hello' })), 'known')
  t.equal(events.length, 2)
})

t.test('replaces a version by a newer one and keeps the old content aside', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1 })
  t.equal(short(await world.put({ version: 2, by: ['bert'] })), 'stored')
  t.equal(await world.shown(), `${NAME} 2`)
  t.equal((await world.disk.list('content')).length, 1)
  t.same(
    world.files.history(NAME).map(({ signed }) => signed.statement.version),
    [2, 1],
  )
})

t.test('takes a statement from a peer first and its content later', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const signed = await sign({ text: 'hello' })
  const contents: unknown[] = []
  world.files.events.on('content', (event) => contents.push(event))
  t.match(await world.files.accept(signed, undefined, fromPeer), {
    outcome: 'stored',
    wins: true,
    contentMissing: true,
  })
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.match(await world.files.accept(signed, undefined, fromPeer), {
    outcome: 'known',
    contentMissing: true,
  })
  t.match(await world.files.accept(signed, source('hel', 'lo'), fromPeer), {
    outcome: 'stored',
    contentMissing: false,
  })
  t.equal(await world.shown(), 'hello')
  t.equal(contents.length, 1)
})
