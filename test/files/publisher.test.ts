import t from 'tap'
import { MAX_HISTORY_COUNT } from '../../src/files/limits.ts'
import { formatPublicKey } from '../../src/keys/index.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { createWorld, fromPeer, HOUR_MS, keys, NAME, policy, short, sign, source } from './world.ts'
import { START_MS } from './world.ts'
import type { World } from './world.ts'

const onlyAnna = policy({ signers: [keys.anna.publicKey] })
const onlyBert = policy({ signers: [keys.bert.publicKey] })
const warnings = (world: World): string[] => world.health.list().map(({ code }) => code)

t.test('removes a deleted file and all of its content at once', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['anna'] })
  t.match(await world.put({ version: 2, text: null, by: ['bert'] }), {
    outcome: 'stored',
    wins: true,
    contentMissing: false,
  })
  t.equal(world.files.view(NAME)?.state, 'deleted')
  t.same(await world.disk.list('files'), [])
  t.same(await world.disk.list('content'), [])
  t.match(await world.shown(`statements/${NAME}`), /^content deleted$/m)
  t.equal(short(await world.put({ version: 1 })), 'ERR_FILE_NOT_NEWER')
  t.equal(short(await world.put({ version: 3 })), 'stored', 'signers may publish over it')
  t.equal(await world.shown(), `${NAME} 3`)
})

t.test('keeps the older version to be seen until the newer one is here', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1 })
  const second = await sign({ version: 2 })
  await world.files.accept(second, undefined, fromPeer)
  const view = world.files.view(NAME)
  t.match(view, { state: 'missing', winner: { signed: { statement: { version: 2 } } } })
  t.equal(view?.shownAtMs, undefined)
  t.equal(view?.shownMeanwhile?.signed.statement.version, 1)
  t.equal(await world.shown(), `${NAME} 1`)
  t.match(await world.shown(`statements/${NAME}`), /^version 1$/m, 'it speaks of what is shown')
  const opened = await world.files.open(NAME)
  t.equal(opened?.record.signed.statement.version, 1)
  await world.files.accept(second, source(`${NAME} 2`), fromPeer)
  t.match(world.files.view(NAME), { state: 'shown', shownMeanwhile: undefined })
  t.equal(await world.shown(), `${NAME} 2`)
  t.match(await world.shown(`statements/${NAME}`), /^version 2$/m)
})

t.test('does not keep an older version to be seen that may not be seen', async (t) => {
  const cases: readonly [string, (world: World) => Promise<unknown>][] = [
    ['deleted', async (world) => world.put({ version: 3, text: null })],
    ['signer removed', async (world) => world.files.reload([onlyBert])],
    ['expired', async (world) => world.clock.advance(HOUR_MS + 1)],
  ]
  for (const [what, happen] of cases) {
    const world = await createWorld()
    await world.put({ version: 1, expires: START_MS + HOUR_MS })
    await world.files.accept(await sign({ version: 2, by: ['bert'] }), undefined, fromPeer)
    t.equal(await world.shown(), `${NAME} 1`)
    await happen(world)
    t.equal(await world.shown(), undefined, what)
    t.equal(await world.files.open(NAME), undefined)
    await world.stop()
  }
})

t.test('hides a file when it expires, and shows it again when the clock was wrong', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const changes: string[] = []
  await world.put({ expires: START_MS + HOUR_MS })
  world.files.events.on('change', () => changes.push(world.files.view(NAME)?.state ?? ''))
  await world.clock.advance(HOUR_MS - 1)
  t.equal(await world.shown(), `${NAME} 1`)
  await world.clock.advance(2)
  t.equal(await world.shown(), undefined)
  t.equal(world.files.view(NAME)?.state, 'expired')
  t.equal(await world.files.open(NAME), undefined)
  t.equal((await world.disk.list('content')).length, 1)
  t.match(await world.shown(`statements/${NAME}`), /^version 1$/m)
  world.clock.jumpWall(-2 * HOUR_MS)
  await world.clock.advance(60_000)
  t.equal(await world.shown(), `${NAME} 1`)
  world.clock.jumpWall(24 * HOUR_MS)
  t.equal(world.files.view(NAME)?.state, 'expired', 'at once in what is said')
  t.equal(await world.files.open(NAME), undefined)
  await world.clock.advance(60_000)
  t.equal(await world.shown(), undefined, 'within a minute on the disk')
  t.same(changes, ['expired', 'shown', 'expired'])
  t.equal(short(await world.put({ version: 2 })), 'stored', 'a newer version takes its place')
  t.equal((await world.disk.list('content')).length, 1)
})

