/** A tree is held against its tar: whatever differs is found, and nothing else. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compareTar } from '../../src/unpack/compare.ts'
import { extractTar } from '../../src/unpack/extract.ts'
import { tar } from './tars.ts'

const { signal } = new AbortController()
const init = { mode: 0o644, maxBytes: 2 ** 20, signal }

const bytes = tar(
  { path: './', type: '5' },
  { path: './a', content: 'alpha'.repeat(1000) },
  { path: './d/run', content: '#!/bin/sh\n', mode: 0o755 },
  { path: './d/empty', content: '' },
  { path: './d/up', type: '2', link: '../a' },
)

async function* pieces(size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const changes: Record<string, readonly [change: (root: string) => void, says: RegExp]> = {
  'a byte': [(at) => writeFileSync(join(at, 'a'), 'alphA'.repeat(1000)), /"a" has other bytes/],
  'a file that is cut off': [(at) => writeFileSync(join(at, 'a'), 'alpha'), /"a" is too short/],
  'a file that is longer': [
    (at) => writeFileSync(join(at, 'd/empty'), 'x'),
    /"d\/empty" is too long/,
  ],
  'a file that is gone': [
    (at) => rmSync(join(at, 'd/run')),
    /"d\/run" cannot be read: there is no such/,
  ],
  'a file that a link replaces': [
    (at) => {
      renameSync(join(at, 'a'), join(at, '../a'))
      symlinkSync('../a', join(at, 'a'))
    },
    /"a" cannot be read: its symbolic links/,
  ],
  'a file that a pipe replaces': [
    (at) => {
      rmSync(join(at, 'd/empty'))
      execFileSync('mkfifo', [join(at, 'd/empty')])
    },
    /"d\/empty" is no plain file/,
  ],
  'a directory that a link replaces': [
    (at) => {
      renameSync(join(at, 'd'), join(at, '../d'))
      symlinkSync('../d', join(at, 'd'))
    },
    /"d" is no directory/,
  ],
  'a link that leads elsewhere': [
    (at) => {
      rmSync(join(at, 'd/up'))
      symlinkSync('/etc', join(at, 'd/up'))
    },
    /"d\/up" leads to "\/etc"/,
  ],
  'a file that may be run': [
    (at) => chmodSync(join(at, 'a'), 0o755),
    /"a" has the mode 755, not 644/,
  ],
  'a set-user-id bit': [(at) => chmodSync(join(at, 'd/run'), 0o4755), /mode 4755, not 755/],
  'a directory that everybody may write to': [
    (at) => chmodSync(join(at, 'd'), 0o777),
    /"d" has the mode 777, not 755/,
  ],
  'the tree itself': [(at) => chmodSync(at, 0o777), /the tree itself has the mode 777/],
  'another file': [(at) => writeFileSync(join(at, 'd/more'), ''), /holds more than the tar does/],
  'another directory': [(at) => mkdirSync(join(at, 'e')), /holds more than the tar does/],
}

t.test('finds nothing where nothing was changed', async (t) => {
  const root = t.testdir()
  await extractTar(pieces(), root, init)
  for (const size of [1, 511, 513, 100_000]) {
    t.equal(await compareTar(pieces(size), root, init), undefined)
  }
})

for (const [what, [change, says]] of Object.entries(changes)) {
  t.test(`finds ${what}`, async (t) => {
    const root = join(t.testdir({ tree: {} }), 'tree')
    await extractTar(pieces(), root, init)
    change(root)
    t.match(await compareTar(pieces(), root, init), says)
  })
}

t.test('a tar that is none any more is no difference of the tree', async (t) => {
  const root = t.testdir()
  await extractTar(pieces(), root, init)
  const cut = (async function* () {
    yield bytes.subarray(0, 2048)
  })()
  await t.rejects(compareTar(cut, root, init), { code: 'ERR_TREE_REFUSED' })
})

t.test('ends when it is told to', async (t) => {
  const root = t.testdir()
  await extractTar(pieces(), root, init)
  const aborted = { ...init, signal: AbortSignal.abort() }
  await t.rejects(compareTar(pieces(), root, aborted), { name: 'AbortError' })
})
