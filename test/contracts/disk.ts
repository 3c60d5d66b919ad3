/** What every disk does: the real one and its twin in memory pass the same file. */
import { isMeshError } from '../../src/errors/index.ts'
import type { Disk } from '../../src/disk/index.ts'
import type { ErrorCode } from '../../src/errors/index.ts'
import type { Test } from 'tap'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const code = (expected: ErrorCode): { code: ErrorCode } => ({ code: expected })

const collect = async (source: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const textOf = async (disk: Disk, path: string): Promise<string | undefined> => {
  const found = await disk.read(path, { maxBytes: 2 ** 20 })
  return found === undefined ? undefined : Buffer.from(found).toString()
}

/** `make` answers a disk over an empty tree, not opened yet. */
export const testDisk = (t: Test, label: string, make: (t: Test) => Disk): void => {
  void t.test(label, async (t) => testEach(t, make))
}

const testEach = (t: Test, make: (t: Test) => Disk): void => {
  const opened = async (): Promise<Disk> => {
    const disk = make(t)
    await disk.open()
    return disk
  }

  t.test('reads back what was written, and replaces it', async (t) => {
    const disk = await opened()
    await disk.write('files/a/b', bytes('one'), { mode: 0o644 })
    t.equal(await textOf(disk, 'files/a/b'), 'one')
    await disk.write('files/a/b', bytes('second'), { mode: 0o644 })
    t.equal(await textOf(disk, 'files/a/b'), 'second')
    t.same(await disk.list('files'), ['files/a/b'])
  })

  t.test('answers undefined for what is not there', async (t) => {
    const disk = await opened()
    await disk.write('files/a', bytes('x'), { mode: 0o644 })
    for (const path of ['files/b', 'other/deep/path', 'files/a/below-a-file']) {
      t.equal(await disk.read(path, { maxBytes: 10 }), undefined)
      t.equal(await disk.stat(path), undefined)
      await disk.remove(path)
      await disk.setMode(path, 0o600)
    }
    t.equal(await disk.stat('files'), undefined, 'a directory is not a file')
    t.same(await disk.list('nothing/here'), [])
    t.equal((await disk.survey('nothing/here')).size, 0)
  })

  t.test('shows a staged file only when it is committed', async (t) => {
    const disk = await opened()
    const staged = await disk.stage()
    await staged.write(bytes('hello '))
    await staged.write(bytes('world'))
    t.equal(staged.sizeBytes, 11)
    t.same(await disk.list('files'), [])
    await staged.commit('files/x', { mode: 0o640 })
    t.equal(await textOf(disk, 'files/x'), 'hello world')
    t.same(await disk.list('tmp'), [])
    await staged.discard()
    t.equal(await textOf(disk, 'files/x'), 'hello world', 'discard after commit does nothing')
    await t.rejects(staged.write(bytes('more')))
  })

  t.test('adds files, in the place of what nobody counts on', async (t) => {
    const disk = await opened()
    await disk.write('other/b/torn', bytes('to'), { mode: 0o600 })
    const names = ['a/one', 'a/two', 'b/torn']
    await Promise.all(names.map((name) => disk.add(`other/${name}`, bytes(name))))
    for (const name of names) t.equal(await textOf(disk, `other/${name}`), name)
    t.same(await disk.list('tmp'), [])
    await t.rejects(disk.add('../x', bytes('x')))
  })

  t.test('removes what is discarded, and what a former process left', async (t) => {
    const disk = await opened()
    const staged = await disk.stage()
    await staged.write(bytes('abc'))
    await staged.discard()
    await staged.discard()
    t.same(await disk.list('tmp'), [])
    await (await disk.stage()).write(bytes('left'))
    t.equal((await disk.list('tmp')).length, 1)
    await disk.open()
    t.same(await disk.list('tmp'), [])
  })

  t.test('stages many files at once', async (t) => {
    const disk = await opened()
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        await disk.write(`files/d${index % 3}/${index}`, bytes(String(index)), { mode: 0o644 })
      }),
    )
    t.equal((await disk.list('files')).length, 40)
    const survey = await disk.survey('files')
    t.same([...survey.keys()].sort(), (await disk.list('files')).sort())
    for (const [path, stat] of survey) t.same(stat, await disk.stat(path))
    t.equal(await textOf(disk, 'files/d1/31'), '31')
  })

  t.test('streams a range in chunks', async (t) => {
    const disk = await opened()
    const text = 'abcdefgh'.repeat(100_000)
    await disk.write('files/long', bytes(text), { mode: 0o644 })
    let largest = 0
    for await (const chunk of disk.stream('files/long')) largest = Math.max(largest, chunk.length)
    t.ok(largest <= 256 * 2 ** 10)
    t.equal(await collect(disk.stream('files/long')), text)
    t.equal(await collect(disk.stream('files/long', { start: 3, end: 11 })), 'defghabc')
    t.equal(await collect(disk.stream('files/long', { start: 799_998 })), 'gh')
    t.equal(await collect(disk.stream('files/long', { start: 900_000 })), '')
    t.equal(await collect(disk.stream('files/long', { start: 5, end: 5 })), '')
  })

  t.test('fails a stream of what is missing, replaced or cancelled', async (t) => {
    const disk = await opened()
    await t.rejects(collect(disk.stream('files/none')), code('ERR_STATE_UNUSABLE'))
    await disk.write('files/x', bytes('one'), { mode: 0o644 })
    const fingerprint = (await disk.stat('files/x'))?.fingerprint ?? ''
    t.equal(await collect(disk.stream('files/x', { fingerprint })), 'one')
    await disk.write('files/x', bytes('two'), { mode: 0o644 })
    await t.rejects(collect(disk.stream('files/x', { fingerprint })), code('ERR_STATE_UNUSABLE'))
    const signal = AbortSignal.abort()
    await t.rejects(collect(disk.stream('files/x', { signal })), code('ERR_ABORTED'))
    const controller = new AbortController()
    await disk.write('files/long', Buffer.alloc(600_000), { mode: 0o644 })
    await t.rejects(async () => {
      for await (const _ of disk.stream('files/long', { signal: controller.signal })) {
        controller.abort()
      }
    }, code('ERR_ABORTED'))
  })

  t.test('goes on streaming the file it opened when that is replaced', async (t) => {
    const disk = await opened()
    await disk.write('files/x', Buffer.alloc(600_000, 'a'), { mode: 0o644 })
    const iterator = disk.stream('files/x')[Symbol.asyncIterator]()
    await iterator.next()
    await disk.write('files/x', Buffer.alloc(600_000, 'b'), { mode: 0o644 })
    let rest = ''
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      rest += Buffer.from(next.value).toString()
    }
    t.equal(rest, 'a'.repeat(600_000 - 256 * 2 ** 10))
  })

  t.test('opens a file that stays the same whatever takes its name', async (t) => {
    const disk = await opened()
    t.equal(await disk.openFile('files/none'), undefined)
    await disk.write('files/x', bytes('0123456789'), { mode: 0o644 })
    const file = await disk.openFile('files/x')
    t.equal(file?.sizeBytes, 10)
    t.equal(file?.fingerprint, (await disk.stat('files/x'))?.fingerprint)
    await disk.write('files/x', bytes('another'), { mode: 0o644 })
    const read = async (start: number, length: number) =>
      Buffer.from((await file?.read(start, length)) ?? []).toString()
    t.equal(await read(3, 4), '3456')
    t.equal(await read(8, 100), '89', 'fewer where it ends')
    t.equal(await read(20, 5), '')
    await file?.close()
  })

  t.test('writes a file in any order, and goes on with it later', async (t) => {
    const disk = await opened()
    const file = await disk.edit('partial/7', { sizeBytes: 12 })
    t.equal(file.path, 'partial/7')
    await file.write(bytes('world'), 6)
    await file.write(bytes('hello '), 0)
    t.equal(Buffer.from(await file.read(0, 11)).toString(), 'hello world')
    t.same(Buffer.from(await file.read(9, 100)), Buffer.from('ld\0'), 'zeros, and no further')
    await file.sync()
    await file.close()
    await file.close()
    await t.rejects(file.write(bytes('x'), 0))
    const again = await disk.edit('partial/7', { sizeBytes: 11 })
    await again.write(bytes('W'), 6)
    await again.setMode(0o640)
    await disk.rename('partial/7', 'files/done')
    t.equal(Buffer.from(await again.read(0, 20)).toString(), 'hello World', 'still open')
    await again.close()
    t.equal(await textOf(disk, 'files/done'), 'hello World')
    t.same(await disk.list('partial'), [])
    for (const path of ['../x', '', 'a/../../b']) {
      await t.rejects(disk.edit(path, { sizeBytes: 1 }), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.openFile(path), code('ERR_STATE_UNUSABLE'))
    }
    t.ok((await disk.freeBytes()) > 0)
  })

  t.test('refuses to read more than it was told to', async (t) => {
    const disk = await opened()
    await disk.write('files/x', bytes('12345'), { mode: 0o644 })
    t.equal((await disk.read('files/x', { maxBytes: 5 }))?.length, 5)
    await t.rejects(disk.read('files/x', { maxBytes: 4 }), code('ERR_LIMIT_EXCEEDED'))
  })

  t.test('gives every state of a file its own fingerprint', async (t) => {
    const disk = await opened()
    await disk.write('files/x', bytes('12345'), { mode: 0o644 })
    const first = await disk.stat('files/x')
    t.equal(first?.sizeBytes, 5)
    t.same(await disk.stat('files/x'), first)
    await disk.write('files/x', bytes('12345'), { mode: 0o644 })
    t.not((await disk.stat('files/x'))?.fingerprint, first?.fingerprint)
  })

  t.test('renames over what is there and tidies the directories behind', async (t) => {
    const disk = await opened()
    await disk.write('files/a/b/c', bytes('from'), { mode: 0o644 })
    await disk.write('files/x', bytes('to'), { mode: 0o644 })
    await disk.rename('files/a/b/c', 'files/x')
    t.equal(await textOf(disk, 'files/x'), 'from')
    await disk.write('files/a', bytes('a file where a directory was'), { mode: 0o644 })
    t.same((await disk.list('files')).sort(), ['files/a', 'files/x'])
    await t.rejects(disk.rename('files/none', 'files/y'), code('ERR_STATE_UNUSABLE'))
  })

  t.test('removes a file and the directories it leaves empty', async (t) => {
    const disk = await opened()
    await disk.write('files/a/b/c', bytes('x'), { mode: 0o644 })
    await disk.write('files/a/d', bytes('y'), { mode: 0o644 })
    await disk.remove('files/a/b/c')
    t.same(await disk.list('files'), ['files/a/d'])
    await disk.write('files/a/b', bytes('now a file'), { mode: 0o644 })
    t.equal(await textOf(disk, 'files/a/b'), 'now a file')
  })

  t.test('survives neighbours that fill and empty one directory', async (t) => {
    const disk = await opened()
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (let round = 0; round < 12; round++) {
          await disk.write(`files/shared/deep/${worker}`, bytes('x'), { mode: 0o644 })
          await disk.remove(`files/shared/deep/${worker}`)
        }
      }),
    )
    t.same(await disk.list('files'), [])
  })

  t.test('refuses paths that leave the tree or cannot be', async (t) => {
    const disk = await opened()
    const paths = ['', '/etc/passwd', '..', '../x', 'a/../../x', 'a//b', 'a/', './a', 'a/.', 'a\0b']
    paths.push('x'.repeat(256), `${'x/'.repeat(2000)}y`)
    for (const path of paths) {
      await t.rejects(disk.read(path, { maxBytes: 1 }), code('ERR_STATE_UNUSABLE'), path)
      await t.rejects(disk.write(path, bytes('x'), { mode: 0o600 }), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.stat(path), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.remove(path), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.rename('files/x', path), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.rename(path, 'files/x'), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.list(path), code('ERR_STATE_UNUSABLE'))
      await t.rejects(disk.setMode(path, 0o600), code('ERR_STATE_UNUSABLE'))
      await t.rejects(collect(disk.stream(path)), code('ERR_STATE_UNUSABLE'))
    }
    t.same(await disk.list('tmp'), [])
  })

  t.test('says so when a file is where a directory has to be', async (t) => {
    const disk = await opened()
    await disk.write('files/a', bytes('x'), { mode: 0o644 })
    const error = await disk.write('files/a/b', bytes('y'), { mode: 0o644 }).catch((e) => e)
    t.ok(isMeshError(error, 'ERR_STATE_UNUSABLE'))
    t.equal(await textOf(disk, 'files/a'), 'x')
    t.same(await disk.list('tmp'), [], 'and leaves nothing in tmp')
  })
}
