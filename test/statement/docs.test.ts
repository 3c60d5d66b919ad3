/** Holds docs/protocols/{keys,statement,certificate}.md against the code. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorTable } from '../../src/errors/index.ts'
import * as keys from '../../src/keys/index.ts'
import * as statement from '../../src/statement/index.ts'
import { skip } from '../keys/ssh-keygen.ts'
import { readVectors } from '../keys/vectors.ts'
import { plainText } from './vectors.ts'

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'protocols', `${name}.md`), 'utf8')

const pages = { keys: read('keys'), statement: read('statement'), certificate: read('certificate') }
const all = Object.values(pages).join('\n')

const limits = Object.entries({ ...keys, ...statement }).filter(([name]) => name.startsWith('MAX_'))

t.test('the pages list every limit with its value, and no other', async (t) => {
  const rows = [...all.matchAll(/^\| `(MAX_[A-Z_]+)` \| (\d+) \|/gm)]
  t.same(
    rows.map(([, name, value]) => [name, Number(value)]).sort(),
    limits.map(([name, value]) => [name, value]).sort(),
  )
})

t.test('the pages name errors that exist', async (t) => {
  const named = new Set(all.match(/ERR_[A-Z_]+[A-Z]/g))
  for (const code of named) t.ok(code in errorTable, code)
  t.ok(named.size > 10)
})

t.test('the examples on the pages are the golden ones', async (t) => {
  const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '    ')
  t.match(pages.statement, indented(plainText))
  const vectors = readVectors('certificate') as { accepted: readonly { text: string }[] }
  const [body = ''] = (vectors.accepted[0]?.text ?? '').split('-----BEGIN')
  t.ok(pages.certificate.includes(indented(body)))
})

const shell = (page: string): string =>
  [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, script]) => script).join('\n')

const run = (directory: string, script: string): string =>
  execFileSync('sh', ['-e', '-c', script], { cwd: directory, encoding: 'utf8', timeout: 30_000 })

t.test('the shell lines for statements do what they say', { skip }, async (t) => {
  const directory = t.testdir()
  t.match(run(directory, shell(pages.statement)), /Good "mesh-file" signature for alice@example/)
  const signed = statement.parseStatementFile(readFileSync(join(directory, 'motd.stmt'), 'utf8'))
  t.ok(signed.signatures.every((entry) => statement.verifyEntry(signed, entry)))
  t.match(signed.statement, { name: 'etc/motd', content: { sizeBytes: 8 } })
})

t.test('the shell lines for certificates do what they say', { skip }, async (t) => {
  const directory = t.testdir()
  run(directory, shell(pages.certificate))
  const text = readFileSync(join(directory, 'node-1.certificate'), 'utf8')
  const { certificate, signer } = keys.parseCertificate(text)
  const check = { network: 'example', networkKeys: [signer], key: certificate.key, nowMs: 0 }
  t.equal(keys.verifyCertificate(text, check).name, 'node-1')
})
