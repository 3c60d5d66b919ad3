/** What a daemon makes of the network's own files: over files, disk and store in memory. */
import fc from 'fast-check'
import t from 'tap'
import {
  createTrustFiles,
  keptRevocations,
  trustPolicies,
  withRevoked,
} from '../../src/daemon/trust-files.ts'
import { decodeKeptFile, encodeKeptFile } from '../../src/daemon/trust-store.ts'
import { isMeshError, MeshError } from '../../src/errors/index.ts'
import { signCertificate } from '../../src/keys/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { parseNetworkId } from '../../src/statement/index.ts'
import {
  CERTIFICATES_FILE,
  encodeCertificates,
  encodeHeartbeat,
  encodeRevocations,
  HEARTBEAT_FILE,
  REVOKED_FILE,
} from '../../src/trust/index.ts'
import { fromUtf8, utf8 } from '../../src/util/index.ts'
import { edits, mutate } from '../keys/vectors.ts'
import { createWorld, HOUR_MS, keys, network } from '../files/world.ts'
import { policy as policyOf, short, sign, START_MS } from '../files/world.ts'
import type { NodeCertificate, PublicKey } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Draft, World } from '../files/world.ts'

const node = keys.cleo.publicKey
const other = keys.eve.publicKey

const MINUTE_MS = 60_000

const certificate: NodeCertificate = {
  network,
  name: 'node-1',
  key: node,
  issued: START_MS as Timestamp,
  expires: (START_MS + HOUR_MS) as Timestamp,
  namespaces: [],
}

const text = (bytes: Uint8Array): string => fromUtf8(bytes) ?? ''
const revoking = (...of: PublicKey[]): string =>
  text(
    encodeRevocations(
      network,
      of.map((key) => ({ key, certificates: 'all' as const, revokedAt: START_MS as Timestamp })),
    ),
  )

/** A world whose network keys are anna's and bert's, and what reads its trust files. */
const begin = async (given: { signers?: PublicKey[] } = {}) => {
  let signers = given.signers ?? [keys.anna.publicKey, keys.bert.publicKey]
  const world = await createWorld(trustPolicies(signers))
  const changes: number[] = []
  /** Names that cannot be opened, and whether nobody can be told. */
  const broken = { names: new Set<string>(), telling: false }
  const open: World['files']['open'] = async (name, options) => {
    if (broken.names.has(name)) throw new MeshError('ERR_STATE_UNUSABLE', `${name} cannot be read`)
    return world.files.open(name, options)
  }
  const create = () =>
    createTrustFiles(
      {
        ...world,
        files: { ...world.files, open, view: (name) => world.files.view(name) },
        logger: silentLogger,
      },
      {
        network,
        key: node,
        networkKeys: () => signers,
        async onChange() {
          if (broken.telling) throw new MeshError('ERR_DISK_FULL', 'the disk is full')
          changes.push(world.clock.nowMs())
        },
      },
    )
  let trust = create()
  await trust.start()
  changes.length = 0
  return {
    world,
    changes,
    broken,
    get trust() {
      return trust
    },
    async publish(draft: Draft) {
      const verdict = await world.put(draft)
      if (verdict.outcome === 'refused') throw verdict.error
      await world.clock.settle()
    },
    async setSigners(next: PublicKey[]) {
      signers = next
      await world.files.reload(trustPolicies(signers))
      await trust.refresh()
    },
    async restart() {
      await trust.stop()
      await world.restart(trustPolicies(signers))
      trust = create()
      await trust.start()
    },
    async stop() {
      await trust.stop()
      await world.stop()
    },
  }
}

const isRevoked = ({ trust }: { trust: Awaited<ReturnType<typeof begin>>['trust'] }): boolean => {
  try {
    trust.checkRevoked(certificate)
    return false
  } catch (error) {
    if (isMeshError(error, 'ERR_CERTIFICATE_REVOKED')) return true
    throw error
  }
}

const codes = ({ health }: World): string[] => health.list().map(({ code }) => code)

t.test('revocations count from when they arrive, and end with the next list', async (t) => {
  const it = await begin()
  t.equal(isRevoked(it), false)
  await it.publish({ name: REVOKED_FILE, text: revoking(node) })
  t.equal(isRevoked(it), true)
  t.match(it.trust.keyRevoked(node), { code: 'ERR_CERTIFICATE_REVOKED' })
  t.equal(it.trust.keyRevoked(other), undefined)
  t.equal(it.changes.length, 1)
  t.match(it.trust.status(), { revoked: { version: 1, count: 1 }, heartbeat: null })
  await it.publish({ name: REVOKED_FILE, version: 2, text: revoking(other) })
  t.equal(isRevoked(it), false)
  await it.stop()
})

