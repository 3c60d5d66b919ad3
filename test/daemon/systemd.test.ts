import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { createNotifier } from '../../src/daemon/systemd.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { createLmdbStore } from '../../src/store/index.ts'
import { systemClock } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const works = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0

const missing = works('python3', '--version')
  ? works('systemd-notify', '--version')
    ? false
    : 'systemd-notify is not installed (package systemd)'
  : 'python3 is not installed; the test needs it for a datagram socket'

/** What a service manager has: a unix datagram socket. Prints each message as one line of JSON. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps("bound"), flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`

const startReceiver = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-notify-'))
  const path = join(directory, 'notify')
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, string>> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true) throw new Error('the receiver has ended')
      const message: string = JSON.parse(value)
      // systemd-notify waits until what it sent was read; that is not a message of ours.
      if (message === 'BARRIER=1') continue
      return Object.fromEntries(
        message
          .trim()
          .split('\n')
          .map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
      )
    }
  }
  await next()
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit')
    child.kill()
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
  return { path, next, stop }
}

t.test('tells a service manager the states of a daemon, in order', { skip: missing }, async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const notifier = createNotifier(
    { logger: silentLogger, clock: systemClock },
    { environment: { ...process.env, NOTIFY_SOCKET: receiver.path } },
  )
  const beforeUsec = process.hrtime.bigint() / 1_000n
  await Promise.all([notifier.ready('serving http://x'), notifier.reloading(), notifier.stopping()])
  t.match(await receiver.next(), {
    READY: '1',
    STATUS: 'serving http://x',
    MAINPID: String(process.pid),
  })
  const { RELOADING, MONOTONIC_USEC } = await receiver.next()
  t.equal(RELOADING, '1')
  const usec = BigInt(MONOTONIC_USEC ?? 0)
  t.ok(usec >= beforeUsec && usec <= process.hrtime.bigint() / 1_000n)
  t.match(await receiver.next(), { STOPPING: '1' })
  await notifier.failed('dm.toml:1:1: wrong\nREADY=1')
  t.same(await receiver.next(), { STATUS: 'could not start: dm.toml:1:1: wrong READY=1' })
})

t.test('feeds the watchdog every half period until stopped', { skip: missing }, async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const clock = createVirtualClock()
  const environment = {
    ...process.env,
    NOTIFY_SOCKET: receiver.path,
    WATCHDOG_USEC: '30000000',
    WATCHDOG_PID: String(process.pid),
  }
  const notifier = createNotifier({ logger: silentLogger, clock }, { environment })
  // A line end would begin the next assignment.
  const stop = notifier.startWatchdog(() => 'no-peers;\nserving http://x')
  // Messages queue up, so when this one has been taken the one before has been, and is followed up.
  const taken = async (): Promise<void> => {
    await notifier.stopping()
    await receiver.next()
  }
  for (let beat = 0; beat < 3; beat++) {
    await clock.advance(14_999)
    t.equal(clock.pending(), 1)
    await clock.advance(1)
    t.match(await receiver.next(), { WATCHDOG: '1', STATUS: 'no-peers; serving http://x' })
    await taken()
  }
  stop()
  t.equal(clock.pending(), 0)
})

t.test('shows the store of the daemon to no program that it runs', async (t) => {
  const store = createLmdbStore({ path: join(t.testdir(), 'db') })
  await store.open()
  t.teardown(() => store.close())
  const directory = t.testdir({ 'systemd-notify': '#!/bin/sh\nls -l /proc/self/fd >"$LIST"\n' })
  chmodSync(join(directory, 'systemd-notify'), 0o755)
  const list = join(directory, 'list')
  const environment = {
    PATH: `${directory}:${process.env.PATH}`,
    NOTIFY_SOCKET: '/nowhere',
    LIST: list,
  }
  await createNotifier({ logger: silentLogger, clock: systemClock }, { environment }).ready('x')
  const lines = readFileSync(list, 'utf8').trim().split('\n')
  t.ok(lines.length > 3, 'it lists them')
  t.same(
    lines.filter((line) => line.includes('data.mdb')),
    [],
  )
})

t.test('does nothing where there is no service manager', async (t) => {
  const clock = createVirtualClock()
  const notifier = createNotifier(
    { logger: silentLogger, clock },
    { environment: { PATH: '/nowhere', WATCHDOG_USEC: '30000000' } },
  )
  await notifier.ready('x')
  await notifier.stopping()
  notifier.startWatchdog()()
  t.equal(clock.pending(), 0)
})

t.test('leaves alone a watchdog that is meant for another process', async (t) => {
  const clock = createVirtualClock()
  const environment = { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }
  createNotifier({ logger: silentLogger, clock }, { environment }).startWatchdog()()
  t.equal(clock.pending(), 0)
})

t.test('complains once when the service manager cannot be told, and goes on', async (t) => {
  const said: string[] = []
  const logger = { ...silentLogger, warn: (_: object, message: string) => void said.push(message) }
  const notifier = createNotifier(
    { logger, clock: systemClock },
    { environment: { PATH: '/nowhere', NOTIFY_SOCKET: '/nowhere' } },
  )
  await notifier.ready('x')
  await notifier.stopping()
  t.equal(said.length, 1)
})
