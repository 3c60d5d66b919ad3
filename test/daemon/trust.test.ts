import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/index.ts'
import { readTrust } from '../../src/daemon/trust.ts'
import { generatePsk, parsePsk } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'

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
