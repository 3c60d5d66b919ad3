/** What a policy says beyond who signs, through the whole of files. */
import fc from 'fast-check'
import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { privateKeyFromSeed, signCertificate } from '../../src/keys/index.ts'
import { createSignedStatement, parseFileName, parsePattern } from '../../src/statement/index.ts'
import {
  createWorld,
  fromPeer,
  HOUR_MS,
  keys,
  NAME,
  network,
  policy,
  short,
  sign,
  source,
  START_MS,
  textOf,
  upload,
} from './world.ts'
import type { LocalFiles } from '../../src/disk/index.ts'
import type { FilePolicy } from '../../src/files/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Draft, World } from './world.ts'

const all = [keys.anna.publicKey, keys.bert.publicKey, keys.cleo.publicKey]
const twoOfThree = policy({ signers: all, threshold: 2 })

const warnings = (world: World): string[] => world.health.list().map(({ code }) => code)
const offer = async (world: World, draft: Draft, from = upload) => {
  const content = draft.text === null ? undefined : source(textOf(draft))
  return short(await world.files.accept(await sign(draft), content, from))
}

t.test('refuses what has too few signatures, and says how many are missing', async (t) => {
  const world = await createWorld([twoOfThree])
  t.teardown(() => world.stop())
  for (const from of [upload, fromPeer]) {
    t.equal(await offer(world, { by: ['anna', 'eve'] }, from), 'ERR_FILE_THRESHOLD')
  }
  t.match(await world.put({ by: ['anna'] }), {
    error: { data: { signatures: 1, missing: 1, threshold: 2 }, message: /mesh file sign/ },
  })
  const deletion = await world.put({ text: null, by: ['anna'] })
  t.match(deletion, { error: { message: /mesh file delete etc\/motd --statement NAME\.stmt/ } })
  t.equal(await offer(world, { by: ['anna', 'cleo'] }), 'stored')
  t.equal(await offer(world, { by: ['bert', 'cleo'] }), 'stored', 'one signature more')
  t.equal(world.files.view(NAME)?.winner?.signed.signatures.length, 3)
  t.equal([...world.files.index()].length, 1)
  await world.restart()
  t.equal(world.files.view(NAME)?.winner?.signed.signatures.length, 3)
})

t.test('takes a raised threshold back without loss', async (t) => {
  const world = await createWorld([policy({ signers: all })])
  t.teardown(() => world.stop())
  await world.put({ version: 1, by: ['anna', 'bert'] })
  await world.put({ version: 2, by: ['cleo'] })
  await world.files.reload([twoOfThree])
  t.equal(world.files.view(NAME)?.winner?.signed.statement.version, 1)
  t.equal(await world.shown(), `${NAME} 1`)
  t.same(warnings(world), ['file-fell-back'])
  await world.files.reload([policy({ signers: all })])
  t.equal(await world.shown(), `${NAME} 2`)
  t.same(warnings(world), [])
})

t.test('lets only delete signers delete and change the expiry', async (t) => {
  const signers = [keys.anna.publicKey]
  const world = await createWorld([policy({ signers, deleteSigners: [keys.bert.publicKey] })])
  t.teardown(() => world.stop())
  await world.put()
  const refused = 'ERR_FILE_SIGNER_NOT_ALLOWED'
  t.equal(await offer(world, { version: 2, text: null }), refused)
  t.equal(await offer(world, { version: 2, text: null }, fromPeer), refused)
  t.equal(await offer(world, { version: 2, expires: START_MS + HOUR_MS }), refused)
  t.equal(await offer(world, { version: 2, by: ['bert'] }), refused)
  const both = { version: 2, expires: START_MS + HOUR_MS, by: ['anna', 'bert'] } as const
  t.equal(await offer(world, both), 'stored')
  t.equal(await offer(world, { version: 3 }), refused, 'never is another one now')
  t.equal(await offer(world, { version: 3, expires: START_MS + HOUR_MS }), 'stored')
  t.equal(await offer(world, { version: 4 }, fromPeer), 'stored', 'kept from peers, and counts not')
  t.equal(world.files.view(NAME)?.winner?.signed.statement.version, 3)
  t.equal(await offer(world, { version: 5, text: null, by: ['bert'] }), 'stored')
  t.equal(world.files.view(NAME)?.state, 'deleted')
  t.equal(await offer(world, { version: 6 }), 'stored', 'signers may publish over it')
})

