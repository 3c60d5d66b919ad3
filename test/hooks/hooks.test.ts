import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MAX_HOOK_ATTEMPTS, MAX_HOOKS_AT_ONCE } from '../../src/hooks/limits.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { systemClock } from '../../src/util/index.ts'
import { createWorld, livingIn, script } from './harness.ts'

const note = 'echo "$1 $2 $3 $4" >>"$log"'

/** Until it is told to go on, or the test is over: one that was killed leaves nothing running. */
const WAIT = 'while [ -e "$0" ] && [ ! -e "$log.go" ]; do sleep 0.02; done'

t.test('runs with what the file is, in arguments and environment', async (t) => {
  const home = t.testdir()
  const program = script(
    home,
    'hook',
    'echo "$* $MESH_FILE_NAME $MESH_FILE_VERSION $MESH_FILE_STATE $MESH_FILE_PATH" >>"$log"; env | sort >"$log.env"',
  )
  const environment = {
    ...{ PATH: process.env.PATH ?? '', LANG: 'C', HOME: '/home/mesh' },
    ...{ CREDENTIALS_DIRECTORY: '/run/credentials', NOTIFY_SOCKET: '/run/notify', TOKEN: 'x' },
  }
  const onChange = [program, '--flag', 'a b;c']
  const world = await createWorld({ home, environment, onChange })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.show('certs/site', 3)
  await world.until(() => world.hooks.counts().succeeded === 1)
  t.same(world.log(), [
    '--flag a b;c certs/site 3 shown /state/files/certs/site certs/site 3 shown /state/files/certs/site',
  ])
  const names = readFileSync(join(home, 'log.env'), 'utf8').replace(/=.*$/gm, '').trim().split('\n')
  const shells = ['PWD', 'OLDPWD', 'SHLVL', '_', 'NODE_OPTIONS']
  t.same(
    names.filter((name) => !shells.includes(name) && !/^_TAPJS|\//.test(name)),
    [
      ...['HOME', 'LANG', 'MESH_FILE_NAME', 'MESH_FILE_PATH', 'MESH_FILE_STATE'],
      ...['MESH_FILE_STATEMENT', 'MESH_FILE_VERSION', 'MESH_HOOK_RUN', 'PATH'],
    ],
  )
})

t.test(
  'runs for what was to be seen before it was there, once, also across restarts',
  async (t) => {
    const home = t.testdir()
    const store = createMemoryStore()
    await store.open()
    const onChange = [script(home, 'hook', note)]
    const first = await createWorld({ home, store, onChange, files: { a: 1, b: 7 } })
    await first.hooks.start()
    await first.hooks.start()
    await first.until(() => first.hooks.counts().succeeded === 2)
    await first.hooks.stop()
    t.same(first.log().toSorted(), ['a 1 shown /state/files/a', 'b 7 shown /state/files/b'])

    const second = await createWorld({ home, store, onChange, files: { a: 1, b: 8 } })
    await second.hooks.start()
    await second.until(() => second.hooks.counts().succeeded === 1)
    t.same(second.log().slice(2), ['b 8 shown /state/files/b'], 'only what is new')
    second.show('a', 1)
    second.show('a', 2, 'deleted')
    await second.until(() => second.hooks.counts().succeeded === 2)
    t.same(second.log().slice(3), ['a 2 deleted /state/files/a'])
    second.show('c', 1, 'missing')
    second.show('a', 3, 'missing')
    second.show('d', 1)
    await second.until(() => second.hooks.counts().succeeded === 3)
    t.equal(second.log().at(-1), 'd 1 shown /state/files/d', 'nothing for what was not to be seen')
    await second.hooks.stop()

    const third = await createWorld({ home, store, files: { a: 4 } })
    await third.hooks.start()
    await third.hooks.stop()
    const fourth = await createWorld({ home, store, onChange, files: { a: 4, b: 8 } })
    await fourth.hooks.start()
    t.teardown(fourth.hooks.stop)
    await fourth.until(() => fourth.hooks.counts().succeeded === 2)
    t.pass('what has had no hook for a while is forgotten')
  },
)

t.test('changes that come while it runs are one more run, for the latest', async (t) => {
  const home = t.testdir()
  const program = script(home, 'hook', `${note}; ${WAIT}`)
  const world = await createWorld({ home, onChange: [program] })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.show('a', 1)
  await world.until(() => world.log().length === 1)
  for (let version = 2; version <= 1_000; version++) world.show('a', version)
  t.match(world.hooks.counts(), { running: 1, waiting: 1 })
  script(home, 'log.go', '')
  await world.until(() => world.hooks.counts().succeeded === 2)
  t.same(world.log(), ['a 1 shown /state/files/a', 'a 1000 shown /state/files/a'])
})

t.test('a bounded number runs at once, whatever changes', async (t) => {
  const home = t.testdir()
  const program = script(home, 'hook', `${note}; ${WAIT}`)
  const world = await createWorld({ home, onChange: [program] })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  for (let index = 0; index < 12; index++) world.show(`many/${index}`, 1)
  await world.until(() => world.log().length === MAX_HOOKS_AT_ONCE)
  t.match(world.hooks.counts(), { running: MAX_HOOKS_AT_ONCE, waiting: 12 - MAX_HOOKS_AT_ONCE })
  script(home, 'log.go', '')
  await world.until(() => world.hooks.counts().succeeded === 12)
  t.equal(new Set(world.log()).size, 12)
})

t.test('one that hangs is ended with all it has started, and tried again', async (t) => {
  const home = t.testdir()
  const hang = 'trap "" TERM; echo $$ >>"$log"; sleep 3600 & sleep 3600 & wait; wait'
  const clock = {
    ...systemClock,
    // The grace between the signals, and the wait before the next attempt.
    schedule: (delayMs: number, run: () => void) =>
      systemClock.schedule(delayMs === 2_000 ? 50 : delayMs, run),
  }
  const onChange = [script(home, 'hook', hang)]
  const world = await createWorld({ home, clock, onChange, timeoutMs: 150 })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.show('a', 1)
  await world.until(() => world.hooks.counts().timedOut === 1)
  t.match(world.health.list(), [
    { code: 'hook-failed', subject: 'a', message: /did not end within/ },
  ])
  const group = Number(world.log()[0])
  await world.until(() => livingIn(group) === 0)
  await world.until(() => world.log().length === 2)
})

t.test('one that fails is tried a few times, longer and longer, and then left alone', async (t) => {
  const home = t.testdir()
  const waits: number[] = []
  const clock = {
    ...systemClock,
    schedule(delayMs: number, run: () => void) {
      if (delayMs < 2_000 || delayMs > 1_000_000 || delayMs === 60_000) {
        return systemClock.schedule(delayMs, run)
      }
      waits.push(delayMs)
      return systemClock.schedule(0, run)
    },
  }
  const program = script(
    home,
    'hook',
    `${note}; echo "it broke" >&2; [ -e "$log.mended" ] || exit 3`,
  )
  const world = await createWorld({ home, clock, onChange: [program] })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.show('many/a', 1)
  await world.until(() => world.hooks.counts().failed === MAX_HOOK_ATTEMPTS)
  await world.until(() => world.hooks.counts().running === 0)
  t.same(waits, [2_000, 8_000, 32_000, 128_000])
  t.match(world.health.list(), [
    {
      code: 'hook-failed',
      subject: 'many/*',
      severity: 'warning',
      message: /ended with 3, 5 times/,
    },
  ])
  t.ok(world.lines.some(({ line, name }) => line === 'it broke' && name === 'many/a'))
  world.show('many/b', 1)
  await world.until(() => world.hooks.counts().failed === MAX_HOOK_ATTEMPTS * 2)
  await world.until(() => world.health.list().some(({ message }) => /and of 1 more/.test(message)))
  script(home, 'log.mended', '')
  world.show('many/a', 2)
  await world.until(() => world.hooks.counts().succeeded === 1)
  t.equal(world.health.list().length, 1, 'the other one has still failed')
  world.show('many/b', 2)
  await world.until(() => world.hooks.counts().succeeded === 2)
  await world.until(() => world.health.list().length === 0)
})

t.test('what was ended with the daemon runs again at the next start', async (t) => {
  const home = t.testdir()
  const store = createMemoryStore()
  await store.open()
  const slow = script(home, 'hook', `${note}; [ -e "$log.go" ] || sleep 3600`)
  const first = await createWorld({ home, store, onChange: [slow], files: { a: 1 } })
  await first.hooks.start()
  await first.until(() => first.log().length === 1)
  await first.hooks.stop()
  await first.hooks.stop()
  t.match(first.hooks.counts(), { running: 0, succeeded: 0, failed: 0 })
  script(home, 'log.go', '')
  const second = await createWorld({ home, store, onChange: [slow], files: { a: 1 } })
  await second.hooks.start()
  t.teardown(second.hooks.stop)
  await second.until(() => second.hooks.counts().succeeded === 1)
  t.equal(second.log().length, 2)
})

t.test('runs every program of the directory, in order, after the own one', async (t) => {
  const home = t.testdir({ 'hooks.d': { '30-text': 'no program' } })
  const directory = join(home, 'hooks.d')
  const own = script(home, 'own', 'echo "own $1" >>"$log"')
  for (const name of ['20-two', '10-one', '.hidden', '15-backup~']) {
    const path = script(home, name, `echo "${name} $1 $2 $3" >>"$log"`)
    mkdirSync(directory, { recursive: true })
    const { renameSync } = await import('node:fs')
    renameSync(path, join(directory, name))
  }
  const world = await createWorld({ home, directory, onChange: [own] })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.show('a', 1)
  await world.until(() => world.hooks.counts().succeeded === 1)
  t.same(world.log(), ['own a', '10-one a 1 shown', '20-two a 1 shown'])
  world.show('_mesh/revoked', 1)
  chmodSync(join(directory, '20-two'), 0o757)
  world.show('a', 2)
  await world.until(() => world.hooks.counts().failed === 1)
  t.match(world.health.list(), [{ message: /may be changed by everybody; run: chmod o-w/ }])
  t.equal(world.log().length, 3, "nothing ran, for the network's own files neither")
  chmodSync(directory, 0o777)
  world.show('a', 3)
  await world.until(() => world.hooks.counts().failed === 2)
})

t.test('a program that is not there, or none, is a failure that says so', async (t) => {
  const home = t.testdir({ text: 'x' })
  const world = await createWorld({ home, onChange: [join(home, 'none')] })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.show('a', 1)
  await world.until(() => world.hooks.counts().failed === 1)
  t.match(world.health.list(), [{ message: /cannot be run: there is no such file/ }])
  const other = await createWorld({ home, onChange: [join(home, 'text')] })
  await other.hooks.start()
  t.teardown(other.hooks.stop)
  other.show('a', 1)
  await other.until(() => other.hooks.counts().failed === 1)
  t.match(other.health.list(), [{ message: /could not be run: .*EACCES/ }])
})

t.test('runs nothing as root, unless that is allowed, and says so', async (t) => {
  const home = t.testdir()
  const onChange = [script(home, 'hook', note)]
  const world = await createWorld({ home, onChange, isRoot: true, files: { a: 1 } })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  await world.until(() => world.health.list().length > 0)
  t.match(world.health.list(), [{ code: 'hooks-as-root', severity: 'error' }])
  world.show('a', 2)
  await world.until(() => world.hooks.counts().waiting === 0)
  t.notOk(existsSync(join(home, 'log')))
  world.hooks.configure({
    ...{ filesDirectory: '/other', treesDirectory: '/trees' },
    ...{ timeoutMs: 60_000, allowRoot: true },
  })
  await world.until(() => world.hooks.counts().succeeded === 1)
  t.same(world.log(), ['a 2 shown /other/a'])
  await world.until(() => world.health.list().length === 0)
})

t.test('of what is unpacked it runs when the tree is there, and for each tree', async (t) => {
  const home = t.testdir()
  const text = 'echo "$2 $3 $MESH_FILE_TREE" >>"$log"'
  const onChange = [script(home, 'hook', text)]
  const world = await createWorld({ home, onChange, unpack: true, files: { a: 1, b: 1 } })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  world.unpacked('b', 'b-1')
  await world.until(() => world.hooks.counts().succeeded === 1)
  t.same(world.log(), ['1 shown /state/trees/b'], 'the tree of the other is not there yet')
  world.unpacked('a', 'a-1')
  await world.until(() => world.hooks.counts().succeeded === 2)
  world.unpacked('a', 'a-1')
  world.unpacked('a', 'a-1-made-anew')
  await world.until(() => world.hooks.counts().succeeded === 3)
  world.show('a', 2, 'deleted')
  world.unpacked('a', 'absent')
  await world.until(() => world.hooks.counts().succeeded === 4)
  t.same(world.log().slice(1), [
    ...['1 shown /state/trees/a', '1 shown /state/trees/a', '2 deleted /state/trees/a'],
  ])
})

t.test('a damaged memory of what was handled has the hook run once more', async (t) => {
  const home = t.testdir()
  const store = createMemoryStore()
  await store.open()
  const { table } = await import('../../src/store/index.ts')
  await store.transaction((tx) =>
    tx.put(table('hooks-handled'), Buffer.from('a'), Uint8Array.of(9)),
  )
  const world = await createWorld({
    home,
    store,
    onChange: [script(home, 'hook', note)],
    files: { a: 1 },
  })
  await world.hooks.start()
  t.teardown(world.hooks.stop)
  await world.until(() => world.hooks.counts().succeeded === 1)
  t.pass()
})
