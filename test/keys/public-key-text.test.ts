import { createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { formatPublicKey, MAX_KEY_TEXT_BYTES, parsePublicKey } from '../../src/keys/index.ts'
import { writePrivateKey } from '../../src/keys/index.ts'
import { concatBytes, fromHex, toBase64 } from '../../src/util/index.ts'
import { sshString } from '../../src/keys/ssh-wire.ts'
import { skip, sshKeygen, writeKeyFile } from './ssh-keygen.ts'
import { alice, codeOf, keyVectors } from './vectors.ts'

const FORMATS = ['openssh', 'base64', 'pem'] as const
const bytesOf = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array()

/** The three spellings of any 32 bytes, made without our code. */
const spell = (bytes: Uint8Array): readonly string[] => {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes])
  const blob = concatBytes(sshString('ssh-ed25519'), sshString(bytes))
  return [
    Buffer.from(bytes).toString('base64'),
    `ssh-ed25519 ${Buffer.from(blob).toString('base64')} a comment`,
    `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`,
  ]
}

t.test('reads and writes every form of the golden keys', async (t) => {
  for (const { hex, base64, openssh, pem } of keyVectors.keys) {
    for (const text of [base64, openssh, pem, ...spell(bytesOf(hex))]) {
      const key = parsePublicKey(text)
      t.equal(key, hex)
      t.same(
        FORMATS.map((format) => formatPublicKey(key, format)),
        [openssh, base64, pem],
      )
    }
    const node = createPublicKey(pem).export({ format: 'der', type: 'spki' })
    t.same(node.subarray(-32), Buffer.from(bytesOf(hex)), 'node reads the PEM as the same key')
  }
})

t.test('reads what ssh-keygen wrote, and ssh-keygen what we wrote', { skip }, async (t) => {
  const directory = t.testdir()
  const file = writeKeyFile(directory, writePrivateKey(alice, { format: 'openssh' }))
  const theirs = sshKeygen(['-y', '-f', file])
  t.equal(parsePublicKey(theirs), alice.publicKey)
  const ours = writeKeyFile(directory, formatPublicKey(alice.publicKey, 'openssh', 'me@here'))
  t.match(sshKeygen(['-l', '-f', ours]), /^256 SHA256:\S+ me@here \(ED25519\)/)
})

t.test('refuses weak and impossible keys in every form', async (t) => {
  for (const hex of [...keyVectors.smallOrder, ...keyVectors.nonCanonical]) {
    for (const text of spell(bytesOf(hex))) {
      t.equal(
        codeOf(() => parsePublicKey(text)),
        'ERR_KEY_WEAK',
        text,
      )
    }
  }
  for (const hex of keyVectors.offCurve) {
    for (const text of spell(bytesOf(hex))) {
      t.equal(
        codeOf(() => parsePublicKey(text)),
        'ERR_KEY_MALFORMED',
        text,
      )
    }
  }
})

t.test('takes white space around a key and a comment behind it', async (t) => {
  const line = formatPublicKey(alice.publicKey, 'openssh')
  const pem = formatPublicKey(alice.publicKey, 'pem')
  for (const text of [
    `  ${line}\n`,
    `${line}\r\n`,
    `${line} two words`,
    line.replace(' ', '\t'),
    ` ${formatPublicKey(alice.publicKey, 'base64')}\n`,
    `\n${pem}\n`,
    pem.replaceAll('\n', '\r\n'),
    pem.trim(),
  ]) {
    t.equal(parsePublicKey(text), alice.publicKey, JSON.stringify(text))
  }
})