t.test('keeps content of the last versions, and of none that is older', async (t) => {
  const world = await createWorld([policy({ history: 3 })])
  t.teardown(() => world.stop())
  for (let version = 1; version <= 6; version++) await world.put({ version })
  t.equal((await world.disk.list('content')).length, 2)
  const opened = async (version: number): Promise<string | undefined> => {
    const id = world.files.history(NAME).find((each) => each.signed.statement.version === version)
    const file = id === undefined ? undefined : await world.files.openVersion(NAME, id.signed.id)
    if (file === undefined) return undefined
    const chunks: Uint8Array[] = []
    for await (const chunk of file.stream()) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }
  t.equal(await opened(6), `${NAME} 6`)
  t.equal(await opened(4), `${NAME} 4`)
  t.equal(await opened(3), undefined)
  await world.files.reload([policy({ history: 1 })])
  t.same(await world.disk.list('content'), [])
  t.equal(await opened(4), undefined)
})

t.test('a tombstone purges older content, at once or later', async (t) => {
  for (const purgeAfterMs of [0, HOUR_MS]) {
    const world = await createWorld([policy({ purgeAfterMs })])
    await world.put({ version: 1 })
    await world.put({ version: 2 })
    await world.put({ version: 3, text: null })
    t.equal((await world.disk.list('content')).length, purgeAfterMs === 0 ? 0 : 2)
    await world.restart()
    await world.clock.advance(HOUR_MS + 60_000)
    t.same(await world.disk.list('content'), [])
    await world.stop()
  }
})

t.test('content of a withdrawn name goes after a day, not before', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  await world.put({ version: 1 })
  await world.put({ version: 2 })
  await world.files.reload([])
  await world.clock.advance(23 * HOUR_MS)
  t.equal((await world.disk.list('content')).length, 2)
  await world.restart([])
  await world.clock.advance(HOUR_MS + 60_000)
  t.same(await world.disk.list('content'), [])
  await world.files.reload([policy()])
  t.equal(world.files.view(NAME)?.state, 'missing', 'the statement is kept for ever')
})

t.test('neither shows nor takes what is below the lowest version', async (t) => {
  const world = await createWorld([policy({ minVersion: 5 })])
  t.teardown(() => world.stop())
  t.equal(await offer(world, { version: 4 }), 'ERR_FILE_BELOW_MINIMUM')
  t.equal(await offer(world, { version: 4 }, fromPeer), 'stored', 'kept and passed on')
  t.equal(world.files.view(NAME)?.state, 'too-old')
  t.equal(await world.shown(), undefined)
  t.equal(await offer(world, { version: 5 }), 'stored')
  t.equal(await world.shown(), `${NAME} 5`)
  await world.files.reload([policy({ minVersion: 6 })])
  t.equal(world.files.view(NAME)?.state, 'too-old')
  t.equal(await world.shown(), undefined)
  t.equal(await offer(world, { version: 1_000_000 }), 'ERR_FILE_VERSION_JUMP')
  await world.files.reload([policy({ minVersion: 1_000_000 })])
  t.equal(await offer(world, { version: 1_000_000 }), 'stored', 'the jump is counted from there')
})

const local = (text: string | undefined): LocalFiles => ({
  async *read(path) {
    if (text === undefined) throw new MeshError('ERR_INPUT_UNREADABLE', `${path} is gone`)
    yield Buffer.from(text)
  },
})

t.test('shows the fallback until the first delivery, and never again', async (t) => {
  const withFallback = policy({ fallbackPath: '/default/motd' })
  const world = await createWorld([withFallback], { local: local('default') })
  t.teardown(() => world.stop())
  t.equal(await world.shown(), 'default')
  t.match(world.files.view(NAME), { state: 'none', fallbackShown: true })
  t.equal(await world.files.open(NAME), undefined, 'it is nobody’s signed word')
  t.same(world.files.counts().none, 1)
  await world.restart()
  t.equal(await world.shown(), 'default')
  t.same(warnings(world), [])
  await world.files.accept(await sign(), undefined, fromPeer)
  t.match(world.files.view(NAME), { state: 'missing', fallbackShown: true })
  t.equal(await world.shown(), 'default')
  await world.put()
  t.equal(await world.shown(), `${NAME} 1`)
  t.equal(world.files.view(NAME)?.fallbackShown, undefined)
  await world.put({ version: 2, text: null })
  t.equal(await world.shown(), undefined)
  await world.restart()
  t.equal(await world.shown(), undefined)
})

