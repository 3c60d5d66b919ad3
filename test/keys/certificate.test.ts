import fc from 'fast-check'
import t from 'tap'
import { parseCertificate, signCertificate, verifyCertificate } from '../../src/keys/index.ts'
import { MAX_CERTIFICATE_BYTES } from '../../src/keys/index.ts'
import { isMeshError } from '../../src/errors/index.ts'
import { parseNetworkId } from '../../src/statement/index.ts'
import { parseTimestamp } from '../../src/util/index.ts'
import { skip, sshVerify } from './ssh-keygen.ts'
import { alice, bob, codeOf, keyVectors, readVectors } from './vectors.ts'
import type { CertificateCheck, NodeCertificate } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

interface Case {
  readonly why: string
  readonly text: string
  readonly check?: Partial<CertificateCheck>
}

interface Vectors {
  readonly check: CertificateCheck
  readonly accepted: readonly Case[]
  readonly refused: readonly (Case & { readonly code: string })[]
}

const vectors = readVectors('certificate') as Vectors
const good = vectors.accepted[0]?.text ?? ''

const time = (text: string): Timestamp => {
  const found = parseTimestamp(text)
  if (found === undefined) throw new Error(text)
  return found
}

const plain: NodeCertificate = {
  network: 'example',
  name: 'node-1',
  key: bob.publicKey,
  issued: time('2026-01-01T00:00:00.000Z'),
  expires: time('2027-01-01T00:00:00.000Z'),
  namespaces: [],
}

t.test('takes the golden certificates that ssh-keygen signed', async (t) => {
  for (const { why, text, check } of vectors.accepted) {
    const certificate = verifyCertificate(text, { ...vectors.check, ...check })
    t.equal(certificate.key, bob.publicKey, why)
    t.equal(parseCertificate(text).signer, alice.publicKey)
    t.equal(await signCertificate(alice, certificate), text, 'ours is letter for letter the same')
    t.ok(text.length <= MAX_CERTIFICATE_BYTES)
  }
  t.same(verifyCertificate(good, vectors.check), plain)
})

t.test('refuses the golden forgeries with the right code', async (t) => {
  for (const { why, text, code, check } of vectors.refused) {
    t.equal(
      codeOf(() => verifyCertificate(text, { ...vectors.check, ...check })),
      code,
      why,
    )
  }
})

t.test('is accepted by ssh-keygen', { skip }, async (t) => {
  const text = await signCertificate(alice, { ...plain, namespaces: ['status', 'jobs', 'jobs'] })
  t.match(text, /^namespaces jobs,status$/m)
  const [body = ''] = text.split('-----BEGIN')
  const armored = text.slice(body.length)
  const { ok, output } = sshVerify(t.testdir(), alice.publicKey, 'mesh-certificate', body, armored)
  t.ok(ok, output)
})

t.test('makes none that it would not take', async (t) => {
  const wrong: readonly Partial<NodeCertificate>[] = [
    { network: 'Example' },
    { network: 'a\nname b' },
    { name: '' },
    { name: 'a b' },
    { name: 'a\nkey b' },
    { expires: plain.issued },
    { expires: Number.NaN as Timestamp },
    { expires: Number.MAX_SAFE_INTEGER as Timestamp },
    { expires: 8e15 as Timestamp },
    { issued: -1e15 as Timestamp },
    { namespaces: ['a b'] },
    { namespaces: ['a,b'] },
    { namespaces: [''] },
    { namespaces: ['none'] },
    { namespaces: ['_mesh'] },
    { namespaces: [...'abcdefghi'] },
  ]
  for (const change of wrong) {
    await t.rejects(signCertificate(alice, { ...plain, ...change }), {
      code: 'ERR_CERTIFICATE_MALFORMED',
    })
  }
})

t.test('names the line that is wrong', async (t) => {
  t.throws(() => parseCertificate(good.replace('name node-1', 'name node 1')), {
    message: /line 3 "name": expected 1 to 64 of/,
  })
  t.throws(() => parseCertificate(good.replace('mesh-certificate 1', 'mesh-certificate 2')), {
    message: /line 1 is not "mesh-certificate 1"/,
  })
  t.throws(() => parseCertificate(good.replace('issued ', 'isued ')), { message: /"issued"/ })
  t.throws(() => parseCertificate(good.replace(/issued .*\n/, '')), { message: /line 5 "issued"/ })
})

t.test('refuses weak and impossible keys, of the node and of the signer', async (t) => {
  const { smallOrder, nonCanonical, offCurve } = keyVectors
  for (const hex of [...smallOrder, ...nonCanonical, ...offCurve]) {
    const text = good.replace(bob.publicKey, hex)
    t.equal(
      codeOf(() => parseCertificate(text)),
      'ERR_CERTIFICATE_MALFORMED',
      hex,
    )
  }
})

t.test('expires to the millisecond, and only by the expiry', async (t) => {
  const at = (nowMs: number) => codeOf(() => verifyCertificate(good, { ...vectors.check, nowMs }))
  t.equal(at(plain.expires - 1), undefined)
  t.equal(at(plain.expires), 'ERR_CERTIFICATE_EXPIRED')
  t.equal(at(plain.issued - 1), undefined, 'a slow clock locks nobody out')
})

t.test('is judged without a key when nobody has proved one', async (t) => {
  const { network, networkKeys, nowMs } = vectors.check
  t.equal(verifyCertificate(good, { network, networkKeys, nowMs }).name, 'node-1')
})

t.test('takes the signature of any one of several network keys', async (t) => {
  const networkKeys = [bob.publicKey, alice.publicKey]
  t.equal(verifyCertificate(good, { ...vectors.check, networkKeys }).name, 'node-1')
})

t.test('has the same rule for network ids as statements have', async (t) => {
  const ids = fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.stringMatching(/^[a-zA-Z0-9_-]{1,3}$/),
    fc.constantFrom('a'.repeat(64), 'a'.repeat(65), '-', 'a-', '-a', 'a-a', '', '1'),
  )
  let taken = 0
  await fc.assert(
    fc.asyncProperty(ids, async (network) => {
      const statement = codeOf(() => parseNetworkId(network)) === undefined
      const certificate = await signCertificate(alice, { ...plain, network }).then(
        () => true,
        () => false,
      )
      if (statement) taken++
      return statement === certificate
    }),
    { numRuns: 300 },
  )
  t.ok(taken > 30)
})

t.test('takes any text and throws nothing but its own errors', async (t) => {
  const near = fc
    .tuple(fc.nat(600), fc.string({ maxLength: 3, unit: 'binary' }), fc.nat(2))
    .map(([at, insert, cut]) => good.slice(0, at) + insert + good.slice(at + cut))
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => {
      try {
        verifyCertificate(text, vectors.check)
        return text === good
      } catch (error) {
        return isMeshError(error) && error.code.startsWith('ERR_CERTIFICATE_')
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
