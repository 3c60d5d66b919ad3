import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createSignedStatement, encodeStatement, parseFileName } from '../../src/statement/index.ts'
import { parseNetworkId } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { createWorld, fromPeer, HOUR_MS, keys, NAME, policy, short, sign, source } from './world.ts'
import { START_MS, upload } from './world.ts'
import type { Test } from 'tap'
import type { FileRecord, Origin } from '../../src/files/index.ts'
import type { SignedStatement, Statement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Draft, World } from './world.ts'

/** Content that fails the test when it is read. */
const unread = (t: Test) =>
  (async function* () {
    t.fail('content was read before everything else was judged')
    yield Buffer.alloc(0)
  })()

/** Asserts that an arrival is refused and leaves no trace. */
const refuses = async (
  t: Test,
  world: World,
  code: string,
  signed: SignedStatement,
  from: Origin = upload,
): Promise<void> => {
  const before = await world.everything()
  const view = world.files.view(NAME)
  const verdict = await world.files.accept(signed, unread(t), from)
  t.equal(short(verdict), code)
  t.match(verdict, { error: { message: new RegExp(`^${signed.statement.name} version`) } })
  t.same(await world.everything(), before, 'nothing was stored')
  t.same(world.files.view(NAME), view)
}

t.test('refuses from anybody what is for others, or signed by nobody who may', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 3 })
  const good = await sign({ version: 4, by: ['anna', 'bert'] })
  const flip = (index: number): SignedStatement => ({
    ...good,
    signatures: good.signatures.map((entry, at) =>
      at === index ? { ...entry, signature: Buffer.from(entry.signature).fill(1, 0, 1) } : entry,
    ),
  })
  const other = await sign({ version: 5 })
  for (const from of [upload, fromPeer]) {
    const network = parseNetworkId('another')
    await refuses(t, world, 'ERR_FILE_NETWORK_MISMATCH', await sign({ version: 4, network }), from)
    await refuses(t, world, 'ERR_FILE_NOT_CONFIGURED', await sign({ name: 'other' }), from)
    await refuses(
      t,
      world,
      'ERR_FILE_SIGNER_NOT_ALLOWED',
      await sign({ version: 4, by: ['eve', 'cleo'] }),
      from,
    )
    await refuses(t, world, 'ERR_SIGNATURE_INVALID', flip(0), from)
    await refuses(t, world, 'ERR_SIGNATURE_INVALID', flip(1), from)
    const borrowed = { ...good, signatures: other.signatures }
    await refuses(t, world, 'ERR_SIGNATURE_INVALID', borrowed, from)
  }
})

t.test('refuses a bad signature on a statement that is kept already', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ by: ['anna', 'bert'] })
  const good = await sign({ by: ['anna', 'bert'] })
  const [first, second] = good.signatures
  const bad = { ...first, signature: new Uint8Array(64) } as typeof first
  await refuses(
    t,
    world,
    'ERR_SIGNATURE_INVALID',
    { ...good, signatures: [bad, second] as typeof good.signatures },
    fromPeer,
  )
})

const uploads: readonly [string, string, Draft][] = [
  ['an older version', 'ERR_FILE_NOT_NEWER', { version: 9 }],
  [
    'an older version, however new its time',
    'ERR_FILE_NOT_NEWER',
    { version: 9, time: START_MS + 1 },
  ],
  ['another statement of the same version', 'ERR_FILE_NOT_NEWER', { version: 10, text: 'x' }],
  [
    'another statement of the same version and later',
    'ERR_FILE_NOT_NEWER',
    { version: 10, text: 'x', time: START_MS + 1000 },
  ],
  ['an older tombstone', 'ERR_FILE_NOT_NEWER', { version: 9, text: null }],
  ['a time far ahead', 'ERR_FILE_TIME_AHEAD', { version: 11, time: START_MS + 5 * 60_000 + 1 }],
  ['a jump of versions', 'ERR_FILE_VERSION_JUMP', { version: 1011 }],
  ['what has expired', 'ERR_FILE_EXPIRED', { version: 11, expires: START_MS }],
  ['content above the limit', 'ERR_FILE_TOO_LARGE', { version: 11, text: 'x'.repeat(1001) }],
]