t.test('a fallback comes and goes with the configuration', async (t) => {
  const withFallback = policy({ fallbackPath: '/default/motd' })
  const world = await createWorld([policy()], { local: local('default') })
  t.teardown(() => world.stop())
  t.equal(await world.shown(), undefined)
  await world.files.reload([withFallback])
  t.equal(await world.shown(), 'default')
  await world.files.reload([policy()])
  t.equal(await world.shown(), undefined)
  await world.files.reload([withFallback])
  await world.files.reload([])
  t.equal(await world.shown(), undefined)
})

t.test('says so when the fallback cannot be used', async (t) => {
  const withFallback = policy({ fallbackPath: '/default/motd' })
  for (const text of [undefined, 'x'.repeat(2000)]) {
    const world = await createWorld([withFallback], { local: local(text) })
    t.equal(await world.shown(), undefined)
    t.same(warnings(world), ['fallback-unusable'])
    await world.put()
    t.same(warnings(world), [])
    await world.stop()
  }
})

t.test('a fallback that was being written when the daemon died does no harm', async (t) => {
  const withFallback = policy({ fallbackPath: '/default/motd' })
  for (let index = 1; index < 60; index++) {
    const world = await createWorld([policy()], { local: local('default') })
    let calls = 0
    world.disk.fault = ({ kind }) => (kind !== 'read' && ++calls >= index ? 'EIO' : undefined)
    await world.files.reload([withFallback]).catch(() => {})
    await world.crash('all', [withFallback])
    t.equal(await world.shown(), 'default')
    t.same(warnings(world), [])
    await world.stop()
    if (calls < index) break
  }
})

t.test('a fallback of which the store knows nothing any more is no stray', async (t) => {
  const withFallback = policy({ fallbackPath: '/default/motd' })
  const world = await createWorld([withFallback], { local: local('default') })
  const { disk } = world
  const startAnew = async (text: string): Promise<World> => {
    const anew = await createWorld([withFallback], { disk, local: local(text) })
    t.equal(await anew.shown(), text)
    return anew
  }
  await world.stop()
  const same = await startAnew('default')
  t.same(warnings(same), [])
  t.same(await disk.list('quarantine'), [])
  await same.put()
  t.equal(await same.shown(), `${NAME} 1`, 'and a delivery takes its place')
  await same.put({ version: 2, text: 'default' })
  await same.stop()

  const signed = await startAnew('default')
  t.match(
    signed.files.view(NAME),
    { state: 'shown' },
    'what is signed is not taken for the fallback',
  )
  await signed.stop()
})

t.test('what is not the fallback of now is moved away where the store knows nothing', async (t) => {
  const withFallback = policy({ fallbackPath: '/default/motd' })
  const world = await createWorld([withFallback], { local: local('default') })
  await world.stop()
  const anew = await createWorld([withFallback], { disk: world.disk, local: local('changed') })
  t.teardown(() => anew.stop())
  t.equal(await anew.shown(), 'changed')
  t.equal((await world.disk.list('quarantine')).length, 1)
})

const CERTS = parsePattern('certs/*')
const pattern = (changes: Partial<FilePolicy> = {}): FilePolicy =>
  policy({ name: CERTS, ...changes })
const cert = (index: number | string) => parseFileName(`certs/${index}`)
const known = (world: World): string[] => world.files.names().map((name) => name.slice(6))

t.test('takes any name that matches a pattern, and no other', async (t) => {
  const exact = policy({ name: cert('mine'), signers: [keys.cleo.publicKey] })
  const world = await createWorld([pattern(), exact])
  t.teardown(() => world.stop())
  t.equal(await offer(world, { name: cert('a') }), 'stored')
  t.equal(await world.shown('files/certs/a'), 'certs/a 1')
  t.equal(await offer(world, { name: 'certs/a/b' }), 'ERR_FILE_NOT_CONFIGURED')
  t.equal(await offer(world, { name: cert('mine') }), 'ERR_FILE_SIGNER_NOT_ALLOWED')
  t.same(world.files.names(), ['certs/a', 'certs/mine'])
  t.same(world.files.selectors(), ['certs/*', 'certs/mine'])
  t.match(world.files.counts(), { shown: 1, none: 1 })
  t.ok(world.files.wants(cert('zzz')))
  await world.restart()
  t.same(world.files.names(), ['certs/a', 'certs/mine'])
  await world.files.reload([exact])
  t.same(world.files.names(), ['certs/mine'])
  t.equal(await world.shown('files/certs/a'), undefined)
  await world.files.reload([pattern(), exact])
  t.equal(await world.shown('files/certs/a'), 'certs/a 1')
})

