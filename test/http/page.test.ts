import t from 'tap'
import { call, startHarness } from './harness.ts'

const POLICY = /^default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'/

t.test('serves the dashboard on every listener, each file of it as it is', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  for (const target of [harness.url, harness.socketPath]) {
    const page = await call(target, 'GET', '/')
    t.match(page, {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      },
    })
    const links = [...page.body.toString().matchAll(/(?:href|src)="(\/page\/[^"]+)"/g)]
    t.equal(links.length, 3)
    for (const [, path = ''] of links) {
      const file = await call(target, 'GET', path)
      t.match(file, { status: 200, headers: { 'content-security-policy': POLICY } }, path)
      const again = await call(target, 'GET', path, {
        headers: { 'If-None-Match': file.headers.etag ?? '' },
      })
      t.match(again, { status: 304, headers: { etag: file.headers.etag } })
      t.equal(again.body.length, 0)
    }
  }
})

t.test('has every module that its modules import', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const seen = new Set<string>()
  const follow = async (name: string): Promise<void> => {
    if (seen.has(name)) return
    seen.add(name)
    const { status, headers, body } = await call(harness.url, 'GET', `/page/${name}`)
    t.equal(status, 200, name)
    t.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    for (const [, next = ''] of body.toString().matchAll(/^import .* from '\.\/(.*)'$/gm)) {
      await follow(next)
    }
  }
  await follow('main.js')
  t.ok(seen.size > 5)
})

t.test('serves nothing else from there', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  for (const path of [
    '/page/',
    '/page/tsconfig.json',
    '/page/../index.ts',
    '/page/%2e%2e/index.ts',
    '/page/..%2findex.ts',
    '/page/nothing.js',
  ]) {
    t.match(await call(harness.url, 'GET', path), { status: 404 }, path)
  }
  t.match(await call(harness.url, 'PUT', '/'), { status: 405 })
  const head = await call(harness.url, 'HEAD', '/')
  t.match(head, { status: 200, headers: { 'content-type': /html/ } })
  t.equal(head.body.length, 0)
})

t.test('lets a browser run nothing of any other answer', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  for (const path of ['/files', '/status', '/nowhere', '/files/hello.txt']) {
    t.match(await call(harness.url, 'GET', path), {
      headers: { 'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'" },
    })
  }
})
