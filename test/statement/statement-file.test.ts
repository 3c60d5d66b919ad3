import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { armorSshsig, encodeSshsig, signSsh } from '../../src/keys/index.ts'
import { entryFromSshSignature, entryToSshSignature } from '../../src/statement/index.ts'
import { formatStatementFile, parseStatementFile } from '../../src/statement/index.ts'
import { MAX_SIGNATURES, MAX_STATEMENT_FILE_BYTES } from '../../src/statement/index.ts'
import { signStatement, verifyEntry } from '../../src/statement/index.ts'
import { utf8 } from '../../src/util/index.ts'
import { skip, sshSign, sshVerify } from '../keys/ssh-keygen.ts'
import { alice, bob, codeOf, keyVectors } from '../keys/vectors.ts'
import { plain, plainText, statementVectors } from './vectors.ts'

t.test('reads and writes the golden files', async (t) => {
  for (const { why, text, armored, file, certificate = '' } of statementVectors.accepted) {
    const signed = parseStatementFile(file)
    t.equal(signed.text, text, why)
    t.equal(formatStatementFile(signed), file)
    t.ok(signed.signatures.every((entry) => verifyEntry(signed, entry)))
    const anyOrder = parseStatementFile(text + armored.toReversed().join('') + certificate)
    t.same(anyOrder, signed, 'signatures may be in any order')
  }
})

t.test('can be put together with cat and cut apart with sed', { skip }, async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'motd.stmt')
  const theirs = [alice, bob].map((key) => sshSign(directory, key, 'mesh-file', plainText))
  writeFileSync(path, plainText + theirs.join(''))
  const signed = parseStatementFile(readFileSync(path, 'utf8'))
  t.equal(signed.signatures.length, 2)
  t.ok(signed.signatures.every((entry) => verifyEntry(signed, entry)))
  // As docs/protocols/statement.md says.
  const text = execFileSync('sed', ['/^-----BEGIN/,$d', path], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  t.equal(text, plainText)
  for (const [index, key] of [alice, bob].entries()) {
    const { ok, output } = sshVerify(
      directory,
      key.publicKey,
      'mesh-file',
      text,
      theirs[index] ?? '',
    )
    t.ok(ok, output)
  }
})

t.test('keeps signatures to their purpose', async (t) => {
  const signed = await signStatement(plain, [alice])
  const [entry] = signed.signatures
  if (entry === undefined) throw new Error('no entry')
  t.same(entryFromSshSignature(entryToSshSignature(entry)), entry)
  const other = await signSsh(alice, 'file\u007e', utf8(plainText))
  t.throws(() => parseStatementFile(plainText + armorSshsig(encodeSshsig(other))), {
    code: 'ERR_SSHSIG_MALFORMED',
    message: /namespace "file~"/,
  })
})

t.test('says what is wrong with a file', async (t) => {
  const { file = '' } = statementVectors.accepted[0] ?? {}
  const block = file.slice(plainText.length)
  const cases: readonly [string, string, RegExp][] = [
    ['', 'ERR_STATEMENT_MALFORMED', /no SSH signature follows/],
    [plainText, 'ERR_STATEMENT_MALFORMED', /no SSH signature follows/],
    [block, 'ERR_STATEMENT_MALFORMED', /line 1/],
    [`${plainText}\n${block}`, 'ERR_STATEMENT_MALFORMED', /more than 9 lines/],
    [plainText + block + block, 'ERR_STATEMENT_MALFORMED', /two signatures by/],
    [plainText + block.repeat(MAX_SIGNATURES + 1), 'ERR_STATEMENT_MALFORMED', /more than 16/],
    [`${file}trailing`, 'ERR_SSHSIG_MALFORMED', /END SSH SIGNATURE-----" last/],
    [file.replace('END SSH', 'END'), 'ERR_SSHSIG_MALFORMED', /last/],
    [file.replaceAll('\n', '\r\n'), 'ERR_STATEMENT_MALFORMED', /line 1/],
    ['x'.repeat(MAX_STATEMENT_FILE_BYTES + 1), 'ERR_STATEMENT_MALFORMED', /longer than/],
  ]
  for (const [text, code, message] of cases) {
    t.throws(() => parseStatementFile(text), { code, message })
  }
})

t.test('refuses signers with weak and impossible keys', async (t) => {
  const file = (hex: string): string => {
    const signature = {
      key: alice.publicKey,
      namespace: 'mesh-file',
      signature: new Uint8Array(64),
    }
    const blob = Buffer.from(encodeSshsig(signature)).toString('hex').replace(alice.publicKey, hex)
    return plainText + armorSshsig(Buffer.from(blob, 'hex'))
  }
  for (const hex of [...keyVectors.smallOrder, ...keyVectors.nonCanonical]) {
    t.equal(
      codeOf(() => parseStatementFile(file(hex))),
      'ERR_KEY_WEAK',
      hex,
    )
  }
  for (const hex of keyVectors.offCurve) {
    t.equal(
      codeOf(() => parseStatementFile(file(hex))),
      'ERR_KEY_MALFORMED',
      hex,
    )
  }
})

t.test('takes any text and throws nothing but its own errors', async (t) => {
  const files = statementVectors.accepted.map(({ file }) => file)
  const near = fc
    .tuple(
      fc.constantFrom(...files),
      fc.nat(3000),
      fc.string({ maxLength: 2, unit: 'binary' }),
      fc.nat(2),
    )
    .map(([text, at, insert, cut]) => {
      const index = at % text.length
      return text.slice(0, index) + insert + text.slice(index + cut)
    })
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => {
      const code = codeOf(() => parseStatementFile(text))
      return code === undefined || /^ERR_(STATEMENT|SSHSIG|KEY)_/.test(code)
    }),
    { numRuns: 1500 },
  )
  t.pass()
})
