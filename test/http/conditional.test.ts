import t from 'tap'
import { matchesStrongly } from '../../src/http/range.ts'
import { parseTimestamp, sha256 } from '../../src/util/index.ts'
import { call, headersOf, sign, startHarness, stranger } from './harness.ts'
import type { Timestamp } from '../../src/util/index.ts'

t.test('a strong tag matches itself, in a list too, and * matches what is there', async (t) => {
  t.ok(matchesStrongly('"a", "b"', ['"b"']))
  t.notOk(matchesStrongly('W/"b"', ['"b"']))
  t.notOk(matchesStrongly('b', ['"b"']))
  t.ok(matchesStrongly(' * ', ['"b"']))
  t.notOk(matchesStrongly('*', []))
})

t.test(
  'takes an upload only if the current version is the one it is meant to replace',
  async (t) => {
    const harness = await startHarness()
    t.teardown(harness.stop)
    const put = async (
      version: number,
      headers: Record<string, string>,
      keys?: (typeof stranger)[],
    ) => {
      const content = `content ${version}`
      const signed = await sign(content, { version }, keys)
      return call(harness.url, 'PUT', '/files/hello.txt', {
        headers: { ...headersOf(signed), ...headers },
        body: content,
      })
    }
    const none = await put(1, { 'If-Match': '*' })
    t.match(none.json(), { status: 412, code: 'ERR_PRECONDITION_FAILED', current: null })
    const first = await put(1, { 'If-None-Match': '*' })
    t.equal(first.status, 201)
    const tag = `"${sha256('content 1')}"`
    t.equal(first.headers.etag, tag)
    t.equal((await put(1, { 'If-None-Match': '*' })).status, 200, 'the same again did succeed')

    const asked = harness.files.piecesRead()
    const second = await put(2, { 'If-None-Match': '*' })
    t.match(second.json(), { status: 412, current: { version: 1 }, name: 'hello.txt' })
    t.match((await put(2, { 'If-Match': '"other"' })).json(), { code: 'ERR_PRECONDITION_FAILED' })
    t.match((await put(2, { 'If-None-Match': tag })).json(), { code: 'ERR_PRECONDITION_FAILED' })
    t.equal(harness.files.piecesRead(), asked, 'nothing of the bodies was read')
    t.match(await put(2, { 'If-Match': '"other"' }, [stranger]), { status: 403 }, 'signers first')
    t.equal((await put(2, { 'If-Match': `"x", ${tag}` })).status, 201)

    const { headers } = await call(harness.url, 'GET', '/statements/hello.txt')
    t.equal((await put(3, { 'If-Match': headers.etag ?? '' })).status, 201)
    const listed = (await call(harness.url, 'GET', '/files?name=hello.txt')).json()
    const [{ current }] = listed.files as [{ current: { id: string } }]
    t.equal((await put(4, { 'If-Match': `"${current.id}"` })).status, 201)

    const tombstone = await sign(undefined, { version: 5 })
    const remove = (condition: string) =>
      call(harness.url, 'DELETE', '/files/hello.txt', {
        headers: { ...headersOf(tombstone), 'If-Match': condition },
      })
    t.equal((await remove('"other"')).status, 412)
    t.equal((await remove('*')).status, 201)
    t.equal((await put(6, { 'If-Match': '*' })).status, 412, 'what is deleted is not there')
    t.equal((await put(6, { 'If-None-Match': '*' })).status, 201)
  },
)

t.test('what has expired is not there', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const put = async (version: number, fields: object, headers: Record<string, string>) => {
    const signed = await sign('x', { version, ...fields })
    return call(harness.url, 'PUT', '/files/hello.txt', {
      headers: { ...headersOf(signed), ...headers },
      body: 'x',
    })
  }
  const expires = (parseTimestamp('2020-01-01T00:00:00.000Z') ?? 0) as Timestamp
  t.equal((await put(1, { expires }, {})).status, 201)
  t.equal((await put(2, {}, { 'If-Match': '*' })).status, 412)
  t.equal((await put(2, {}, { 'If-None-Match': '*' })).status, 201)
})