t.test('one signer cannot use up the names of another', async (t) => {
  const world = await createWorld([pattern({ maxFiles: 2 })])
  t.teardown(() => world.stop())
  for (const index of [5, 6]) t.equal(await offer(world, { name: cert(index) }), 'stored')
  t.equal(
    await offer(world, { name: cert(1) }),
    'ERR_FILE_TOO_MANY',
    'for an upload there is no room',
  )
  t.equal(await offer(world, { name: cert(7) }, fromPeer), 'ERR_FILE_TOO_MANY')
  t.equal(await offer(world, { name: cert(6), version: 2 }), 'stored', 'but for new versions')
  t.equal(await offer(world, { name: cert(8), by: ['bert'] }), 'stored')
  t.same(known(world), ['5', '6', '8'])
  t.equal(await offer(world, { name: cert(1) }, fromPeer), 'stored', 'what sorts first stays')
  await world.files.reload([pattern({ maxFiles: 2 })])
  t.same(known(world), ['1', '5', '8'])
  t.equal(await world.shown('files/certs/6'), undefined)
  t.equal(world.files.history(cert(6)).length, 0)
  await world.restart([pattern({ maxFiles: 1 })])
  t.same(known(world), ['1', '8'])
})

t.test(
  'of names without end that a signer has under a pattern no more stay than may',
  async (t) => {
    const count = process.env.MESH_TEST_TIER === 'soak' ? 20_000 : 200
    const world = await createWorld([pattern({ maxFiles: 10 })])
    t.teardown(() => world.stop())
    // Downwards: each drives out another.
    for (let index = count; index > 0; index--) {
      const name = parseFileName(`certs/${String(index).padStart(8, '0')}`)
      t.equal(await offer(world, { name }, fromPeer), 'stored')
    }
    // Evictions go on behind; a restart ends them.
    await world.restart()
    const kept = Array.from({ length: 10 }, (_, index) => String(index + 1).padStart(8, '0'))
    t.same(known(world), kept)
    t.same([...world.files.index()].length, 10)
  },
)

t.test('nodes agree on what a full pattern keeps, whatever comes first', async () => {
  const drafts = fc.array(
    fc.record({
      name: fc.integer({ min: 0, max: 7 }).map((index) => cert(index) as string),
      version: fc.integer({ min: 1, max: 2 }),
      by: fc.constantFrom(['anna'] as const, ['bert'] as const, ['anna', 'bert'] as const),
    }),
    { minLength: 1, maxLength: 12 },
  )
  const settle = async (given: readonly SignedStatement[]): Promise<string> => {
    const world = await createWorld([pattern({ maxFiles: 3 })])
    for (const signed of given) await world.files.accept(signed, undefined, fromPeer)
    // Evictions go on behind; a restart ends them.
    await world.restart()
    const result = JSON.stringify([world.files.digest(), known(world)])
    await world.stop()
    return result
  }
  await fc.assert(
    fc.asyncProperty(
      drafts.chain((given) =>
        fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length })),
      ),
      async ([given, shuffled]) => {
        const one = await Promise.all(given.map((each) => sign(each)))
        const other = await Promise.all(shuffled.map((each) => sign(each)))
        return (await settle(one)) === (await settle(other))
      },
    ),
    { numRuns: 40 },
  )
})

const networkKey = privateKeyFromSeed(new Uint8Array(32).fill(77))
const otherNetworkKey = privateKeyFromSeed(new Uint8Array(32).fill(78))
const SELF = policy({
  name: parsePattern('health/*'),
  signers: [],
  self: { network, networkKeys: [networkKey.publicKey] },
})
const OWN = parseFileName(`health/${keys.anna.publicKey}`)

