/** The program that reads a whole database, beside a store that is in use. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLmdbStore, table } from '../../src/store/index.ts'
import { EXIT_ORPHANED, inspectDatabase, renewDatabase } from '../../src/store/inspect.ts'

const things = table('of-inspected-things')
const PROGRAM = join(import.meta.dirname, '../../src/store/inspect-main.ts')

t.test('a check shares no lock with whoever uses the database', async (t) => {
  // One whose daemon was killed may still run when the next daemon commits what it acknowledges.
  const path = join(t.testdir({}), 'db')
  const store = createLmdbStore({ path })
  await store.open()
  await store.transaction((tx) => tx.put(things, Buffer.from('key'), Buffer.from('value')))
  const lock = (): Buffer => readFileSync(join(path, 'lock.mdb'))
  const before = lock()
  await inspectDatabase(path)
  t.ok(lock().equals(before), 'reading has left its lock file alone')
  t.same(readdirSync(path).sort(), ['data.mdb', 'lock.mdb', 'openings'])
  await store.close()

  const after = lock()
  t.ok(await renewDatabase(path))
  t.ok(lock().equals(after), 'and so has copying')
  await store.open()
  t.equal(Buffer.from(store.get(things, Buffer.from('key')) ?? []).toString(), 'value')
  await store.close()
})

t.test('a check opens nothing when nobody waits for it any more', async (t) => {
  const path = t.testdir({})
  const nobody = '1'
  const { status } = spawnSync(process.execPath, [PROGRAM, nobody, path])
  t.equal(status, EXIT_ORPHANED)
  t.same(readdirSync(path), [])
})
