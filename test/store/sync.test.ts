/** That the store waits for the disk. Kill and crash tests cannot tell: the system keeps what it was given. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { failingSync, whyNoFailingSync } from '../support/failing-sync.ts'

const door = new URL('../../src/store/index.ts', import.meta.url).href

t.test(
  'acknowledges nothing that the disk did not confirm',
  { skip: whyNoFailingSync() },
  async (t) => {
    const directory = t.testdir({})
    const failing = failingSync(directory)
    if (failing === undefined) throw new Error('the C compiler made no library')
    const program = join(directory, 'program.mjs')
    writeFileSync(
      program,
      `
import { createLmdbStore, table } from ${JSON.stringify(door)}
import { rmSync, writeFileSync } from 'node:fs'
const [path, failing] = process.argv.slice(2)
const things = table('things')
const store = createLmdbStore({ path })
const put = (key) => store.transaction((tx) => tx.put(things, Buffer.from(key), Buffer.alloc(100)))
  .then(() => 'stored', (error) => error.code)
await store.open()
const said = [await put('a')]
writeFileSync(failing, '')
said.push(await put('b'))
rmSync(failing)
console.log(said.join())
process.exit(0)`,
    )
    const output = execFileSync(
      process.execPath,
      [program, join(directory, 'db'), failing.switchPath],
      {
        encoding: 'utf8',
        timeout: 60_000,
        env: { ...process.env, ...failing.env },
      },
    )
    t.equal(output.trim(), 'stored,ERR_STATE_UNUSABLE')
  },
)
