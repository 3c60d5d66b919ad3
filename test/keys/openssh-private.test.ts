import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { armor, dearmor } from '../../src/keys/armor.ts'
import { MAX_KDF_ROUNDS } from '../../src/keys/index.ts'
import { OPENSSH_LABEL, readOpenssh, writeOpenssh } from '../../src/keys/openssh-private.ts'
import { publicKeyToSshBlob } from '../../src/keys/public-key-text.ts'
import { sshString, sshUint32 } from '../../src/keys/ssh-wire.ts'
import { concatBytes, utf8 } from '../../src/util/index.ts'
import { alice, bob, codeOf, edits, keyVectors, mutate } from './vectors.ts'
import type { PublicKey } from '../../src/keys/index.ts'

const bytesOf = (key: PublicKey): Uint8Array => Buffer.from(key, 'hex')

interface Parts {
  magic?: string
  cipher?: string
  kdf?: string
  kdfOptions?: Uint8Array
  count?: number
  publicBlob?: Uint8Array
  checks?: readonly [number, number]
  type?: string
  inner?: Uint8Array
  pair?: Uint8Array
  padding?: Uint8Array
  secret?: Uint8Array
  tail?: Uint8Array
}

/** A key file of any parts, right ones by default. */
const build = (parts: Parts = {}): string => {
  const [first, second] = parts.checks ?? [7, 7]
  const secret = concatBytes(
    sshUint32(first),
    sshUint32(second),
    sshString(parts.type ?? 'ssh-ed25519'),
    sshString(parts.inner ?? bytesOf(alice.publicKey)),
    sshString(parts.pair ?? concatBytes(alice.seed, bytesOf(alice.publicKey))),
    sshString('comment'),
    parts.padding ?? Uint8Array.of(1, 2, 3, 4, 5, 6),
  )
  const bytes = concatBytes(
    utf8(parts.magic ?? 'openssh-key-v1\0'),
    sshString(parts.cipher ?? 'none'),
    sshString(parts.kdf ?? 'none'),
    sshString(parts.kdfOptions ?? ''),
    sshUint32(parts.count ?? 1),
    sshString(parts.publicBlob ?? publicKeyToSshBlob(alice.publicKey)),
    sshString(parts.secret ?? secret),
    parts.tail ?? new Uint8Array(),
  )
  return armor(bytes, OPENSSH_LABEL, 70)
}

const bcrypt = (rounds: number, salt = new Uint8Array(16)): Parts => ({
  cipher: 'aes256-ctr',
  kdf: 'bcrypt',
  kdfOptions: concatBytes(sshString(salt), sshUint32(rounds)),
})

t.test('reads a plain file', async (t) => {
  t.equal(readOpenssh(build(), undefined).publicKey, alice.publicKey)
})

t.test('refuses every part that is wrong, naming it', async (t) => {
  const weakBlob = concatBytes(sshString('ssh-ed25519'), sshString(new Uint8Array(32)))
  const cases: readonly [Parts, RegExp][] = [
    [{ magic: 'openssh-key-v2\0' }, /format is not openssh-key-v1/],
    [{ kdf: 'bcrypt' }, /a key derivation and no cipher/],
    [{ count: 0 }, /exactly one key/],
    [{ count: 2 }, /exactly one key/],
    [{ publicBlob: sshString('ssh-rsa') }, /its type is ssh-rsa/],
    [{ publicBlob: publicKeyToSshBlob(bob.publicKey) }, /does not belong/],
    [{ checks: [1, 2] }, /check numbers differ/],
    [{ type: 'ssh-rsa' }, /its type is ssh-rsa/],
    [{ inner: bytesOf(bob.publicKey) }, /two copies of the public key differ/],
    [{ pair: alice.seed }, /two copies/],
    [{ pair: concatBytes(bob.seed, bytesOf(alice.publicKey)) }, /does not belong/],
    [{ padding: Uint8Array.of(1, 2, 4) }, /padding is wrong/],
    [{ padding: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }, /padding is wrong/],
    [{ secret: new Uint8Array(8) }, /ends within the key type/],
    [{ tail: Uint8Array.of(0) }, /1 bytes are left over/],
    [{ cipher: 'aes256-ctr', kdf: 'scrypt' }, /unknown key derivation "scrypt"/],
    [{ ...bcrypt(16), secret: new Uint8Array(100) }, /wrong length/],
    [bcrypt(0), /takes 0 rounds/],
    [bcrypt(MAX_KDF_ROUNDS + 1), /takes 1001 rounds, at most 1000/],
    [bcrypt(0xffffffff), /takes 4294967295 rounds/],
    [bcrypt(16, new Uint8Array()), /salt has 0 bytes/],
    [bcrypt(16, new Uint8Array(65)), /salt has 65 bytes/],
    [{ cipher: 'rot13\u001b[2J', kdf: 'bcrypt' }, /"rot13\\u001b\[2J" is not supported/],
  ]
  for (const [parts, message] of cases) {
    const secret = parts.secret ?? (parts.cipher === undefined ? undefined : new Uint8Array(96))
    const text = build(secret === undefined ? parts : { ...parts, secret })
    t.throws(() => readOpenssh(text, 'secret'), { code: 'ERR_KEY_MALFORMED', message })
  }
  t.throws(() => readOpenssh(build({ publicBlob: weakBlob }), undefined), { code: 'ERR_KEY_WEAK' })
})

