import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { checkOwnCertificate } from '../../src/daemon/certificate-watch.ts'
import { watchEventLoop } from '../../src/daemon/event-loop-watch.ts'
import { checkStateDirectory, makeStateDirectory } from '../../src/daemon/state-directory.ts'
import { generatePrivateKey, signCertificate } from '../../src/keys/index.ts'
import { createHealth, silentLogger } from '../../src/observe/index.ts'
import { parseTimestamp, systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { Timestamp } from '../../src/util/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'mesh-health-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const time = (text: string): Timestamp => parseTimestamp(text) ?? (0 as Timestamp)

t.test('warns of the end of its own certificate 14 days ahead', async (t) => {
  const networkKey = generatePrivateKey(systemRandom)
  const node = generatePrivateKey(systemRandom)
  const certificate = await signCertificate(networkKey, {
    network: 'home',
    name: 'alpha',
    key: node.publicKey,
    issued: time('2026-01-01T00:00:00.000Z'),
    expires: time('2026-03-01T00:00:00.000Z'),
    namespaces: [],
  })
  const own = {
    network: 'home',
    networkKeys: [networkKey.publicKey],
    key: node.publicKey,
    certificate,
  }
  const clock = createVirtualClock({ startMs: time('2026-02-14T00:00:00.000Z') })
  const health = createHealth({ clock })
  const check = (changes: Partial<Parameters<typeof checkOwnCertificate>[1]> = {}) => {
    const found = checkOwnCertificate({ health, clock }, { ...own, ...changes })
    return { name: found?.name, warnings: health.list() }
  }

  t.same(check(), { name: 'alpha', warnings: [] })
  clock.jumpWall(2 * 24 * 3_600_000)
  t.match(check(), {
    name: 'alpha',
    warnings: [{ code: 'certificate-expires-soon', severity: 'warning', message: /13 d/ }],
  })
  clock.jumpWall(14 * 24 * 3_600_000)
  t.match(check(), {
    name: undefined,
    warnings: [{ code: 'certificate-expired', severity: 'error' }],
  })
  t.equal(health.list().length, 1)
  const wrong = generatePrivateKey(systemRandom).publicKey
  for (const changes of [
    { networkKeys: [wrong] },
    { key: wrong },
    { network: 'other' },
    { certificate: 'junk' },
    { certificate: undefined },
    { certificate: new Error('no such file') },
  ]) {
    t.match(check(changes), {
      warnings: [{ code: 'certificate-invalid', severity: 'error', message: /no peer will let/ }],
    })
    t.equal(health.list().length, 1)
  }
  t.same(check({ networkKeys: [] }), { name: undefined, warnings: [] })
})

t.test('notices that nothing ran for a while, and forgets it', async (t) => {
  const clock = createVirtualClock()
  const lines: string[] = []
  const logger = { ...silentLogger, warn: (_: object, message: string) => void lines.push(message) }
  const health = createHealth({ clock, logger })
  let lateMs = 0
  const late = { ...clock, monotonicMs: () => clock.monotonicMs() + lateMs }
  const stop = watchEventLoop({ clock: late, health, logger })
  await clock.advance(5_000)
  t.same(health.list(), [])
  await clock.advance(500)
  lateMs = 4_000
  await clock.advance(500)
  t.match(health.list(), [{ code: 'event-loop-stalled', message: /4 s/ }])
  t.equal(lines.length, 1, 'one line says it')
  await clock.advance(60_000)
  t.same(health.list(), [])
  stop()
  t.equal(clock.pending(), 0)
})

t.test('makes the state directory for all to read, and warns when all may write', async (t) => {
  const path = join(directory, 'deep', 'state')
  const health = createHealth({ clock: createVirtualClock() })
  await makeStateDirectory(path)
  await makeStateDirectory(path)
  t.equal(statSync(path).mode & 0o007, 0o005)
  await checkStateDirectory(path, { health })
  t.same(health.list(), [])
  chmodSync(path, 0o777)
  await checkStateDirectory(path, { health })
  t.match(health.list(), [{ code: 'state-directory-writable', severity: 'error', subject: path }])
  chmodSync(path, 0o755)
  await checkStateDirectory(path, { health })
  t.same(health.list(), [])
})

t.test('says what to set when the state directory cannot be made', async (t) => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  await t.rejects(makeStateDirectory(join(file, 'state')), {
    code: 'ERR_STATE_UNUSABLE',
    message: /state_dir/,
  })
})
