import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { withReference } from '../../scripts/http-reference.ts'
import { showSchema } from '../../src/http/docs-page.ts'
import { createOpenapi } from '../../src/http/openapi.ts'
import { routes } from '../../src/api/index.ts'
import { faultsOf, undocumented } from '../support/openapi.ts'
import { call, openapi, send, startHarness } from './harness.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/http-api.md'), 'utf8')

t.test('every route of the API is in the document', async (t) => {
  const { paths } = await openapi()
  for (const [name, route] of Object.entries(routes)) {
    const path = typeof route === 'string' ? route : route('').replace(/\/$/, '/{name}')
    t.ok(Object.hasOwn(paths, path), `${name}: ${path} has an operation`)
  }
  t.same(Object.keys(paths['/files/{name}'] ?? {}).sort(), ['delete', 'get', 'put'])
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { summary, description, parameters, responses }] of Object.entries(
      methods,
    )) {
      t.match(summary, /^[a-z]|^this/, `${method} ${path}`)
      t.match(description, /^Over TCP without a token: \S/)
      t.ok(
        Object.keys(responses).some((status) => status < '300'),
        `${path} can succeed`,
      )
      t.match(responses[429]?.description, /ERR_LIMIT_EXCEEDED/)
      const names = parameters.map(({ name, in: place }) => `${place} ${name}`)
      t.equal(new Set(names).size, names.length)
      for (const each of parameters) if (each.in === 'query') t.match(each.description, /\.$/)
    }
  }
})

t.test('the tables of docs/http-api.md name every route', async (t) => {
  const { paths } = await openapi()
  const table = page.slice(0, page.indexOf('## Upload'))
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const line = new RegExp(`\`${method.toUpperCase()}[^\`]*?${path.replaceAll('/', '\\/')}\``)
      t.match(table, line, `${method} ${path} is in the first table`)
    }
  }
})

t.test(
  'the reference in docs/http-api.md is what the routes say: node scripts/docs.ts',
  async (t) => {
    t.equal(page, withReference(page, await openapi()))
  },
)

t.test('a page shows it without a script and without anything from elsewhere', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const { headers, body } = await call(harness.url, 'GET', '/docs')
  const html = body.toString()
  t.match(headers['content-type'], /^text\/html/)
  t.notMatch(html, /<script|javascript:|\son[a-z]+=|https?:|<img|<link|url\(/i)
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  t.match(headers['content-security-policy'], `default-src 'none'; style-src 'sha256-${hash}'`)
  for (const path of Object.keys((await openapi()).paths)) t.ok(html.includes(path), path)
  t.match(html, /&#60;|&#34;/, 'what the document says is text here')
  t.match((await call(harness.url, 'GET', '/openapi.json')).json(), { openapi: '3.0.3' })
})

t.test('shows a schema in a few words', async (t) => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'array', items: { type: 'string', nullable: true } },
      b: { oneOf: [{ type: 'integer' }, { type: 'string', enum: ['x', 'y'] }] },
    },
  }
  t.equal(showSchema(schema), '{\n  a: [string | null, …],\n  b: integer | "x" | "y"\n}')
})

t.test('what is not in the document is noticed in any answer of these tests', async (t) => {
  const document = await openapi()
  const seen = (status: number, body: unknown, type = 'application/json') => ({
    ...{ status, type, body: JSON.stringify(body) },
  })
  const good = { networkId: 'x', files: [] }
  t.same(undocumented(document, 'GET', '/files?x', seen(200, good)), [])
  t.match(undocumented(document, 'GET', '/files', seen(200, { ...good, more: 1 })), [/more/])
  t.match(undocumented(document, 'GET', '/files', seen(200, { files: [] })), [
    /networkId is missing/,
  ])
  t.match(undocumented(document, 'GET', '/files', seen(200, { ...good, files: [1] })), [
    /no object/,
  ])
  t.match(undocumented(document, 'GET', '/files', seen(418, good)), [/418 is not among/])
  t.match(undocumented(document, 'GET', '/files', seen(200, good, 'text/html')), [/text\/html/])
  t.match(undocumented(document, 'GET', '/none', seen(200, good)), ['no operation'])
  const problem = {
    type: 't',
    title: 't',
    status: 404,
    detail: 'd',
    code: 'ERR_FILE_NOT_CONFIGURED',
  }
  const type = 'application/problem+json'
  t.same(undocumented(document, 'GET', '/files', seen(404, { ...problem, more: 1 }, type)), [])
  const other = { ...problem, code: 'ERR_FILE_EXPIRED' }
  t.match(undocumented(document, 'GET', '/files', seen(404, other, type)), [
    /ERR_FILE_EXPIRED is none of/,
  ])
  t.match(faultsOf({ oneOf: [{ type: 'string' }, { type: 'string' }] }, 'x', document), [/fits 2/])
  const harness = await startHarness()
  t.teardown(harness.stop)
  t.equal((await send(harness.url, 'GET', '/files')).status, 200)
})

t.test(
  'routes that say nothing of themselves are left out, and bodies of one status are joined',
  async (t) => {
    const document = createOpenapi(
      [
        { method: 'GET', url: '/hidden' },
        {
          method: ['GET', 'HEAD'],
          url: '/x/*',
          schema: {
            operation: {
              summary: 's',
              overTcp: 'no',
              problems: ['ERR_STATE_UNUSABLE'],
              gives: { 204: null },
            },
            response: { 503: { type: 'string' } },
          },
        },
      ],
      { version: '1' },
    )
    t.match(document, { info: { version: '1' } })
    t.same(Object.keys(document.paths as object), ['/x/{name}'])
    const text = JSON.stringify(document)
    t.match(text, /"503":\{"description":"done; or: ERR_ABORTED/)
    t.match(text, /"204":\{"description":"done"\}/)
    t.notMatch(text, /"head"/)
  },
)