t.test('who was revoked is known before the files start, and policies can say so', async (t) => {
  const it = await begin()
  const kept = (networkKeys = [keys.anna.publicKey], of: string = network) =>
    keptRevocations(
      { store: it.world.store, logger: silentLogger },
      { network: parseNetworkId(of), networkKeys },
    )
  const self = { network, networkKeys: [keys.anna.publicKey] }
  const policy = { ...policyOf(), self }
  t.equal(kept(), undefined)
  t.equal(withRevoked(policy, undefined), policy)
  await it.publish({ name: REVOKED_FILE, text: revoking(node) })
  t.same([...(kept()?.revocations.keys() ?? [])], [node])
  t.equal(kept([keys.eve.publicKey]), undefined, 'signed by no network key')
  t.equal(kept(undefined, 'another'), undefined)
  t.same(withRevoked(policy, kept()).self?.revoked, new Map([[node, 'all']]))
  t.equal(withRevoked(policyOf(), kept()).self, undefined)
  await it.stop()
})

t.test('an older list never returns', async (t) => {
  const it = await begin()
  await it.publish({ name: REVOKED_FILE, version: 2, text: revoking(node) })
  const old = { name: REVOKED_FILE, version: 1, text: revoking() }
  t.equal(short(await it.world.put(old)), 'ERR_FILE_NOT_NEWER')
  await it.world.put(old, { kind: 'peer', peer: it.world.files.names()[0] as never })
  await it.world.clock.settle()
  t.equal(isRevoked(it), true)
  await it.stop()
})

t.test(
  'the last list stays in force: expired, after a restart, while the next one is missing',
  async (t) => {
    const it = await begin()
    const expires = START_MS + HOUR_MS
    await it.publish({ name: REVOKED_FILE, text: revoking(node), expires })
    await it.world.clock.advance(2 * HOUR_MS)
    t.equal(it.world.files.view(REVOKED_FILE)?.state, 'expired')
    t.equal(isRevoked(it), true, 'expired')
    await it.restart()
    t.equal(isRevoked(it), true, 'expired, and after a restart')

    const next = await sign({ name: REVOKED_FILE, version: 2, text: revoking() })
    const peer = { kind: 'peer', peer: 'somebody' as never } as const
    t.match(await it.world.files.accept(next, undefined, peer), { contentMissing: true })
    await it.world.clock.settle()
    t.equal(isRevoked(it), true, 'the next one is known and not here')
    await it.restart()
    t.equal(isRevoked(it), true)
    await it.stop()
  },
)

t.test('a tombstone ends it, and so does the withdrawal of the key that signed', async (t) => {
  const it = await begin()
  await it.publish({ name: REVOKED_FILE, text: revoking(node), by: ['bert'] })
  await it.setSigners([keys.anna.publicKey])
  t.equal(isRevoked(it), false, 'signed by nobody who counts')
  t.equal(it.changes.length, 2)
  await it.setSigners([keys.anna.publicKey, keys.bert.publicKey])
  t.equal(isRevoked(it), true, 'the key counts again')
  await it.publish({ name: REVOKED_FILE, version: 2, text: null })
  t.equal(isRevoked(it), false)
  await it.restart()
  t.equal(isRevoked(it), false)
  await it.stop()
})

t.test('a malformed list, or one of another network, changes nothing and is told', async (t) => {
  const it = await begin()
  await it.publish({ name: REVOKED_FILE, text: revoking(node) })
  await it.publish({ name: REVOKED_FILE, version: 2, text: 'nonsense' })
  t.equal(isRevoked(it), true)
  t.same(codes(it.world), ['trust-file-malformed'])
  t.match(it.world.health.list(), [{ message: /mesh file restore _mesh\/revoked --version/ }])
  const foreign = revoking().replace(`network ${network}`, 'network elsewhere')
  await it.publish({ name: REVOKED_FILE, version: 3, text: foreign })
  t.equal(isRevoked(it), true)
  t.match(it.world.health.list(), [{ subject: REVOKED_FILE, message: /network elsewhere/ }])
  await it.restart()
  t.equal(isRevoked(it), true, 'after a restart, too')
  await it.publish({ name: REVOKED_FILE, version: 4, text: revoking() })
  t.equal(isRevoked(it), false)
  t.same(codes(it.world), [])
  await it.stop()
})