t.test('pads to whole blocks, whatever the comment', async (t) => {
  for (let length = 0; length < 9; length++) {
    const text = writeOpenssh(alice, { comment: 'c'.repeat(length) })
    t.equal(readOpenssh(text, undefined).publicKey, alice.publicKey)
  }
})

t.test('loads sshpk for keys with a passphrase only: it takes 25 ms', async (t) => {
  const door = join(import.meta.dirname, '..', '..', 'src', 'keys', 'index.ts')
  const script = `
    import { createRequire } from 'node:module'
    const { readPrivateKey } = await import(process.argv[1])
    const [plain, locked, passphrase] = JSON.parse(process.argv[2])
    const loaded = () => Object.keys(createRequire('/').cache).some((path) => path.includes('sshpk'))
    readPrivateKey(plain)
    const before = loaded()
    readPrivateKey(locked, { passphrase })
    process.stdout.write(JSON.stringify([before, loaded()]))`
  const { passphrase } = keyVectors
  const texts = JSON.stringify([build(), keyVectors.protected[0]?.text, passphrase])
  const args = ['--input-type=module', '-e', script, pathToFileURL(door).href, texts]
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 })
  t.same(JSON.parse(output), [false, true])
})

t.test('takes any bytes and throws nothing but its own errors', async (t) => {
  const fail = (why: string): Error => new Error(why)
  const bases = [
    dearmor(build(), OPENSSH_LABEL, fail),
    // Without a passphrase: no decryption is tried, which would take the time of the test.
    dearmor(keyVectors.protected[0]?.text ?? '', OPENSSH_LABEL, fail),
  ]
  fc.assert(
    fc.property(fc.constantFrom(...bases), edits, (base, changes) => {
      const text = armor(mutate(base, changes), OPENSSH_LABEL, 70)
      const code = codeOf(() => readOpenssh(text, undefined))
      return (
        code === undefined ||
        ['ERR_KEY_MALFORMED', 'ERR_KEY_WEAK', 'ERR_KEY_PASSPHRASE'].includes(code)
      )
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('takes damaged ciphertext and throws nothing but its own errors', async (t) => {
  const { passphrase } = keyVectors
  const fail = (why: string): Error => new Error(why)
  for (const { text } of keyVectors.protected) {
    const base = dearmor(text, OPENSSH_LABEL, fail)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 144 }),
        fc.integer({ min: 1, max: 255 }),
        (back, mask) => {
          const bytes = Uint8Array.from(base)
          const at = bytes.length - back
          bytes[at] = (bytes[at] ?? 0) ^ mask
          const code = codeOf(() => readOpenssh(armor(bytes, OPENSSH_LABEL, 70), passphrase))
          return code === undefined || code === 'ERR_KEY_PASSPHRASE' || code === 'ERR_KEY_MALFORMED'
        },
      ),
      { numRuns: 8 },
    )
  }
  t.pass()
})
