import t from 'tap'
import { contentTypeOf } from '../../src/http/content-types.ts'
import { call, headersOf, sign, startHarness } from './harness.ts'

t.test('a type follows from the extension, or is configured', async (t) => {
  const types = {
    'a/b.txt': 'text/plain; charset=utf-8',
    'site.pem': 'application/x-pem-file',
    'DATA.JSON': 'application/json',
    'site.tar.gz': 'application/gzip',
    motd: 'application/octet-stream',
    'x.constructor': 'application/octet-stream',
    'x.unknown': 'application/octet-stream',
    'json.d/motd': 'application/octet-stream',
  }
  for (const [name, type] of Object.entries(types)) t.equal(contentTypeOf(name, undefined), type)
  t.equal(contentTypeOf('x.txt', 'application/vnd.mine'), 'application/vnd.mine')
})

t.test('nothing that a browser would run has a type that makes it run', async (t) => {
  const names = [
    'htm',
    'html',
    'xhtml',
    'svg',
    'xml',
    'js',
    'mjs',
    'css',
    'wasm',
    'pdfx',
    'mht',
    'xsl',
  ]
  for (const extension of names) {
    t.match(contentTypeOf(`x.${extension}`, undefined), /^(text\/plain|application\/octet-stream)/)
  }
})

t.test('content comes with a policy under which nothing of it runs', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const content = '<script>alert(1)</script>'
  const signed = await sign(content)
  await call(harness.url, 'PUT', '/files/hello.txt', { headers: headersOf(signed), body: content })
  const tag = (await call(harness.url, 'GET', '/files/hello.txt')).headers.etag ?? ''
  for (const headers of [{}, { Range: 'bytes=0-5' }, { 'If-None-Match': tag }]) {
    const answer = await call(harness.url, 'GET', '/files/hello.txt', { headers })
    t.match(answer.headers, {
      'content-security-policy': /^default-src 'none'; sandbox(;|$)/,
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
    if (answer.status !== 304) t.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
  }
})
