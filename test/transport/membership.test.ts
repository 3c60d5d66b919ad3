import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { createMembership } from '../../src/transport/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createAuthority, HOUR_MS, NETWORK } from './nodes.ts'

const clock = { nowMs: () => Date.now() }
const key = generatePrivateKey(systemRandom).publicKey
const peer = peerIdFromPublicKey(key)

t.test('with network keys, a certificate by one of them for the peer’s key admits', async (t) => {
  const [old, young] = [createAuthority(), createAuthority()]
  const expiresMs = Date.now() + HOUR_MS
  const certificate = await young.issue(key, { name: 'web-1', expiresMs })
  const networkKeys = [old.key.publicKey, young.key.publicKey]
  const membership = createMembership({ clock }, { network: NETWORK, networkKeys, certificate })
  t.equal(membership.own, certificate)
  const admission = { name: 'web-1', expiresAtMs: expiresMs, certificate }
  t.same(membership.admit(certificate, peer), admission)
})

t.test('with network keys, everything else is refused by name', async (t) => {
  const authority = createAuthority()
  const networkKeys = [authority.key.publicKey]
  const membership = createMembership({ clock }, { network: NETWORK, networkKeys })
  const other = generatePrivateKey(systemRandom).publicKey
  const cases: [string | undefined, string][] = [
    [undefined, 'ERR_CERTIFICATE_MISSING'],
    ['mesh-certificate 1\n', 'ERR_CERTIFICATE_MALFORMED'],
    [await createAuthority().issue(key), 'ERR_CERTIFICATE_INVALID'],
    [await authority.issue(key, { expiresMs: Date.now() - 1 }), 'ERR_CERTIFICATE_EXPIRED'],
    [await authority.issue(other), 'ERR_CERTIFICATE_MISMATCH'],
  ]
  for (const [certificate, code] of cases) {
    t.throws(() => membership.admit(certificate, peer), { code }, code)
  }
  const foreign = createMembership({ clock }, { network: 'another-net', networkKeys })
  const certificate = await authority.issue(key)
  t.throws(() => foreign.admit(certificate, peer), { code: 'ERR_CERTIFICATE_MISMATCH' })
})

t.test('without network keys everybody is admitted, and no name is believed', async (t) => {
  const membership = createMembership({ clock }, { network: NETWORK, networkKeys: [] })
  t.equal(membership.own, undefined)
  t.same(membership.admit(undefined, peer), {})
  t.same(membership.admit(await createAuthority().issue(key, { name: 'boss' }), peer), {})
  t.same(membership.admit('nonsense', peer), {})
})

t.test(
  'who shows an older certificate, or none, is let in by a newer one that is known',
  async (t) => {
    const authority = createAuthority()
    const networkKeys = [authority.key.publicKey]
    const renewed = await authority.issue(key, { name: 'renewed' })
    const known = (asked: typeof key) => (asked === key ? renewed : undefined)
    const membership = createMembership({ clock }, { network: NETWORK, networkKeys, known })
    const expired = await authority.issue(key, { expiresMs: Date.now() - 1 })
    for (const shown of [undefined, expired, 'nonsense', renewed]) {
      t.match(membership.admit(shown, peer), { name: 'renewed', certificate: renewed })
    }
    const stranger = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
    t.throws(() => membership.admit(undefined, stranger), { code: 'ERR_CERTIFICATE_MISSING' })
  },
)

t.test('what is known admits nobody by itself: it is judged as what is shown', async (t) => {
  const authority = createAuthority()
  const networkKeys = [authority.key.publicKey]
  const expired = await authority.issue(key, { expiresMs: Date.now() - 1 })
  const foreign = await createAuthority().issue(key)
  const others = await authority.issue(generatePrivateKey(systemRandom).publicKey)
  for (const listed of [expired, foreign, others, 'nonsense']) {
    const init = { network: NETWORK, networkKeys, known: () => listed }
    const membership = createMembership({ clock }, init)
    t.throws(() => membership.admit(expired, peer), { code: 'ERR_CERTIFICATE_EXPIRED' })
  }
})

t.test(
  'a certificate that has lost its right admits nobody; another one of the key may',
  async (t) => {
    const authority = createAuthority()
    const networkKeys = [authority.key.publicKey]
    const [bad, fine] = [
      await authority.issue(key, { name: 'bad' }),
      await authority.issue(key, { name: 'fine' }),
    ]
    const revoked = new MeshError('ERR_CERTIFICATE_REVOKED', 'revoked')
    const init = {
      ...{ network: NETWORK, networkKeys },
      checkRevoked({ name }: { name: string }) {
        if (name === 'bad') throw revoked
      },
    }
    const membership = createMembership({ clock }, init)
    t.throws(() => membership.admit(bad, peer), { code: 'ERR_CERTIFICATE_REVOKED' })
    const knowing = createMembership({ clock }, { ...init, known: () => fine })
    t.match(knowing.admit(bad, peer), { name: 'fine' })
  },
)
