import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stageFile, writeOutput } from '../../src/cli/output.ts'
import { systemRandom } from '../../src/util/index.ts'

t.test('writes a file whole, with its mode whatever the umask', async (t) => {
  const path = join(t.testdir({}), 'x')
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  await writeOutput(path, 'text', { mode: 0o644, force: false }, systemRandom)
  t.equal(readFileSync(path, 'utf8'), 'text')
  t.equal(statSync(path).mode & 0o777, 0o644)
  t.same(readdirSync(join(path, '..')), ['x'], 'nothing else is left')
})

t.test('replaces only when told to', async (t) => {
  const directory = t.testdir({ x: 'old' })
  const path = join(directory, 'x')
  const again = (force: boolean) => writeOutput(path, 'new', { mode: 0o600, force }, systemRandom)
  await t.rejects(again(false), { code: 'ERR_OUTPUT_EXISTS' })
  t.equal(readFileSync(path, 'utf8'), 'old')
  await again(true)
  t.equal(readFileSync(path, 'utf8'), 'new')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(directory), ['x'])
})

t.test('does not write through a link', async (t) => {
  const directory = t.testdir({ target: 'old' })
  const path = join(directory, 'link')
  symlinkSync(join(directory, 'target'), path)
  await writeOutput(path, 'new', { mode: 0o600, force: true }, systemRandom)
  t.equal(readFileSync(join(directory, 'target'), 'utf8'), 'old')
  t.notOk(lstatSync(path).isSymbolicLink())
})

t.test('leaves nothing behind when it is given up', async (t) => {
  const directory = t.testdir({})
  const file = await stageFile(join(directory, 'x'), { mode: 0o600, force: false }, systemRandom)
  await file.write(Buffer.from('half'))
  await file.discard()
  await file.discard()
  t.same(readdirSync(directory), [])
  const nowhere = writeOutput(
    join(directory, 'a/b'),
    '',
    { mode: 0o600, force: true },
    systemRandom,
  )
  await t.rejects(nowhere, { code: 'ERR_INPUT_UNREADABLE', message: /no such file or directory/ })
})
