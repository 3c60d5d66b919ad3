import t from 'tap'
import { createHostCheck, isWorldReadable } from '../../src/http/access.ts'

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

t.test('only the permission of others counts as world-readable', async (t) => {
  t.ok(isWorldReadable({ mode: 0o644 }))
  t.ok(isWorldReadable({ mode: 0o004 }))
  t.notOk(isWorldReadable({ mode: 0o640 }))
  t.notOk(isWorldReadable({ mode: 0o773 }))
})