t.test('says what is wrong with a text that is no key', async (t) => {
  const line = formatPublicKey(alice.publicKey, 'openssh')
  const base64 = formatPublicKey(alice.publicKey, 'base64')
  const pem = formatPublicKey(alice.publicKey, 'pem')
  const blob = (...parts: readonly (string | Uint8Array)[]): string =>
    `ssh-ed25519 ${toBase64(concatBytes(...parts.map((part) => sshString(part))))}`
  const raw = bytesOf(alice.publicKey)
  const cases: readonly [string, RegExp][] = [
    ['', /empty/],
    [' \n', /empty/],
    ['hello', /expected base64/],
    [base64.slice(0, -1), /expected base64/],
    // The last digit before "=" has two spare bits: four spellings of one key.
    [base64.replace(/.=$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=`), /expected/],
    [base64.replaceAll('/', '_').replaceAll('+', '-').slice(0, -1), /expected base64/],
    [toBase64(new Uint8Array(31)), /expected base64/],
    [alice.publicKey, /expected base64/],
    [`${line}\n${line}`, /more than one line/],
    [line.slice(0, -4), /ends within the key|canonical/],
    ['ssh-ed25519', /canonical base64/],
    ['ssh-ed25519 !!!!', /canonical base64/],
    ['ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ', /ssh-rsa, and mesh uses ssh-ed25519 only/],
    ['ecdsa-sha2-nistp256 AAAA', /ecdsa-sha2-nistp256/],
    ['sk-ssh-ed25519@openssh.com AAAA', /security tokens .* not supported yet/],
    ['ssh-ed25519-cert-v01@openssh.com AAAA', /ssh-ed25519-cert-v01@openssh.com/],
    [`restrict ${line}`, /expected/],
    [blob('ssh-rsa', raw), /its type is ssh-rsa/],
    [blob('ssh-ed25519', raw, ''), /left over/],
    [blob('ssh-ed25519', raw.subarray(1)), /31 bytes/],
    [blob('ssh-ed25519'), /ends within the key/],
    [pem.replace('PUBLIC', 'RSA PUBLIC'), /"-----BEGIN PUBLIC KEY-----" first/],
    [pem.replace('END', 'DNE'), /"-----END PUBLIC KEY-----" last/],
    [pem.replace('MCow', 'MCox'), /no ed25519 key/],
    [pem.replace('\n', '\n\n'), /empty line/],
    [`${pem}${pem}`, /canonical base64/],
    [pem.replace('MCow', 'MC!w'), /canonical base64/],
    [writePrivateKey(alice, { format: 'pem' }), /private key; give the public one/],
    [writePrivateKey(alice, { format: 'openssh' }), /private key; give the public one/],
    ['x'.repeat(MAX_KEY_TEXT_BYTES + 1), /more than 16384 bytes/],
  ]
  for (const [text, message] of cases) {
    t.throws(() => parsePublicKey(text), { code: 'ERR_KEY_MALFORMED', message }, text.slice(0, 60))
  }
})

t.test('never quotes a text that may be a secret', async (t) => {
  const secret = 'c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA'
  for (const text of [secret, `ssh-ed25519 ${secret}!`, `-----BEGIN PUBLIC KEY-----\n${secret}`]) {
    try {
      parsePublicKey(text)
      t.fail('it was taken')
    } catch (error) {
      t.notMatch(String(error), /c2VjcmV0/)
    }
  }
})

t.test('keeps a comment on one line', async (t) => {
  const line = formatPublicKey(
    alice.publicKey,
    'openssh',
    'me\nssh-ed25519 AAAA evil\u2028\u0085x ',
  )
  t.equal(line.split(/[\n\u2028\u0085]/).length, 1)
  t.match(line, / me ssh-ed25519 AAAA evil x$/)
  t.equal(parsePublicKey(line), alice.publicKey)
})

t.test('takes any text and throws nothing but its own errors', async (t) => {
  const whole = keyVectors.keys.flatMap(({ openssh, base64, pem }) => [openssh, base64, pem])
  const near = fc
    .tuple(fc.constantFrom(...whole), fc.nat(200), fc.string({ maxLength: 3, unit: 'binary' }))
    .map(([text, at, insert]) => text.slice(0, at) + insert + text.slice(at + 1))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (text) => {
      const code = codeOf(() => parsePublicKey(text))
      return code === undefined || code === 'ERR_KEY_MALFORMED' || code === 'ERR_KEY_WEAK'
    }),
    { numRuns: 1000 },
  )
  t.pass()
})
