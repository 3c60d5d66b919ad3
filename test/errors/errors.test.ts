/** Holds docs/errors.md against the table of errors, in both directions. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorTable, isMeshError, MeshError, toMeshError } from '../../src/errors/index.ts'
import { problemStatus } from '../../src/http/index.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'errors.md'), 'utf8')
const rows = [...page.matchAll(/^\| `(ERR_[A-Z_]+)` \| (\d{3}) \| (.+) \|$/gm)].map(
  ([, code = '', status = '', meaning = '']) => ({ code, status: Number(status), meaning }),
)

t.test('every error is on the page, with its status and meaning', async (t) => {
  for (const [code, meaning] of Object.entries(errorTable)) {
    const found = rows.filter((row) => row.code === code)
    t.equal(found.length, 1, `${code} has one row`)
    t.equal(found[0]?.meaning, meaning)
    t.equal(found[0]?.status, new Map(Object.entries(problemStatus)).get(code), `status of ${code}`)
  }
})

t.test('everything on the page is an error', async (t) => {
  for (const { code } of rows) t.ok(Object.hasOwn(errorTable, code), `${code} exists`)
  const mentioned = page.match(/\bERR_[A-Z_]+\b/g) ?? []
  for (const code of mentioned) t.ok(Object.hasOwn(errorTable, code), `${code} exists`)
})

t.test('meanings are sentences of one line, and no two are the same', async (t) => {
  const meanings = Object.values(errorTable)
  for (const meaning of meanings) t.match(meaning, /^[A-Z].*\.$/)
  t.equal(new Set(meanings).size, meanings.length)
})

t.test('an error carries its code, its facts and its cause', async (t) => {
  const cause = new Error('why')
  const error = new MeshError('ERR_TIMEOUT', 'late', { data: { ms: 5 }, cause })
  t.match(error, {
    name: 'MeshError',
    code: 'ERR_TIMEOUT',
    message: 'late',
    data: { ms: 5 },
    cause,
  })
  t.same(new MeshError('ERR_TIMEOUT', 'late').data, {})
  t.notOk('cause' in new MeshError('ERR_TIMEOUT', 'late'))
})

t.test('errors are told apart by code', async (t) => {
  const error = new MeshError('ERR_TIMEOUT', 'late')
  t.ok(isMeshError(error))
  t.ok(isMeshError(error, 'ERR_TIMEOUT'))
  t.notOk(isMeshError(error, 'ERR_ABORTED'))
  t.notOk(isMeshError({ code: 'ERR_TIMEOUT' }))
})

t.test('what is unexpected becomes an internal error that keeps its cause', async (t) => {
  const expected = new MeshError('ERR_TIMEOUT', 'late')
  t.equal(toMeshError(expected), expected)
  const cause = new TypeError('x is not a function')
  t.match(toMeshError(cause), { code: 'ERR_INTERNAL', message: cause.message, cause })
  t.match(toMeshError('text'), { code: 'ERR_INTERNAL', message: 'text', cause: 'text' })
})