t.test('hides a file at the moment of its end, whenever it last looked at the clock', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  for (let version = 1; version <= 20; version++) {
    const leftMs = 40_000 + version * 1_000
    await world.put({ version, expires: world.clock.nowMs() + leftMs })
    await world.clock.advance(leftMs - 1)
    t.equal(await world.shown(), `${NAME} ${version}`)
    await world.clock.advance(2)
    t.equal(await world.shown(), undefined, `${leftMs} ms after it came`)
  }
})

t.test('notices at start what expired while nobody ran', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ expires: START_MS + HOUR_MS })
  await world.stop()
  world.clock.jumpWall(HOUR_MS)
  await world.restart()
  t.equal(await world.shown(), undefined)
  t.equal(world.files.view(NAME)?.state, 'expired')
  world.clock.jumpWall(-HOUR_MS)
  await world.restart()
  t.equal(await world.shown(), `${NAME} 1`)
})

t.test('loses nothing by a reload that is taken back', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put()
  const digest = world.files.digest()
  const before = world.files.view(NAME)
  const changes: unknown[] = []
  world.files.events.on('change', ({ name }) => changes.push([name, world.files.view(name)?.state]))
  await world.files.reload([])
  t.equal(world.files.view(NAME), undefined)
  t.equal(world.files.wants(NAME), false)
  t.same([...world.files.index()], [])
  t.same(world.files.counts().shown, 0)
  t.same(await world.disk.list('files'), [])
  t.same(await world.disk.list('statements'), [])
  t.equal((await world.disk.list('content')).length, 1)
  t.equal(short(await world.put({ version: 2 })), 'ERR_FILE_NOT_CONFIGURED')
  await world.restart([])
  await world.restart([policy()])
  t.match(world.files.view(NAME), { ...before, shownAtMs: START_MS })
  t.equal(await world.shown(), `${NAME} 1`)
  t.equal(world.files.digest(), digest)
  t.same(changes, [[NAME, undefined]])
})

t.test('falls back to what the signers of now signed, and says so', async (t) => {
  const world = await createWorld([policy({ history: 1 })])
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['anna'] })
  await world.put({ version: 2, by: ['bert'] })
  await world.files.reload([onlyAnna])
  t.match(world.files.view(NAME), {
    state: 'missing',
    winner: { signed: { statement: { version: 1 } } },
  })
  t.equal(await world.shown(), undefined, 'not what an unlisted signer signed')
  t.same(warnings(world), ['file-fell-back'])
  const { message = '' } = world.health.list()[0] ?? {}
  t.match(message, /version 1/)
  t.match(message, /version 2/)
  t.ok(message.includes(formatPublicKey(keys.bert.publicKey, 'openssh')))
  await world.restart([onlyAnna])
  t.same(warnings(world), ['file-fell-back'], 'and again after a restart')
  await world.files.accept(await sign({ version: 1 }), source(`${NAME} 1`), fromPeer)
  t.equal(await world.shown(), `${NAME} 1`)
  await world.files.reload([policy()])
  t.same(warnings(world), [])
  t.equal(await world.shown(), `${NAME} 2`, 'its content had been kept')
  await world.files.reload([onlyAnna])
  t.equal(short(await world.put({ version: 3, by: ['anna'] })), 'stored')
  t.same(warnings(world), [])
})

t.test('shows nothing when no signer of now signed anything, and says so', async (t) => {
  const world = await createWorld([onlyAnna])
  t.teardown(() => world.stop())
  await world.put()
  await world.files.reload([onlyBert])
  t.equal(world.files.view(NAME)?.state, 'none')
  t.same(await world.disk.list('files'), [])
  t.same(await world.disk.list('statements'), [])
  t.same(warnings(world), ['file-fell-back'])
  await world.files.reload([onlyAnna])
  t.equal(await world.shown(), `${NAME} 1`)
  t.same(warnings(world), [])
})

