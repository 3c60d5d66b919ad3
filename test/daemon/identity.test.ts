import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadIdentity } from '../../src/daemon/identity.ts'
import { formatPublicKey } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'mesh-identity-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const components = { random: systemRandom }

t.test('makes a key at the first start, for this user only, and keeps it', async (t) => {
  const path = join(directory, 'new', 'identity.key')
  const first = await loadIdentity(path, components)
  t.equal(first.made, true)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(join(directory, 'new')), ['identity.key'])
  const again = await loadIdentity(path, components)
  t.equal(again.made, false)
  t.equal(again.identity.publicKey, first.identity.publicKey)
  const shown = execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' })
  t.match(shown, formatPublicKey(first.identity.publicKey, 'openssh'))
})

t.test('two starts at once agree on one key', async (t) => {
  const path = join(directory, 'race.key')
  const found = await Promise.all([1, 2, 3, 4].map(() => loadIdentity(path, components)))
  t.equal(new Set(found.map(({ identity }) => identity.publicKey)).size, 1)
  t.same(
    readdirSync(directory).filter((name) => name.startsWith('race')),
    ['race.key'],
  )
})

t.test('refuses a key that everybody may read', async (t) => {
  const path = join(directory, 'open.key')
  await loadIdentity(path, components)
  chmodSync(path, 0o644)
  await t.rejects(loadIdentity(path, components), {
    code: 'ERR_KEY_INSECURE',
    message: /chmod 600/,
  })
})

t.test('never replaces a file that it cannot read as a key', async (t) => {
  const path = join(directory, 'bad.key')
  writeFileSync(path, 'not a key', { mode: 0o600 })
  await t.rejects(loadIdentity(path, components), {
    code: 'ERR_KEY_MALFORMED',
    message: new RegExp(path),
  })
  t.equal(readFileSync(path, 'utf8'), 'not a key')
})

t.test('says where it wanted to make the key', async (t) => {
  const path = join(directory, 'bad.key', 'identity.key')
  await t.rejects(loadIdentity(path, components), {
    code: 'ERR_STATE_UNUSABLE',
    message: new RegExp(path),
  })
})