t.test(
  'a listed certificate is known by its key, and our own is kept when it is told to',
  async (t) => {
    const it = await begin()
    const listed = await signCertificate(keys.anna, certificate)
    const list = text(encodeCertificates(network, [{ certificate, text: listed }]))
    await it.publish({ name: CERTIFICATES_FILE, text: list })
    t.equal(it.trust.known(node), listed)
    t.equal(it.trust.known(other), undefined)
    t.same(it.trust.own(), [listed])
    await it.trust.keepOwn(listed)
    await it.publish({ name: CERTIFICATES_FILE, version: 2, text: null })
    t.equal(it.trust.known(node), undefined)
    await it.restart()
    t.same(it.trust.own(), [listed], 'kept, though no list has it any more')
    await it.stop()
  },
)

t.test(
  'a heartbeat that has ended makes a node stale; a newer one, one without end or none does not',
  async (t) => {
    const it = await begin()
    const beat = text(encodeHeartbeat({ network, certificates: 0, revoked: 0 }))
    const publish = (version: number, expires: number | 'never') =>
      it.publish({ name: HEARTBEAT_FILE, version, expires, text: beat })
    await it.world.clock.advance(MINUTE_MS)
    t.same(codes(it.world), [], 'none was ever published')
    await publish(1, START_MS + 2 * MINUTE_MS)
    t.same(codes(it.world), [])
    await it.world.clock.advance(MINUTE_MS - 1_000)
    t.same(codes(it.world), [])
    await it.world.clock.advance(2_000)
    t.match(it.world.health.list(), [{ code: 'stale', severity: 'warning', message: /version 1/ }])
    t.match(it.trust.status(), { heartbeat: { version: 1, stale: true } })
    await it.restart()
    t.same(codes(it.world), ['stale'], 'after a restart, too')
    await publish(2, START_MS + 10 * MINUTE_MS)
    t.same(codes(it.world), [])
    await it.world.clock.advance(20 * MINUTE_MS)
    t.same(codes(it.world), ['stale'])
    await publish(3, 'never')
    t.same(codes(it.world), [])
    await it.stop()
  },
)

t.test('a node that lacks what the heartbeat names says so, after a while', async (t) => {
  const it = await begin()
  const beat = text(encodeHeartbeat({ network, certificates: 0, revoked: 2 }))
  await it.publish({ name: HEARTBEAT_FILE, expires: START_MS + 99 * MINUTE_MS, text: beat })
  t.same(codes(it.world), [], 'it may be on its way')
  await it.world.clock.advance(MINUTE_MS)
  t.match(it.world.health.list(), [
    { code: 'trust-behind', message: /_mesh\/revoked version 2 \(here: 0\)/ },
  ])
  await it.publish({ name: REVOKED_FILE, version: 2, text: revoking(node) })
  t.same(codes(it.world), [])
  await it.stop()
})

t.test('a file that cannot be read does not hold up the others', async (t) => {
  const it = await begin()
  it.broken.names.add(REVOKED_FILE)
  await it.publish({ name: REVOKED_FILE, text: revoking(node) })
  await it.publish({ name: CERTIFICATES_FILE, text: text(encodeCertificates(network, [])) })
  t.match(it.trust.status(), { revoked: { count: 0 }, certificates: { version: 1 } })
  t.not(it.trust.listed(), undefined)
  t.equal(it.changes.length, 1)
  await t.rejects(it.trust.refresh(), { code: 'ERR_STATE_UNUSABLE' }, 'and whoever asks is told')
  it.broken.names.clear()
  await it.world.clock.advance(2 * MINUTE_MS)
  t.equal(isRevoked(it), true, 'it is tried again')
  await it.stop()
})

t.test('who could not take over what is new hears of it again', async (t) => {
  const it = await begin()
  it.broken.telling = true
  await it.publish({ name: REVOKED_FILE, text: revoking(node) })
  t.same(it.changes, [])
  it.broken.telling = false
  await it.world.clock.advance(2 * MINUTE_MS)
  t.equal(it.changes.length, 1)
  await it.world.clock.advance(10 * MINUTE_MS)
  t.equal(it.changes.length, 1, 'once')
  await it.stop()
})

t.test('without network keys there is nothing to read and nothing to tell', async (t) => {
  const it = await begin({ signers: [] })
  t.equal(it.trust.status(), null)
  t.equal(it.world.files.wants(REVOKED_FILE), false)
  t.equal(isRevoked(it), false)
  await it.stop()
})

t.test('what is kept is read back, and anything else is refused', async () => {
  const kept = {
    signed: await sign({ name: REVOKED_FILE, text: revoking(node) }),
    content: utf8(revoking(node)),
  }
  const bytes = encodeKeptFile(kept)
  fc.assert(
    fc.property(edits, (changes) => {
      const changed = mutate(bytes, changes)
      try {
        return Buffer.from(encodeKeptFile(decodeKeptFile(changed))).equals(changed)
      } catch (error) {
        return isMeshError(error)
      }
    }),
    { numRuns: 200 },
  )
})
