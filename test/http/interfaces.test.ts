import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import { createInterfaceWatch } from '../../src/http/interface-watch.ts'
import { createFindAddresses, isAddress } from '../../src/http/interfaces.ts'
import { MeshError } from '../../src/errors/index.ts'
import { createHealth, silentLogger } from '../../src/observe/index.ts'
import { createBlinds, createLmdbStore } from '../../src/store/index.ts'
import { systemClock } from '../../src/util/index.ts'
import { call, startHarness } from './harness.ts'
import type { Test } from 'tap'

const noBlinds = async () => ({ stdio: [], close: async () => {} })
const findAddresses = createFindAddresses({ createBlinds: noBlinds, path: process.env.PATH })

t.test('tells an address from an interface', async (t) => {
  for (const address of ['127.0.0.1', '::1', 'localhost']) t.ok(isAddress(address), address)
  for (const name of ['lo', 'wg0', 'enp0s31f6', 'my-network']) t.notOk(isAddress(name), name)
})

t.test('finds the addresses of an interface, and none where there is none', async (t) => {
  const loopback = Object.keys(networkInterfaces()).find((name) =>
    networkInterfaces()[name]?.some(({ address }) => address === '127.0.0.1'),
  )
  if (loopback !== undefined) t.ok((await findAddresses(loopback)).includes('127.0.0.1'))
  t.same(await findAddresses('no-such-interface'), [])
  t.same(await findAddresses('constructor'), [])
})

t.test('finds an interface by its alternative name', async (t) => {
  const module = new URL('../../src/http/interfaces.ts', import.meta.url)
  const ask = `import(${JSON.stringify(module.href)}).then(async ({ createFindAddresses }) => {
    const createBlinds = async () => ({ stdio: [], close: async () => {} })
    const findAddresses = createFindAddresses({ createBlinds, path: process.env.PATH })
    console.log(JSON.stringify(await findAddresses('mesh-alternative')))
  })`
  const setUp = 'ip link set lo up && ip link property add dev lo altname mesh-alternative'
  const script = `${setUp} || exit 77; exec '${process.execPath}' -e "$1"`
  const { status, stdout } = spawnSync('unshare', ['-rn', 'sh', '-c', script, 'sh', ask], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: process.env.PATH },
  })
  if (status === null || status === 77 || (status !== 0 && stdout === '')) {
    t.ok(true, 'this machine gives no network namespace of its own, or no alternative names', {
      skip: true,
    })
    return
  }
  t.ok(JSON.parse(stdout).includes('127.0.0.1'), stdout)
})

/** A directory with a program `ip` of ours. */
const withProgram = (t: Test, text: string): string => {
  const directory = t.testdir({ ip: `#!/bin/sh\n${text}\n` })
  chmodSync(join(directory, 'ip'), 0o755)
  return directory
}

t.test('what is asked for alternative names inherits nothing of the database', async (t) => {
  const store = createLmdbStore({ path: join(t.testdir(), 'store'), clock: systemClock })
  await store.open()
  t.teardown(() => store.close())
  const list = 'PATH=/usr/bin:/bin; readlink /proc/$$/fd/* >"$(dirname "$0")/open"'
  const path = withProgram(t, `${list}; echo '[{"ifname":"lo"}]'`)
  const find = createFindAddresses({ createBlinds, path })
  t.ok((await find('no-such-interface')).includes('127.0.0.1'), 'it was asked')
  t.notMatch(readFileSync(join(path, 'open'), 'utf8'), /mdb|store/)
})

t.test('what answers without end, badly or not at all has no names', async (t) => {
  for (const text of ['/bin/cat /dev/zero', 'exit 1', 'echo "["', 'echo "[]"', 'echo "[3]"']) {
    const path = withProgram(t, text)
    const find = createFindAddresses({ createBlinds, path })
    t.same(await find('no-such-interface'), [], text)
  }
  const find = createFindAddresses({ createBlinds, path: '/nonexistent' })
  t.same(await find('no-such-interface'), [])
})

t.test('listens on what an interface has, as it comes and goes', async (t) => {
  const health = createHealth({ clock: { nowMs: () => 0 } })
  const has = new Map<string, string[]>([['lo', ['127.0.0.1', '::1']]])
  const taken = new Set<string>()
  const open = new Set<string>()
  const watch = createInterfaceWatch(
    {
      health,
      logger: silentLogger,
      find: async (name) => has.get(name) ?? [],
      async listen(address) {
        if (taken.has(address)) throw new MeshError('ERR_LISTEN_FAILED', `${address} is taken`)
        open.add(address)
        return async () => void open.delete(address)
      },
    },
    { entries: ['127.0.0.1', 'lo', 'wg0'] },
  )
  t.ok(watch.isNeeded)
  await watch.check({ strict: true })
  t.same([...open], ['::1'], 'what is listened on by its address is not listened on twice')
  t.match(health.list(), [{ code: 'http-interface-missing', subject: 'wg0' }])

  has.set('wg0', ['10.0.0.1', 'fd00::1'])
  taken.add('fd00::1')
  await watch.check({ strict: false })
  t.same([...open], ['::1', '10.0.0.1'])
  t.match(health.list(), [{ code: 'http-listen-failed', subject: 'fd00::1' }])
  await t.rejects(watch.check({ strict: true }), { code: 'ERR_LISTEN_FAILED' })

  taken.clear()
  has.set('wg0', ['10.0.0.2', 'fd00::1'])
  await watch.check({ strict: false })
  t.same([...open], ['::1', '10.0.0.2', 'fd00::1'])
  t.same(health.list(), [])

  has.delete('wg0')
  await watch.check({ strict: false })
  t.same([...open], ['::1'])
  t.match(health.list(), [{ code: 'http-interface-missing' }])
})

t.test('serves on an interface that is named', async (t) => {
  const findAddresses = async (name: string) => (name === 'lo' ? ['127.0.0.1'] : [])
  const harness = await startHarness({ listen: ['lo', 'wg0'], findAddresses })
  t.teardown(harness.stop)
  t.match(harness.http.urls(), [/^http:\/\/127\.0\.0\.1:\d+$/])
  t.equal((await call(harness.url, 'GET', '/files')).status, 200)
  const named = await call(harness.url, 'GET', '/files', { headers: { Host: 'lo' } })
  t.equal(named.status, 403, 'an interface is no name of this machine')
  t.match(harness.health.list(), [{ code: 'http-interface-missing', subject: 'wg0' }])
})