for (const [what, code, draft] of uploads) {
  t.test(`refuses an upload of ${what}`, async (t) => {
    const world = await createWorld()
    t.teardown(() => world.stop())
    await world.put({ version: 10 })
    await refuses(t, world, code, await sign(draft))
  })
}

t.test('says which setting allows larger content', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const refused = await world.put({ version: 1, text: 'x'.repeat(1001) })
  t.match(refused, { error: { code: 'ERR_FILE_TOO_LARGE', message: /max_size .* \[files\]/ } })
})

t.test('takes uploads at the very edge of each limit', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const edge: Draft[] = [
    { version: 1000, time: START_MS + 5 * 60_000 },
    { version: 2000, expires: START_MS + 1 },
    { version: 2001, text: 'x'.repeat(1000) },
    { version: 2002, text: '' },
    { version: 2003, text: null },
    { version: 2004 },
  ]
  for (const draft of edge) t.equal(short(await world.put(draft)), 'stored')
})

t.test('says with a refusal which version is current', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 10 })
  const current = world.files.view(NAME)?.winner?.signed.id
  for (const draft of [{ version: 9 }, { version: 5000 }]) {
    t.match(await world.put(draft), { error: { data: { currentVersion: 10, currentId: current } } })
  }
  t.match(await createWorld().then(async (fresh) => fresh.put({ version: 5000 })), {
    error: { code: 'ERR_FILE_VERSION_JUMP', data: { currentVersion: 0, currentId: null } },
  })
})

t.test(
  'takes a jump of versions with force, up to the last number, where time decides',
  async (t) => {
    const world = await createWorld()
    t.teardown(() => world.stop())
    const force = { kind: 'upload', force: true } as const
    const version = Number.MAX_SAFE_INTEGER
    t.equal(short(await world.put({ version }, force)), 'stored')
    t.equal(
      short(await world.put({ version, time: START_MS - 1, text: 'x' }, force)),
      'ERR_FILE_NOT_NEWER',
    )
    t.equal(short(await world.put({ version, time: START_MS + 1, text: 'y' })), 'stored')
    t.equal(await world.shown(), 'y')
  },
)

t.test('lets nothing but the order of statements decide between peers', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1 })
  const cases: readonly [Draft, string][] = [
    [{ version: 5000, time: START_MS + 50 * HOUR_MS }, 'stored'],
    [{ version: 5001, expires: START_MS - 1 }, 'stored'],
    [{ version: 5002, text: 'x'.repeat(5000) }, 'stored'],
    [{ version: 5001, by: ['bert'] }, 'stored'],
    [{ version: 4000 }, 'known'],
  ]
  for (const [draft, outcome] of cases) {
    t.equal(short(await world.files.accept(await sign(draft), undefined, fromPeer)), outcome)
  }
  t.match(world.files.view(NAME), {
    state: 'too-large',
    winner: { signed: { statement: { version: 5002 } } },
  })
  t.equal([...world.files.index()].length, 2)
})

t.test('keeps only signatures that count', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const verdict = await world.put({ by: ['eve', 'anna', 'cleo'] })
  t.equal(short(verdict), 'stored')
  const signers = world.files.view(NAME)?.winner?.signed.signatures.map(({ key }) => key)
  t.same(signers, [keys.anna.publicKey])
  t.equal(short(await world.put({ by: ['anna'] })), 'known')
  t.notMatch(JSON.stringify(await world.everything()), keys.eve.publicKey)
})

