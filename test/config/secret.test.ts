import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSecretFile, resolveSecretPath } from '../../src/config/index.ts'
import { machine } from './fixtures.ts'

t.test('reads a secret that only owner and group may touch', async (t) => {
  const directory = t.testdir({ key: 'secret' })
  const path = join(directory, 'key')
  for (const mode of [0o600, 0o400, 0o440, 0o640]) {
    chmodSync(path, mode)
    t.equal(await readSecretFile(path), 'secret')
  }
})

t.test('refuses a secret that is open to everybody, also behind a link', async (t) => {
  const directory = t.testdir({ key: 'secret' })
  const path = join(directory, 'key')
  symlinkSync(path, join(directory, 'link'))
  for (const mode of [0o644, 0o604, 0o602, 0o601]) {
    chmodSync(path, mode)
    const expected = { code: 'ERR_KEY_INSECURE', message: /chmod 600/ }
    await t.rejects(readSecretFile(path), expected)
    await t.rejects(readSecretFile(join(directory, 'link')), expected)
  }
})

t.test('refuses what is no key file', async (t) => {
  const directory = t.testdir({ large: 'x'.repeat(70_000) })
  chmodSync(join(directory, 'large'), 0o600)
  await t.rejects(readSecretFile(join(directory, 'large')), { code: 'ERR_LIMIT_EXCEEDED' })
  await t.rejects(readSecretFile(directory), { code: 'ERR_KEY_UNREADABLE' })
  await t.rejects(readSecretFile(join(directory, 'none')), { code: 'ERR_KEY_UNREADABLE' })
})

t.test(
  'looks for relative secrets among the credentials, then beside the configuration',
  async (t) => {
    const here = machine(['/creds/a'], '/creds')
    t.equal(resolveSecretPath('a', '/etc/mesh/dm.toml', here), '/creds/a')
    t.equal(resolveSecretPath('b', '/etc/mesh/dm.toml', here), '/etc/mesh/b')
    t.equal(resolveSecretPath('/a', '/etc/mesh/dm.toml', here), '/a')
    t.equal(resolveSecretPath('a', '/etc/mesh/dm.toml', machine(['/creds/a'])), '/etc/mesh/a')
  },
)
