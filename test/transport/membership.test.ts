import t from 'tap'
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
  t.same(membership.admit(certificate, peer), { name: 'web-1', expiresAtMs: expiresMs })
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
