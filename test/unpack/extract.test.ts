/** What is made of a tar, and what is not. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { extractTar } from '../../src/unpack/extract.ts'
import { MAX_TREE_ENTRIES } from '../../src/unpack/limits.ts'
import { END, entry, hostileTars, pax, tar } from './tars.ts'
import type { Test } from 'tap'

async function* pieces(bytes: Uint8Array, size = 64 * 2 ** 10): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const { signal } = new AbortController()
const init = { mode: 0o644, maxBytes: 2 ** 20, signal }

const unpack = async (t: Test, bytes: Uint8Array, options = {}, size?: number) => {
  const outer = t.testdir({ tree: {} })
  const root = join(outer, 'tree')
  const result = extractTar(pieces(bytes, size), root, { ...init, ...options })
  return { outer, root, result }
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777

t.test('files, directories and links become what they were', async (t) => {
  const bytes = tar(
    { path: './', type: '5', mode: 0o777 },
    { path: './a', content: 'alpha', mode: 0o600 },
    { path: './d/', type: '5', mode: 0o000 },
    { path: './d/run', content: '#!/bin/sh\n', mode: 0o6755 },
    { path: './d/e/f', content: '' },
    { path: './d/e/', type: '5' },
    { path: './d/e/up', type: '2', link: '../../a' },
    { path: './now', type: '2', link: 'd/e' },
  )
  for (const size of [1, 511, 512, 513, 100_000]) {
    await t.test(`in pieces of ${size}`, async (t) => {
      const { root, result } = await unpack(t, bytes, {}, size)
      t.same(await result, { entries: 7, bytes: 15 })
      t.equal(readFileSync(join(root, 'a'), 'utf8'), 'alpha')
      t.equal(readFileSync(join(root, 'now/up'), 'utf8'), 'alpha')
      t.equal(readlinkSync(join(root, 'now')), 'd/e')
      t.equal(modeOf(join(root, 'a')), 0o644, 'as the policy says')
      t.equal(modeOf(join(root, 'd/run')), 0o755, 'without set-user-id')
      t.equal(modeOf(join(root, 'd')), 0o755)
      t.equal(modeOf(root), 0o755)
    })
  }
})

t.test('modes are those of the policy', async (t) => {
  const bytes = tar({ path: 'd/a', content: 'x' }, { path: 'd/b', content: 'x', mode: 0o755 })
  const { root, result } = await unpack(t, bytes, { mode: 0o640 })
  await result
  t.equal(modeOf(join(root, 'd/a')), 0o640)
  t.equal(modeOf(join(root, 'd/b')), 0o750)
  t.equal(modeOf(join(root, 'd')), 0o750)
})

const noTar = spawnSync('tar', ['--version']).error !== undefined && 'tar is not installed'

t.test('what GNU tar makes is read in each of its formats', { skip: noTar }, async (t) => {
  const long = 'n'.repeat(90)
  const source = t.testdir({ [long]: { [long]: 'deep' }, a: 'alpha' })
  symlinkSync(join(long, long), join(source, 'link'))
  for (const format of ['gnu', 'pax', 'ustar', 'posix']) {
    await t.test(format, async (t) => {
      const options = [`--format=${format}`, '--exclude=link']
      const bytes = execFileSync('tar', [...options, '-cf', '-', '.'], { cwd: source })
      const { root, result } = await unpack(t, bytes)
      await result
      t.equal(readFileSync(join(root, long, long), 'utf8'), 'deep')
      t.equal(readFileSync(join(root, 'a'), 'utf8'), 'alpha')
    })
  }
})

for (const [name, [bytes, why]] of Object.entries(hostileTars())) {
  t.test(`refuses ${name}`, async (t) => {
    const { outer, result } = await unpack(t, bytes)
    await t.rejects(result, { code: 'ERR_TREE_REFUSED', message: why })
    t.same(readdirSync(outer), ['tree'], 'and nothing is outside')
    t.notOk(existsSync('/tmp/out'))
  })
}

t.test('refuses what is compressed, whatever else it looks like', async (t) => {
  const plain = tar({ path: 'a', content: 'x'.repeat(600) })
  for (const [name, bytes] of [
    ['gzip', gzipSync(plain)],
    ['zstd', zstdCompressSync(plain)],
    ['xz', Buffer.concat([Buffer.from('fd377a585a00', 'hex'), plain])],
    // A tar whose first name begins as gzip does: our parser would take it for that.
    ['gzip', tar({ path: '\x1f\x8b', content: 'x' })],
  ] as const) {
    const padded = Buffer.concat([bytes, Buffer.alloc(600)])
    if (name === 'gzip' && bytes.length > 1000) padded[1] = 0x8b
    const { result } = await unpack(t, padded)
    await t.rejects(result, { code: 'ERR_TREE_REFUSED', message: new RegExp(`${name}|no tar`) })
  }
})

t.test('refuses more entries than may be', async (t) => {
  const one = entry({ path: 'd/0' })
  const many = function* (): Generator<Buffer> {
    for (let index = 0; index <= MAX_TREE_ENTRIES; index++)
      yield entry({ path: `${index}`, type: '5' })
    yield one
    yield END
  }
  const { result } = await unpack(t, Buffer.concat([...many()]))
  await t.rejects(result, { code: 'ERR_TREE_REFUSED', message: /more than 20000 entries/ })
})

t.test('refuses more bytes than may be', async (t) => {
  const bytes = tar(
    { path: 'a', content: Buffer.alloc(600) },
    { path: 'b', content: Buffer.alloc(600) },
  )
  const { result } = await unpack(t, bytes, { maxBytes: 1000 })
  await t.rejects(result, { code: 'ERR_TREE_REFUSED', message: /more than 1000 bytes/ })
})

t.test('what follows the end is not read, and takes no memory', async (t) => {
  let read = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield tar({ path: 'a', content: 'x' })
    for (;;) {
      if (read++ > 1000) throw new Error('read on')
      yield Buffer.alloc(64 * 2 ** 10)
    }
  }
  const root = t.testdir({})
  t.same(await extractTar(endless(), root, init), { entries: 1, bytes: 1 })
  t.ok(read <= 2)
})

t.test('a large file is written as it comes, and no faster read than written', async (t) => {
  const count = 64
  const piece = Buffer.alloc(2 ** 20, 1)
  const root = t.testdir({})
  let ahead = 0
  async function* large(): AsyncGenerator<Uint8Array> {
    yield entry({ path: 'big', size: count * piece.length })
    for (let sent = 0; sent < count; sent++) {
      const written = lstatSync(join(root, 'big'), { throwIfNoEntry: false })?.size ?? 0
      ahead = Math.max(ahead, sent * piece.length - written)
      yield piece
    }
    yield END
  }
  const bytes = count * piece.length
  t.same(await extractTar(large(), root, { ...init, maxBytes: bytes }), { entries: 1, bytes })
  t.ok(ahead <= 4 * piece.length, `${ahead / piece.length} MiB read and not written`)
})

t.test('is given up when it is to be', async (t) => {
  const controller = new AbortController()
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield entry({ path: 'a', content: 'x' })
    controller.abort()
    yield entry({ path: 'b', content: 'x' })
    yield END
  }
  const root = t.testdir({})
  const given = extractTar(slow(), root, { ...init, signal: controller.signal })
  await t.rejects(given, { name: 'AbortError' })
})

t.test('what the disk refuses is told apart from what is refused', async (t) => {
  const outer = t.testdir({})
  const root = join(outer, 'missing')
  await t.rejects(extractTar(pieces(tar({ path: 'a', content: 'x' })), root, init), {
    code: 'ERR_STATE_UNUSABLE',
    message: /cannot be written: there is no such file/,
  })
  mkdirSync(root)
  writeFileSync(join(root, 'a'), 'was there')
  await t.rejects(extractTar(pieces(tar({ path: 'a', content: 'x' })), root, init), {
    code: 'ERR_STATE_UNUSABLE',
  })
  t.equal(readFileSync(join(root, 'a'), 'utf8'), 'was there')
})

t.test('a PAX header that is well is obeyed', async (t) => {
  const name = `${'ü'.repeat(80)}.conf`
  const { root, result } = await unpack(t, tar(pax({ path: name }), { path: 'a', content: 'x' }))
  await result
  t.equal(readFileSync(join(root, name), 'utf8'), 'x')
})
