import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MAX_HOOK_LINE_CHARACTERS, MAX_HOOK_OUTPUT_BYTES } from '../../src/hooks/limits.ts'
import { createOutput } from '../../src/hooks/output.ts'
import { runCommand } from '../../src/hooks/run-command.ts'
import { createLmdbStore } from '../../src/store/index.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'

const run = async (
  text: string,
  { timeoutMs = 60_000, signal = new AbortController().signal } = {},
) => {
  const lines: string[] = []
  const ending = await runCommand(
    {
      program: '/bin/sh',
      arguments: ['-c', text],
      environment: { PATH: process.env.PATH ?? '' },
    },
    {
      clock: systemClock,
      random: systemRandom,
      timeoutMs,
      signal,
      onLine: (line) => lines.push(line),
    },
  )
  return { ending, lines }
}

t.test('says how a program ended', async (t) => {
  t.same((await run('exit 0')).ending, { outcome: 'succeeded' })
  t.match((await run('exit 7')).ending, { outcome: 'failed', why: 'ended with 7' })
  t.match((await run('kill -KILL $$')).ending, { outcome: 'failed', why: 'was ended by SIGKILL' })
  t.match((await run('sleep 3600', { timeoutMs: 50 })).ending, { outcome: 'timed-out' })
  const controller = new AbortController()
  const running = run('sleep 3600', { signal: controller.signal })
  controller.abort()
  t.match((await running).ending, { outcome: 'aborted' })
  t.match((await run('exit 0', { signal: controller.signal })).ending, { outcome: 'aborted' })
})

t.test('reads nothing from us, and runs where nothing lies about', async (t) => {
  t.same((await run('cat; pwd')).lines, ['/'])
})

t.test('what it leaves running is ended with it, and does not hold us', async (t) => {
  const { ending, lines } = await run('sleep 3600 & echo $!; exit 0')
  t.same(ending, { outcome: 'succeeded' })
  const pid = Number(lines[0])
  // Whoever has inherited it may not have looked yet.
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      break
    }
    const { readFileSync } = await import('node:fs')
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
})

/** A process that its parent has not yet looked after is not alive. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** A session of its own, below another: nobody's child, in nobody's group, holding the pipes. */
const LEAVE = 'setsid sh -c \'setsid sh -c "echo \\$\\$; exec sleep 600" & exec sleep 600\' &'

t.test('what has left its group and made a session of its own is ended with it', async (t) => {
  const flag = join(t.testdir(), 'flag')
  const left = LEAVE.replace('echo \\$\\$', `echo \\$\\$; touch ${flag}`)
  const wait = `while [ ! -e ${flag} ]; do sleep 0.01; done`
  for (const [end, outcome, timeoutMs] of [
    ['exit 0', 'succeeded', 60_000],
    ['exit 3', 'failed', 60_000],
    ['exec sleep 600', 'timed-out', 3_000],
  ] as const) {
    rmSync(flag, { force: true })
    const { ending, lines } = await run(`${left} ${wait}; ${end}`, { timeoutMs })
    t.match(ending, { outcome })
    const pids = lines.map(Number)
    if (outcome !== 'timed-out') t.equal(pids.length, 1)
    for (const pid of pids)
      while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5))
  }
})

t.test('what goes on with a large environment is found', async (t) => {
  // Before the mark; each variable may have 128 KiB. A shell would put them in another order.
  const large = 'x=$(head -c 120000 /dev/zero | tr "\\0" x);'
  const left =
    'env -i A=$x B=$x C=$x MESH_HOOK_RUN=$MESH_HOOK_RUN setsid "$(command -v sleep)" 600 &'
  const wait = 'while [ "$(cat /proc/$!/comm)" != sleep ]; do sleep 0.01; done; echo $!'
  const { ending, lines } = await run(`${large} ${left} ${wait}`)
  t.same(ending, { outcome: 'succeeded' })
  t.equal(lines.length, 1)
  const pid = Number(lines[0])
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  t.notOk(isAlive(pid))
})

t.test('what has thrown its environment away too is not found, and does not hold us', async (t) => {
  const flag = join(t.testdir(), 'flag')
  // Ends by itself, some time after the test.
  const left = `env -i setsid sh -c 'touch ${flag}; exec sleep 20' &`
  const { ending } = await run(`${left} while [ ! -e ${flag} ]; do sleep 0.01; done`)
  t.same(ending, { outcome: 'succeeded' })
})

t.test('a flood is ended, and little of it is told', async (t) => {
  const { ending, lines } = await run('yes 0123456789')
  t.match(ending, { outcome: 'failed', why: /wrote more than anybody reads/ })
  t.ok(lines.join('\n').length < MAX_HOOK_OUTPUT_BYTES + 100)
  t.match(lines.at(-1), /^\(\d+ bytes more were written\)$/)
})

t.test('lines are put together, cut, and kept apart by stream', async (t) => {
  const lines: string[] = []
  const output = createOutput((line) => lines.push(line))
  const [a, b] = [{}, {}]
  output.add(a, Buffer.from('one\r\ntw'))
  output.add(b, Buffer.from([0xc3]))
  output.add(a, Buffer.from('o\n\n'))
  output.add(b, Buffer.from([0xa4, 0x0a]))
  output.add(a, Buffer.from('x'.repeat(MAX_HOOK_LINE_CHARACTERS + 50)))
  output.end()
  t.same(lines, ['one', 'two', 'ä', 'x'.repeat(MAX_HOOK_LINE_CHARACTERS)])
})

t.test('does not get at the store of the daemon, which LMDB leaves open for it', async (t) => {
  const store = createLmdbStore({ path: join(t.testdir(), 'db') })
  await store.open()
  t.teardown(() => store.close())
  const { ending, lines } = await run('ls -l /proc/self/fd')
  t.same(ending, { outcome: 'succeeded' })
  t.ok(lines.length > 3, 'it lists them')
  t.same(
    lines.filter((line) => line.includes('data.mdb')),
    [],
  )
})
