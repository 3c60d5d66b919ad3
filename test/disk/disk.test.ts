import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDisk } from '../../src/disk/index.ts'
import { testDisk } from '../contracts/disk.ts'

let made = 0
testDisk(t, 'a real disk', (t) => createDisk(join(t.testdir(), `state-${++made}`)))

const modeOf = (path: string): number => statSync(path).mode & 0o777

t.test('gives files the mode that was asked for, whatever the umask', async (t) => {
  const former = process.umask(0o077)
  t.teardown(() => process.umask(former))
  const root = join(t.testdir(), 'new', 'state')
  const disk = createDisk(root)
  await disk.open()
  await disk.write('files/d/a', Buffer.from('x'), { mode: 0o644 })
  t.equal(modeOf(join(root, 'files/d/a')), 0o644)
  t.equal(modeOf(join(root, 'files/d')), 0o755)
  t.equal(modeOf(join(root, 'files')), 0o755)
  t.equal(modeOf(join(root, 'tmp')), 0o700)
  await disk.setMode('files/d/a', 0o600)
  t.equal(modeOf(join(root, 'files/d/a')), 0o600)
  const staged = await disk.stage()
  t.equal(modeOf(join(root, 'tmp', '2')), 0o600, 'a staged file is ours alone')
  await staged.discard()
})

t.test('takes a root that is reached through a link', async (t) => {
  const dir = t.testdir({ real: {}, link: t.fixture('symlink', 'real') })
  const disk = createDisk(join(dir, 'link'))
  await disk.open()
  await disk.write('files/a', Buffer.from('x'), { mode: 0o644 })
  t.equal(readFileSync(join(dir, 'real/files/a'), 'utf8'), 'x')
})

t.test('follows no link below the root', async (t) => {
  const dir = t.testdir({ outside: { secret: 'secret' }, state: {} })
  const disk = createDisk(join(dir, 'state'))
  await disk.open()
  await disk.write('files/keep', Buffer.from('x'), { mode: 0o644 })
  symlinkSync(join(dir, 'outside'), join(dir, 'state/files/dir'))
  symlinkSync(join(dir, 'outside/secret'), join(dir, 'state/files/file'))
  const refused = { code: 'ERR_STATE_UNUSABLE' }
  for (const path of ['files/dir/secret', 'files/file']) {
    await t.rejects(disk.read(path, { maxBytes: 100 }), refused)
    await t.rejects(disk.stream(path)[Symbol.asyncIterator]().next(), refused)
    await t.rejects(disk.setMode(path, 0o777), refused)
  }
  await t.rejects(disk.stat('files/dir/secret'), refused)
  await t.rejects(disk.remove('files/dir/secret'), refused)
  await t.rejects(disk.rename('files/dir/secret', 'files/stolen'), refused)
  await t.rejects(disk.write('files/dir/secret', Buffer.from('x'), { mode: 0o644 }), refused)
  await t.rejects(disk.write('files/dir/new/deep', Buffer.from('x'), { mode: 0o644 }), refused)
  t.notOk(existsSync(join(dir, 'outside/new')))
  t.same((await disk.list('files')).sort(), ['files/dir', 'files/file', 'files/keep'])
  t.ok(await disk.stat('files/file'), 'the link itself can be seen')
  await disk.write('files/file', Buffer.from('mine'), { mode: 0o644 })
  t.ok(lstatSync(join(dir, 'state/files/file')).isFile(), 'a write replaces the link')
  await disk.remove('files/dir')
  t.equal(readFileSync(join(dir, 'outside/secret'), 'utf8'), 'secret')
})

t.test('does not wait for a pipe', async (t) => {
  const dir = t.testdir({ files: {} })
  execFileSync('mkfifo', [join(dir, 'files/pipe')])
  const disk = createDisk(dir)
  await disk.open()
  await t.rejects(disk.read('files/pipe', { maxBytes: 1 }), { code: 'ERR_STATE_UNUSABLE' })
})

t.test('says which path it cannot open', async (t) => {
  const dir = t.testdir({ file: 'not a directory' })
  await t.rejects(createDisk(join(dir, 'file')).open(), { code: 'ERR_STATE_UNUSABLE' })
  await t.rejects(createDisk(join(dir, 'file/below')).open(), {
    code: 'ERR_STATE_UNUSABLE',
    message: /file/,
  })
})

t.test('reports a directory it may not write', { skip: process.getuid?.() === 0 }, async (t) => {
  const dir = t.testdir({ state: {} })
  chmodSync(join(dir, 'state'), 0o500)
  await t.rejects(createDisk(join(dir, 'state')).open(), { code: 'ERR_STATE_UNUSABLE' })
})

t.test('removes everything from tmp when it is opened', async (t) => {
  const dir = t.testdir({ tmp: { 1: 'x', empty: {} } })
  symlinkSync('/etc', join(dir, 'tmp/link'))
  mkdirSync(join(dir, 'files'))
  writeFileSync(join(dir, 'files/a'), 'kept')
  const disk = createDisk(dir)
  await disk.open()
  t.same(await disk.list('tmp'), [])
  t.same(await disk.list('files'), ['files/a'])
})
