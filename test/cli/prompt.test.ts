import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { writeKey } from './harness.ts'

const hasScript = spawnSync('script', ['--version']).status === 0
const start = join(import.meta.dirname, '../../src/cli/start.js')

/** Runs `mesh peer id --key` at a terminal of its own (util-linux's `script`) and types at its prompt. */
const typeAt = (key: string, typed: string): Promise<{ shown: string; code: number | null }> =>
  new Promise((resolve) => {
    const command = `exec ${process.execPath} ${start} peer id --key ${key}`
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'dumb' },
      timeout: 120_000,
    })
    let shown = ''
    let asked = false
    child.stdout.on('data', (chunk) => {
      shown += chunk
      if (asked || !shown.includes('Passphrase of')) return
      asked = true
      child.stdin.write(typed)
    })
    child.once('close', (code) => resolve({ shown, code }))
  })

t.test(
  'asks for a passphrase at the terminal, without showing it',
  { skip: !hasScript && 'there is no script(1)' },
  async (t) => {
    const key = writeKey(t.testdir({}), 1, 'correct horse')
    const { shown, code } = await typeAt(key, 'wrong\u0015corrrr\u007f\u007fect horse\r')
    t.equal(code, 0)
    t.match(shown, /Passphrase of .*1\.key: \r?\n12D3KooW/)
    t.notMatch(shown, /horse/)
  },
)

t.test(
  'Ctrl-C at the prompt ends it',
  { skip: !hasScript && 'there is no script(1)' },
  async (t) => {
    const key = writeKey(t.testdir({}), 1, 'correct horse')
    t.match(await typeAt(key, 'half\u0003'), { code: 130, shown: /ERR_ABORTED/ })
  },
)

t.test(
  'a wrong passphrase is named as such',
  { skip: !hasScript && 'there is no script(1)' },
  async (t) => {
    const key = writeKey(t.testdir({}), 1, 'correct horse')
    t.match(await typeAt(key, 'donkey\r'), { code: 8, shown: /1\.key: .*passphrase/ })
  },
)