const certificateOf = (changes: {
  key?: typeof keys.anna
  by?: typeof networkKey
  namespaces?: readonly string[]
  network?: string
  issued?: number
  expires?: number
}): Promise<string> =>
  signCertificate(changes.by ?? networkKey, {
    network: changes.network ?? network,
    name: 'node',
    key: (changes.key ?? keys.anna).publicKey,
    issued: (changes.issued ?? START_MS - 1000) as Timestamp,
    expires: (changes.expires ?? START_MS + 24 * HOUR_MS) as Timestamp,
    namespaces: changes.namespaces ?? ['health'],
  })

const withCertificate = async (draft: Draft, certificate: string): Promise<SignedStatement> => {
  const { text, signatures } = await sign({ name: OWN, ...draft })
  return createSignedStatement(text, signatures, certificate)
}

t.test(
  'lets a node write its own name in a namespace of its certificate, and no other',
  async (t) => {
    const world = await createWorld([SELF])
    t.teardown(() => world.stop())
    const put = async (signed: SignedStatement): Promise<string> =>
      short(await world.files.accept(signed, source(textOf(signed.statement)), upload))
    t.equal(await offer(world, { name: OWN }), 'ERR_FILE_CERTIFICATE')
    const bad = [
      { namespaces: [] },
      { namespaces: ['other'] },
      { key: keys.bert },
      { network: 'another' },
      { by: otherNetworkKey },
    ]
    for (const each of bad) {
      const signed = await withCertificate({}, await certificateOf(each))
      t.equal(await put(signed), 'ERR_FILE_CERTIFICATE', JSON.stringify(Object.keys(each)))
    }
    const good = await certificateOf({})
    t.equal(await put(await withCertificate({ by: ['bert'] }, good)), 'ERR_FILE_SIGNER_NOT_ALLOWED')
    t.equal(await offer(world, { name: 'health/me' }), 'ERR_FILE_NOT_CONFIGURED')
    const forged = good.replace('name node', 'name evil')
    t.equal(await put(await withCertificate({}, forged)), 'ERR_SIGNATURE_INVALID')
    t.equal(await put(await withCertificate({}, good)), 'stored')
    t.equal(await world.shown(`files/${OWN}`), `${OWN} 1`)
    t.equal(world.files.view(OWN)?.winner?.signed.certificate?.text, good)
    await world.restart()
    t.equal(await world.shown(`files/${OWN}`), `${OWN} 1`)
  },
)

t.test('the end of a certificate hides the file, and a renewed one shows it again', async (t) => {
  const world = await createWorld([SELF])
  t.teardown(() => world.stop())
  const first = await certificateOf({})
  const signed = await withCertificate({}, first)
  await world.files.accept(signed, source(`${OWN} 1`), upload)
  const id = world.files.view(OWN)?.winner?.id
  await world.clock.advance(24 * HOUR_MS + 60_000)
  t.equal(world.files.view(OWN)?.state, 'expired')
  t.equal(world.files.view(OWN)?.winner?.id, id, 'and changes nothing about who wins')
  const renewed = await withCertificate(
    {},
    await certificateOf({ expires: START_MS + 90 * HOUR_MS }),
  )
  t.equal(short(await world.files.accept(renewed, undefined, fromPeer)), 'stored')
  t.equal(await world.shown(`files/${OWN}`), `${OWN} 1`, 'without a new version')
  t.not(world.files.view(OWN)?.winner?.id, id, 'it is a new record, and is passed on')
  t.equal(short(await world.files.accept(signed, undefined, fromPeer)), 'known')
  t.equal([...world.files.index()].length, 1)
})

t.test('a namespace follows the network keys of now', async (t) => {
  const world = await createWorld([SELF])
  t.teardown(() => world.stop())
  await world.files.accept(
    await withCertificate({}, await certificateOf({})),
    source(`${OWN} 1`),
    upload,
  )
  const digest = world.files.digest()
  await world.files.reload([
    { ...SELF, self: { network, networkKeys: [otherNetworkKey.publicKey] } },
  ])
  t.equal(await world.shown(`files/${OWN}`), undefined)
  const anew = await certificateOf({ by: otherNetworkKey, expires: START_MS + HOUR_MS })
  const again = await withCertificate({}, anew)
  t.equal(short(await world.files.accept(again, undefined, fromPeer)), 'stored')
  t.equal(await world.shown(`files/${OWN}`), `${OWN} 1`)
  await world.files.reload([SELF])
  t.equal(world.files.digest(), digest)
})