t.test('merges a further signature into the statement, under a new id', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const records: unknown[] = []
  world.files.events.on('record', (event) => records.push(event.record.id))
  await world.put({ by: ['anna'] })
  const first = world.files.view(NAME)?.winner
  const digest = world.files.digest()
  const verdict = await world.files.accept(await sign({ by: ['bert'] }), undefined, fromPeer)
  t.match(verdict, { outcome: 'stored', wins: true, contentMissing: false })
  const second = world.files.view(NAME)?.winner
  t.equal(second?.signed.id, first?.signed.id)
  t.not(second?.id, first?.id)
  t.not(world.files.digest(), digest)
  t.same(records, [first?.id, second?.id])
  t.same(
    [...world.files.index()].map(({ id }) => id),
    [second?.id],
  )
  t.equal(world.files.record(first?.id ?? sha256('')), undefined)
  t.equal(await world.shown(), `${NAME} 1`)
  t.equal((await world.shown(`statements/${NAME}`))?.match(/BEGIN SSH/g)?.length, 2)
  t.equal(short(await world.put({ by: ['anna', 'bert'] })), 'known')
})

t.test('wants an upload to bring its content, right to the last byte', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const signed = await sign({ text: 'hello' })
  const before = await world.everything()
  const bodies: readonly (undefined | (string | Uint8Array)[])[] = [
    undefined,
    [],
    ['hell'],
    ['hello!'],
    ['hello', '!'],
    ['HELLO'],
    [new Uint8Array(5)],
  ]
  for (const body of bodies) {
    const content = body === undefined ? undefined : source(...body)
    const verdict = await world.files.accept(signed, content, upload)
    t.equal(short(verdict), 'ERR_FILE_CONTENT_MISMATCH')
    t.same(await world.everything(), before)
  }
  t.equal(short(await world.files.accept(signed, source('he', '', 'llo'), upload)), 'stored')
})

t.test('answers to what it holds exactly without reading the content', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ text: 'hello' })
  const verdict = await world.files.accept(await sign({ text: 'hello' }), unread(t), upload)
  t.equal(short(verdict), 'known')
})

t.test('takes the content of what it holds by its statement only', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const signed = await sign({ text: 'hello' })
  await world.files.accept(signed, undefined, fromPeer)
  const wrong = await world.files.accept(signed, source('hallo'), upload)
  t.equal(short(wrong), 'ERR_FILE_CONTENT_MISMATCH')
  t.equal(world.files.view(NAME)?.state, 'missing')
  t.equal(short(await world.files.accept(signed, source('hello'), upload)), 'stored')
  t.equal(await world.shown(), 'hello')
})

t.test(
  'uses content that is here for a new statement from a peer, and checks an upload anyway',
  async (t) => {
    const world = await createWorld()
    t.teardown(() => world.stop())
    await world.put({ version: 1, text: 'same' })
    const again = await world.files.accept(
      await sign({ version: 2, text: 'same' }),
      undefined,
      fromPeer,
    )
    t.match(again, { outcome: 'stored', contentMissing: false })
    const third = await sign({ version: 3, text: 'same' })
    t.equal(
      short(await world.files.accept(third, source('other'), upload)),
      'ERR_FILE_CONTENT_MISMATCH',
    )
    t.equal(short(await world.files.accept(third, source('same'), upload)), 'stored')
    t.equal(await world.shown(), 'same')
    t.same(await world.disk.list('content'), [])
  },
)

t.test('does not read the content of what loses', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 5, by: ['anna'] })
  const loser = await sign({ version: 4, by: ['bert'] })
  t.match(await world.files.accept(loser, unread(t), fromPeer), { outcome: 'stored', wins: false })
  const expired = await sign({ version: 6, expires: START_MS - 1 })
  t.match(await world.files.accept(expired, unread(t), fromPeer), {
    outcome: 'stored',
    wins: true,
    contentMissing: false,
  })
})

t.test('judges again after a slow upload', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const slow = await sign({ version: 2, text: 'slow' })
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let reading = (): void => {}
  const begun = new Promise<void>((resolve) => {
    reading = resolve
  })
  const content = (async function* () {
    yield Buffer.from('sl')
    reading()
    await held
    yield Buffer.from('ow')
  })()
  const pending = world.files.accept(slow, content, upload)
  await begun
  t.equal(short(await world.put({ version: 3, text: 'fast' })), 'stored', 'others are not held up')
  release()
  t.equal(short(await pending), 'ERR_FILE_NOT_NEWER')
  t.equal(await world.shown(), 'fast')
  t.same(await world.disk.list('content'), [])
  t.same(await world.disk.list('tmp'), [])
})

