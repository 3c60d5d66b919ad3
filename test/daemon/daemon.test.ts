import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/index.ts'
import { createDaemon } from '../../src/daemon/index.ts'
import { lockStateDirectory } from '../../src/disk/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'

const root = mkdtempSync(join(tmpdir(), 'mesh-daemon-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

const configOf = (name: string, http = 'port = 0') =>
  parseConfig(
    [
      `state_dir = "${root}/${name}"`,
      '[cluster]',
      'listen = ["/ip4/127.0.0.1/tcp/0"]',
      '[http]',
      http,
      '',
    ].join('\n'),
    { path: '/dm.toml', environment: { exists: () => false } },
  )

const make = (config: ReturnType<typeof configOf>, logger = silentLogger) =>
  createDaemon({ config, clock: systemClock, random: systemRandom, logger })

const isFree = async (stateDir: string): Promise<boolean> => {
  const lock = await lockStateDirectory(stateDir).catch(() => undefined)
  await lock?.release()
  return lock !== undefined
}

t.test('a start that fails at its last step undoes all others', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : 0
  const config = configOf('failing', `port = ${port}`)
  const daemon = make(config)
  await t.rejects(daemon.start(), { code: 'ERR_LISTEN_FAILED', message: /http\.port/ })
  t.ok(await isFree(config.stateDir))
  const next = make(configOf('failing'))
  const { http, cluster } = await next.start()
  t.match(http, [/^http:\/\/127\.0\.0\.1:\d+$/])
  t.match(cluster, [/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3Koo/])
  t.notOk(await isFree(config.stateDir))
  t.equal(await next.stop({ deadlineMs: 5_000 }), true)
  t.equal(await next.stop({ deadlineMs: 5_000 }), true)
  t.ok(await isFree(config.stateDir))
})

t.test('stopping during the start cancels it at every step', async (t) => {
  const names: string[] = []
  const note = (data: Readonly<Record<string, unknown>>): void => {
    if (typeof data.step === 'string' && !names.includes(data.step)) names.push(data.step)
  }
  const all = make(configOf('cancelled'), { ...silentLogger, info: note })
  await all.start()
  await all.stop({ deadlineMs: 5_000 })
  t.ok(names.includes('lock') && names.includes('http'), names.join(' '))

  for (const name of names) {
    const config = configOf('cancelled')
    let stopped: Promise<boolean> | undefined
    const daemon = make(config, {
      ...silentLogger,
      info(data) {
        if (data.step === name) stopped ??= daemon.stop({ deadlineMs: 5_000 })
      },
    })
    const started = daemon.start().then(
      () => undefined,
      (error: unknown) => error,
    )
    const error = await started
    if (name !== names.at(-1)) t.match(error, { code: 'ERR_ABORTED' }, `after ${name}`)
    t.equal(await stopped, true)
    t.ok(await isFree(config.stateDir), `nothing is left after ${name}`)
  }
})

t.test('a daemon that does not run has nothing to reload', async (t) => {
  const daemon = make(configOf('idle'))
  const report = await daemon.reload(async () => {
    throw new Error('not called')
  })
  t.same(report, { applied: false, restartNeeded: [] })
  t.same(daemon.health.list(), [])
})

t.test('an unreadable pre-shared key ends the start before anything listens', async (t) => {
  const psk = join(root, 'psk')
  writeFileSync(psk, 'junk', { mode: 0o600 })
  const config = configOf('open')
  const daemon = make({ ...config, network: { ...config.network, pskPaths: [psk] } })
  await t.rejects(daemon.start(), { code: 'ERR_PSK_MALFORMED' })
  t.ok(await isFree(config.stateDir))
})
