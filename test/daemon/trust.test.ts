import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/index.ts'
import { chooseCertificate, readTrust } from '../../src/daemon/trust.ts'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, generatePsk, parsePsk, signCertificate } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'mesh-trust-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const { network } = parseConfig('', { path: '/dm.toml', environment: { exists: () => false } })

t.test('reads pre-shared keys in order and the certificate as it is', async (t) => {
  const texts = [generatePsk(systemRandom), generatePsk(systemRandom)]
  const pskPaths = texts.map((text, index) => {
    const path = join(directory, `psk-${index}`)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  })
  const certificatePath = join(directory, 'node.cert')
  writeFileSync(certificatePath, 'a certificate')
  const trust = await readTrust({ ...network, pskPaths, certificatePath })
  t.same(trust.psks, texts.map(parsePsk))
  t.equal(trust.certificate, 'a certificate')
})

t.test('never starts open because a pre-shared key is bad', async (t) => {
  const path = join(directory, 'bad')
  const read = () => readTrust({ ...network, pskPaths: [path] })
  await t.rejects(read(), { message: new RegExp(path) })
  writeFileSync(path, 'junk', { mode: 0o600 })
  await t.rejects(read(), { code: 'ERR_PSK_MALFORMED', message: new RegExp(path) })
  writeFileSync(path, generatePsk(systemRandom))
  chmodSync(path, 0o644)
  await t.rejects(read(), { code: 'ERR_KEY_INSECURE' })
})

t.test(
  'starts without a certificate that is not there yet, and reads no endless one',
  async (t) => {
    const missing = await readTrust({ ...network, certificatePath: join(directory, 'none') })
    t.match(missing.certificate, /ENOENT/)
    const endless = await readTrust({ ...network, certificatePath: '/dev/zero' })
    t.equal(String(endless.certificate).length, 1025)
    t.equal((await readTrust(network)).certificate, undefined)
  },
)

t.test('shows the newest certificate that counts, wherever it is from', async (t) => {
  const [networkKey, node] = [generatePrivateKey(systemRandom), generatePrivateKey(systemRandom)]
  const nowMs = Date.UTC(2026, 5, 1)
  const day = 86_400_000
  const certify = (name: string, issued: number, expires: number, by = networkKey) =>
    signCertificate(by, {
      ...{ network: 'home', name, key: node.publicKey, namespaces: [] },
      issued: (nowMs + issued * day) as Timestamp,
      expires: (nowMs + expires * day) as Timestamp,
    })
  const check = {
    ...{ network: 'home', networkKeys: [networkKey.publicKey], key: node.publicKey, nowMs },
    checkRevoked({ name }: { name: string }) {
      if (name === 'revoked') throw new MeshError('ERR_CERTIFICATE_REVOKED', 'revoked')
    },
  }
  const old = await certify('old', -30, 1)
  const young = await certify('young', -1, 30)
  const bad = [
    await certify('expired', -1, -0.5),
    await certify('revoked', -0.1, 30),
    await certify('foreign', -0.1, 30, generatePrivateKey(systemRandom)),
    'nonsense',
  ]
  t.equal(chooseCertificate(old, [young, ...bad], check), young)
  t.equal(chooseCertificate(young, [old], check), young)
  t.equal(chooseCertificate(new Error('no file'), [old], check), old)
  t.equal(chooseCertificate(undefined, [], check), undefined)
  const [expired = ''] = bad
  t.equal(chooseCertificate(expired, bad, check), expired, 'what is said is about the file')
  t.match(chooseCertificate(new Error('no file'), bad, check), /no file/)
})
