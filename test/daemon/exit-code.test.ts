import t from 'tap'
import { exitCodeOf } from '../../src/daemon/exit-code.ts'
import { MeshError } from '../../src/errors/index.ts'

t.test('tells a service manager whether trying again makes sense', async (t) => {
  const codeOf = (code: ConstructorParameters<typeof MeshError>[0]) =>
    exitCodeOf(new MeshError(code, ''))
  for (const code of [
    'ERR_CONFIG_SYNTAX',
    'ERR_CONFIG_INVALID',
    'ERR_CONFIG_NOT_FOUND',
    'ERR_KEY_INSECURE',
    'ERR_PSK_MALFORMED',
    'ERR_STATE_NEWER',
  ] as const) {
    t.equal(codeOf(code), 78, code)
  }
  for (const code of ['ERR_STATE_LOCKED', 'ERR_DISK_FULL', 'ERR_LISTEN_FAILED'] as const) {
    t.equal(codeOf(code), 75, code)
  }
  t.equal(codeOf('ERR_INTERNAL'), 70)
  t.equal(codeOf('ERR_STATE_CORRUPT'), 70)
  t.equal(exitCodeOf(new TypeError('x')), 70)
  t.equal(codeOf('ERR_ABORTED'), 0)
})