t.test('says when two signers signed different statements of one version', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['anna'], text: 'a' })
  const rival = await sign({ version: 1, by: ['bert'], text: 'b', time: START_MS + 1 })
  t.match(await world.files.accept(rival, source('b'), fromPeer), { outcome: 'stored', wins: true })
  t.match(world.files.view(NAME), { state: 'shown', conflict: true })
  t.equal(await world.shown(), 'b')
  t.same(warnings(world), ['file-conflict'])
  t.equal([...world.files.index()].length, 2)
  await world.restart()
  t.same(warnings(world), ['file-conflict'])
  await world.put({ version: 2 })
  t.same(warnings(world), [])
  t.equal(world.files.view(NAME)?.conflict, false)
})

t.test('applies mode and size limit of a new policy', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'x'.repeat(500) })
  await world.files.reload([policy({ maxSizeBytes: 100, mode: 0o600 })])
  t.equal(world.files.view(NAME)?.state, 'shown', 'what is here stays')
  const large = await sign({ version: 2, text: 'y'.repeat(200) })
  t.match(await world.files.accept(large, source('y'.repeat(200)), fromPeer), {
    outcome: 'stored',
    contentMissing: false,
  })
  t.equal(world.files.view(NAME)?.state, 'too-large')
  t.equal(await world.shown(), 'x'.repeat(500), 'the older one stays meanwhile')
  await world.files.reload([policy()])
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.same(
    [...world.files.list({ state: 'missing' })].map(({ name }) => name),
    [NAME],
  )
  t.same([...world.files.list({ state: 'shown' })], [])
})

t.test('gives a name to a file that was a directory before, and back', async (t) => {
  const [a, ab] = [parseFileName('a'), parseFileName('a/b')]
  const world = await createWorld([policy({ name: ab })])
  t.teardown(() => world.stop())
  await world.put({ name: ab })
  await world.files.reload([policy({ name: a })])
  t.equal(short(await world.put({ name: a })), 'stored')
  t.equal(await world.shown('files/a'), 'a 1')
  await world.files.reload([policy({ name: ab })])
  t.equal(await world.shown('files/a/b'), 'a/b 1')
  await world.restart([policy({ name: a })])
  t.equal(await world.shown('files/a'), 'a 1')
})

t.test('remembers the last statements of a name', async (t) => {
  const world = await createWorld([policy({ history: 3 })])
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['bert'] })
  for (let version = 2; version <= 7; version++) await world.put({ version })
  const versions = (): unknown =>
    world.files.history(NAME).map(({ signed }) => signed.statement.version)
  t.same(versions(), [7, 6, 5, 1], 'three, and what decides if bert is alone')
  await world.files.reload([onlyBert])
  t.same(versions(), [1, 7, 6, 5], 'the winner first')
  await world.files.reload([])
  t.same(versions(), [])
})

t.test('of a name that is withdrawn so many statements stay, and no more', async (t) => {
  const many = policy({ history: MAX_HISTORY_COUNT + 50 })
  const world = await createWorld([many])
  t.teardown(() => world.stop())
  const count = MAX_HISTORY_COUNT + 20
  for (let version = 1; version <= count; version++) await world.put({ version })
  t.equal(world.files.history(NAME).length, count)
  await world.files.reload([])
  await world.files.reload([many])
  t.equal(world.files.history(NAME).length, MAX_HISTORY_COUNT)
})

t.test('lists names in order, configured or not', async (t) => {
  const names = ['b', 'a/x', 'c'].map(parseFileName)
  const world = await createWorld(names.map((name) => policy({ name })))
  t.teardown(() => world.stop())
  await world.put({ name: 'b' })
  t.same(world.files.names(), ['a/x', 'b', 'c'])
  t.same(
    [...world.files.list()].map(({ name, state }) => [name, state]),
    [
      ['a/x', 'none'],
      ['b', 'shown'],
      ['c', 'none'],
    ],
  )
  t.match(world.files.counts(), { shown: 1, none: 2 })
  t.same(world.files.history(names[2] ?? NAME), [])
})

t.test('tells listeners of a change of rules about names it knows nothing of', async (t) => {
  const world = await createWorld([policy()])
  t.teardown(() => world.stop())
  const changes: string[] = []
  world.files.events.on('change', ({ name }) => changes.push(name))
  await world.files.reload([policy({ name: parseFileName('new') })])
  t.same(changes, [NAME, 'new'])
  await world.files.reload([policy({ name: parseFileName('new') })])
  t.equal(changes.length, 2)
})

t.test('does not let a listener spoil what it listens to', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  world.files.events.on('record', () => {
    throw new Error('mine')
  })
  t.equal(short(await world.put()), 'stored')
})