t.test('judges a slow upload by the policy of its end', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const content = (async function* () {
    yield Buffer.from('he')
    await world.files.reload([policy({ signers: [keys.bert.publicKey] })])
    yield Buffer.from('llo')
  })()
  const signed = await sign({ text: 'hello' })
  t.equal(short(await world.files.accept(signed, content, upload)), 'ERR_FILE_SIGNER_NOT_ALLOWED')
  t.equal(await world.shown(), undefined)
  t.same(await world.disk.list('content'), [])
})

t.test('takes the same upload twice at once', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const signed = await sign({ text: 'hello' })
  const both = await Promise.all([
    world.files.accept(signed, source('hel', 'lo'), upload),
    world.files.accept(signed, source('he', 'llo'), upload),
  ])
  t.same(both.map(short).sort(), ['known', 'stored'])
  t.equal(await world.shown(), 'hello')
  t.same(await world.disk.list('tmp'), [])
})

t.test('refuses a statement of which any line was changed after signing', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1 })
  const good = await sign({ version: 2, expires: START_MS + HOUR_MS })
  const { statement } = good
  const { content } = statement
  if (content === 'deleted') throw new Error('it has content')
  const digest = sha256('other')
  const changes: readonly Partial<Statement>[] = [
    { version: 3 },
    { time: (START_MS + 1) as Timestamp },
    { expires: 'never' },
    { expires: (START_MS + 2 * HOUR_MS) as Timestamp },
    { replaces: digest },
    { content: { ...content, digest } },
    { content: { ...content, sizeBytes: content.sizeBytes + 1 } },
    { blocks: digest },
  ]
  for (const change of changes) {
    const text = encodeStatement({ ...statement, ...change })
    const forged = createSignedStatement(text, good.signatures)
    for (const from of [upload, fromPeer]) {
      await refuses(t, world, 'ERR_SIGNATURE_INVALID', forged, from)
    }
  }
  const elsewhere = createSignedStatement(
    encodeStatement({ ...statement, name: parseFileName('etc/other') }),
    good.signatures,
  )
  await world.files.reload([policy(), policy({ name: parseFileName('etc/other') })])
  await refuses(t, world, 'ERR_SIGNATURE_INVALID', elsewhere, fromPeer)
})

t.test('an upload is refused that is meant to replace something else', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const asked: (number | undefined)[] = []
  const expecting = (version: number | undefined) => ({
    kind: 'upload' as const,
    expects: (winner: FileRecord | undefined) => {
      const current = winner?.signed.statement.version
      asked.push(current)
      const message = `${NAME} version ${current} is here`
      return current === version ? undefined : new MeshError('ERR_PRECONDITION_FAILED', message)
    },
  })
  await refuses(t, world, 'ERR_PRECONDITION_FAILED', await sign({ version: 1 }), expecting(1))
  const first = await sign({ version: 1, text: 'one' })
  t.equal(short(await world.files.accept(first, source('one'), expecting(undefined))), 'stored')
  t.same(asked, [undefined, undefined, undefined], 'before the content and after it')
  t.equal(short(await world.files.accept(first, undefined, expecting(7))), 'known')
  t.equal(asked.length, 3, 'what is there already is what was asked for')
  const forged = await sign({ version: 2, by: ['eve'] })
  await refuses(t, world, 'ERR_FILE_SIGNER_NOT_ALLOWED', forged, expecting(7))
  t.equal(asked.length, 3, 'nobody else learns what is here')
  // Another version takes its place while the content of one is read.
  const slow = (async function* () {
    await world.put({ version: 2, text: 'two' })
    yield Buffer.from('three')
  })()
  const third = await sign({ version: 3, text: 'three' })
  t.equal(short(await world.files.accept(third, slow, expecting(1))), 'ERR_PRECONDITION_FAILED')
})
