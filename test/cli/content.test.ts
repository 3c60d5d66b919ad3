import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blockListDigest, createChunker } from '../../src/chunk/index.ts'
import { openContent, readSmallFile } from '../../src/cli/content.ts'
import { MIN_THREAD_DIGEST_BYTES, sha256, systemRandom } from '../../src/util/index.ts'
import { readAll } from '../client/fixtures.ts'

t.test('measures a file and reads it again', async (t) => {
  const path = join(t.testdir(), 'x')
  for (const size of [0, 1, 262_144, 262_145, 1_000_000]) {
    const bytes = Buffer.alloc(size, 'ab')
    writeFileSync(path, bytes)
    const content = await openContent(path, systemRandom)
    t.match(content, { sizeBytes: size, digest: sha256(bytes), shown: path })
    t.ok((await readAll(content.chunks())).equals(bytes))
    t.ok((await readAll(content.chunks())).equals(bytes), 'a second time, as for another attempt')
    await content.close()
  }
})

t.test('lists the blocks of content from 64 KiB on', async (t) => {
  const path = join(t.testdir(), 'x')
  for (const size of [0, 65_535, 65_536, 1_000_000]) {
    const bytes = Buffer.alloc(size, 'ab')
    writeFileSync(path, bytes)
    const content = await openContent(path, systemRandom)
    const chunker = createChunker()
    chunker.update(bytes)
    const listed = blockListDigest(chunker.end().list)
    t.equal(content.listed, listed)
    t.equal(content.blocks, size < 65_536 ? 'none' : listed, `${size}`)
    await content.close()
  }
})

t.test('tells how far the reading is, before anything is signed', async (t) => {
  const path = join(t.testdir(), 'x')
  writeFileSync(path, Buffer.alloc(9_000_000, 'ab'))
  const told: (number | string)[] = []
  const start = (totalBytes: number) => {
    told.push(`of ${totalBytes}`)
    return {
      update: (doneBytes: number) => void told.push(doneBytes),
      end: () => void told.push('end'),
    }
  }
  const content = await openContent(path, systemRandom, start)
  t.ok(told.length > 4, 'more than once')
  t.equal(told[0], 'of 9000000')
  t.same(told.slice(-2), [9_000_000, 'end'])
  const done = told.slice(1, -1)
  t.same(
    done,
    done.toSorted((a, b) => Number(a) - Number(b)),
  )
  await content.close()
  told.length = 0
  await t.rejects(openContent(join(path, 'nothing'), systemRandom, start))
  t.same(told, [], 'nothing is shown of what cannot be read')
})

t.test('never hands out all of a file that is not what was measured', async (t) => {
  const path = join(t.testdir(), 'x')
  const changes: (() => void)[] = [
    () => appendFileSync(path, 'x'),
    () => truncateSync(path, 299_999),
    () => truncateSync(path, 0),
    () => writeFileSync(path, Buffer.alloc(300_000, 'b')),
  ]
  for (const change of changes) {
    writeFileSync(path, Buffer.alloc(300_000, 'a'))
    const content = await openContent(path, systemRandom)
    change()
    let length = 0
    const read = async (): Promise<void> => {
      for await (const chunk of content.chunks()) length += chunk.length
    }
    await t.rejects(read(), { code: 'ERR_INPUT_CHANGED' })
    t.ok(length < 300_000)
    await content.close()
  }
})

t.test('knows by its times that large content was written to meanwhile', async (t) => {
  const path = join(t.testdir(), 'x')
  writeFileSync(path, '')
  truncateSync(path, MIN_THREAD_DIGEST_BYTES)
  const content = await openContent(path, systemRandom)
  const zeros = sha256(Buffer.alloc(MIN_THREAD_DIGEST_BYTES))
  t.equal(content.digest, zeros, 'on a thread the digest is the same')
  const file = openSync(path, 'r+')
  writeSync(file, 'x', 1_000_000)
  closeSync(file)
  let length = 0
  const read = async (): Promise<void> => {
    for await (const chunk of content.chunks()) length += chunk.length
  }
  await t.rejects(read(), { code: 'ERR_INPUT_CHANGED' })
  t.ok(length < MIN_THREAD_DIGEST_BYTES, 'the end is held back')
  await content.close()
})

t.test('reads small files up to a limit', async (t) => {
  const directory = t.testdir({ x: '12345' })
  mkdirSync(join(directory, 'folder'))
  t.equal(await readSmallFile(join(directory, 'x'), 5), '12345')
  const expected = { code: 'ERR_INPUT_UNREADABLE' }
  await t.rejects(readSmallFile(join(directory, 'x'), 4), {
    ...expected,
    message: /more than 4 bytes/,
  })
  await t.rejects(readSmallFile(join(directory, 'folder'), 4), {
    ...expected,
    message: /directory/,
  })
  await t.rejects(readSmallFile(join(directory, 'none'), 4), {
    ...expected,
    message: /no such file/,
  })
})
