/** Log lines for the journal: it takes the level from the front of a line. */
import { spawnSync } from 'node:child_process'
import { fstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isJournal, withPriority } from '../../src/daemon/journal-output.ts'

t.test('gives each level its priority', async (t) => {
  const levels = { fatal: 60, error: 50, warn: 40, info: 30, debug: 20 }
  const priorities = Object.values(levels).map((level) =>
    withPriority(`{"level":${level},"a":1}\n`),
  )
  t.same(
    priorities.map((line) => line.slice(0, 3)),
    ['<2>', '<3>', '<4>', '<6>', '<7>'],
  )
  t.equal(withPriority('{"level":40,"level":10}\n'), '<4>{"level":40,"level":10}\n')
  t.equal(withPriority('not ours\n'), '<6>not ours\n')
})

t.test('takes for the journal only what is it', async (t) => {
  const fd = openSync(join(t.testdir(), 'log'), 'w')
  const { dev, ino } = fstatSync(fd)
  t.ok(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, fd))
  t.notOk(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, fd))
  t.notOk(isJournal({ JOURNAL_STREAM: 'x' }, fd))
  t.notOk(isJournal({}, fd))
})

t.test('a daemon that cannot start says so as an error', async (t) => {
  const directory = t.testdir({ 'dm.toml': 'nonsense = 1\n' })
  const [out, err] = ['out', 'err'].map((name) => openSync(join(directory, name), 'w'))
  const { dev, ino } = fstatSync(err ?? 0)
  const mesh = join(import.meta.dirname, '../../src/cli/start.js')
  const { status } = spawnSync(process.execPath, [mesh, 'server', '--config', 'dm.toml'], {
    cwd: directory,
    env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
    stdio: ['ignore', out ?? 0, err ?? 0],
  })
  t.equal(status, 78)
  const lines = readFileSync(join(directory, 'err'), 'utf8').trimEnd().split('\n')
  t.ok(lines.length > 1)
  for (const line of lines) t.match(line, /^<3>/)
})
