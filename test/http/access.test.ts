import t from 'tap'
import { createHostCheck, hostsOf, isWorldReadable } from '../../src/http/access.ts'

t.test(
  'answers to loopback names, its listeners, configured names, and the address reached',
  async (t) => {
    const check = createHostCheck(['10.0.0.5', 'Mesh.Example.org'])
    for (const host of [
      'localhost',
      'LOCALHOST:7331',
      'localhost.',
      '127.0.0.1:7331',
      '[::1]:7331',
      '[::1]',
      '10.0.0.5',
      'mesh.example.org:7331',
      '192.168.1.9:80',
    ]) {
      t.doesNotThrow(() => check(host, '::ffff:192.168.1.9'), host)
    }
  },
)

t.test('refuses every other name', async (t) => {
  const check = createHostCheck(['10.0.0.5'])
  for (const host of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.1.9',
    'localhost:123456',
    'localhost evil',
    'localhost@evil',
    '[::1',
    '[::1]evil',
    'a'.repeat(5000),
  ]) {
    t.throws(() => check(host, '127.0.0.1'), { code: 'ERR_REQUEST_FORBIDDEN' }, String(host))
  }
})

t.test('the target names a host too, and two fields are refused', async (t) => {
  const named = (url: string, ...rawHeaders: string[]) =>
    hostsOf({ url, rawHeaders, headers: { host: rawHeaders[1] } })
  t.same(named('/files', 'Host', 'localhost'), ['localhost'])
  t.same(named('*', 'host', 'localhost'), ['localhost'])
  t.same(named('http://evil.example/files', 'Host', 'localhost'), ['localhost', 'evil.example'])
  t.same(named('HTTPS://evil.example?x', 'Host', 'localhost'), ['localhost', 'evil.example'])
  t.same(named('ftp://localhost/', 'Host', 'localhost'), ['localhost', undefined])
  t.same(named('/', 'X', 'Host', 'Y', 'Host'), ['Host'], 'values are no fields')
  for (const second of ['evil.example', 'localhost']) {
    t.throws(() => named('/', 'Host', 'localhost', 'hOST', second), {
      code: 'ERR_REQUEST_MALFORMED',
    })
  }
})

t.test('only the permission of others counts as world-readable', async (t) => {
  t.ok(isWorldReadable({ mode: 0o644 }))
  t.ok(isWorldReadable({ mode: 0o004 }))
  t.notOk(isWorldReadable({ mode: 0o640 }))
  t.notOk(isWorldReadable({ mode: 0o773 }))
})