const revoking = (certificates: 'all' | number): FilePolicy => ({
  ...SELF,
  self: {
    network,
    networkKeys: [networkKey.publicKey],
    revoked: new Map([[keys.anna.publicKey, certificates]]),
  },
})

t.test('a revoked node publishes nothing any more, and what it published is hidden', async (t) => {
  const world = await createWorld([SELF])
  t.teardown(() => world.stop())
  const certificate = await certificateOf({})
  const bertCertificate = await certificateOf({ key: keys.bert })
  const ofBert = parseFileName(`health/${keys.bert.publicKey}`)
  const put = async (draft: Draft, text: string, from = upload): Promise<string> => {
    const signed = await withCertificate(draft, text)
    return short(await world.files.accept(signed, source(textOf(signed.statement)), from))
  }
  t.equal(await put({ name: ofBert, by: ['bert'] }, bertCertificate), 'stored')
  const without = world.files.digest()
  t.equal(await put({}, certificate), 'stored')
  const digest = world.files.digest()
  const changed: string[] = []
  world.files.events.on('change', ({ name }) => changed.push(name))

  await world.files.reload([revoking('all')])
  t.same(changed, [OWN], 'names of others are left alone')
  t.equal(await world.shown(`files/${OWN}`), undefined)
  t.equal(await world.shown(`files/${ofBert}`), `${ofBert} 1`)
  t.equal(world.files.view(OWN)?.state, 'none')
  t.equal(await world.files.open(OWN), undefined)
  t.equal(world.files.digest(), without, 'it is not told to peers')
  t.match(world.files.explain(OWN).setAside, [{ version: 1, why: 'revoked' }])
  t.same(warnings(world), [], 'it is what was asked for')
  for (const from of [upload, fromPeer]) {
    t.equal(await put({ version: 2 }, certificate, from), 'ERR_CERTIFICATE_REVOKED')
  }
  const renewed = await certificateOf({ issued: START_MS + HOUR_MS })
  t.equal(await put({ version: 2 }, renewed, fromPeer), 'ERR_CERTIFICATE_REVOKED')
  t.equal(await put({ name: ofBert, by: ['bert'], version: 2 }, bertCertificate), 'stored')

  await world.restart([revoking('all')])
  t.equal(await world.shown(`files/${OWN}`), undefined)
  t.equal(world.files.view(OWN)?.winner, undefined)
  await world.restart([SELF])
  t.equal(await world.shown(`files/${OWN}`), `${OWN} 1`, 'it returns with the right')
  t.equal(world.files.view(OWN)?.winner?.signed.statement.version, 1)
  t.not(world.files.digest(), digest, 'as the other has a second version')
})

t.test('a certificate issued after the revoked ones counts, whatever came first', async (t) => {
  // The renewed one ends before the revoked one does.
  const old = await withCertificate({}, await certificateOf({ expires: START_MS + 90 * HOUR_MS }))
  const renewed = await withCertificate({}, await certificateOf({ issued: START_MS }))
  const revoked = revoking(START_MS)
  const steps: Record<string, (world: World) => Promise<unknown>> = {
    old: ({ files }) => files.accept(old, source(`${OWN} 1`), fromPeer),
    renewed: ({ files }) => files.accept(renewed, source(`${OWN} 1`), fromPeer),
    revoked: ({ files }) => files.reload([revoked]),
  }
  const orders = [
    ['revoked', 'old', 'renewed'],
    ['revoked', 'renewed', 'old'],
    ['old', 'renewed', 'revoked'],
    ['renewed', 'old', 'revoked'],
    ['old', 'revoked', 'renewed'],
    ['renewed', 'revoked', 'old'],
  ]
  const digests = new Set<string>()
  for (const order of orders) {
    const world = await createWorld([SELF])
    t.teardown(() => world.stop())
    for (const step of order) await steps[step]?.(world)
    t.equal(await world.shown(`files/${OWN}`), `${OWN} 1`, order.join(', '))
    t.equal(world.files.view(OWN)?.winner?.signed.certificate?.text, renewed.certificate?.text)
    digests.add(world.files.digest())
  }
  t.equal(digests.size, 1)
})

t.test('drops a certificate where none is asked for', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const { text, signatures } = await sign()
  const signed = createSignedStatement(text, signatures, await certificateOf({}))
  t.equal(short(await world.files.accept(signed, source(textOf({})), upload)), 'stored')
  t.equal(world.files.view(NAME)?.winner?.signed.certificate, undefined)
})
