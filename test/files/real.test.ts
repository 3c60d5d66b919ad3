/** Once through a life on a real disk and LMDB. */
import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDisk } from '../../src/disk/index.ts'
import { createFiles } from '../../src/files/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { parseFileName, parseStatementFile } from '../../src/statement/index.ts'
import { createLmdbStore } from '../../src/store/index.ts'
import { skip, sshVerify } from '../keys/ssh-keygen.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import {
  fromPeer,
  keys,
  network,
  policy,
  short,
  sign,
  source,
  START_MS,
  textOf,
  upload,
} from './world.ts'
import type { Files } from '../../src/files/index.ts'
import type { Draft } from './world.ts'

const names = Array.from({ length: 40 }, (_, index) => parseFileName(`dir${index % 4}/f${index}`))
const policies = names.map((name) => policy({ name, maxSizeBytes: 2 ** 24, mode: 0o640 }))

const boot = async (root: string) => {
  const clock = createVirtualClock({ startMs: START_MS })
  const damage: string[] = []
  const disk = createDisk(root)
  const store = createLmdbStore(
    { path: join(root, 'store'), clock },
    { onDamage: ({ error }) => damage.push(error.code) },
  )
  await disk.open()
  await store.open()
  const workers = createWorkers({ clock, random: createSeededRandom(1), logger: silentLogger })
  const health = createHealth({ clock })
  const files = createFiles(
    { disk, store, clock, health, workers, logger: silentLogger },
    { network, policies },
  )
  await files.start()
  const stop = async (): Promise<void> => {
    await files.stop()
    await workers.stop()
    await store.close()
  }
  return { disk, store, files, damage, health, stop }
}

const put = async (files: Files, draft: Draft): Promise<string> => {
  const content = draft.text === null ? undefined : source(textOf(draft))
  return short(await files.accept(await sign(draft), content, upload))
}

t.test('lives on a real disk and LMDB, and again when the store was damaged', async (t) => {
  const root = join(t.testdir({}), 'state')
  const first = await boot(root)
  const outcomes = await Promise.all(
    names.flatMap((name) => [put(first.files, { name }), put(first.files, { name, version: 2 })]),
  )
  t.ok(outcomes.every((each) => each === 'stored' || each === 'ERR_FILE_NOT_NEWER'))
  const large = 'x'.repeat(3 * 2 ** 20)
  t.equal(await put(first.files, { name: 'dir0/f0', version: 3, text: large }), 'stored')
  t.equal(await put(first.files, { name: 'dir1/f1', version: 3, text: null }), 'stored')
  const digest = first.files.digest()
  t.match(first.files.counts(), { shown: 39, deleted: 1 })
  t.equal(statSync(join(root, 'files/dir0/f0')).mode & 0o777, 0o640)
  t.equal(statSync(join(root, 'files/dir0/f0')).size, large.length)
  t.equal(statSync(join(root, 'content')).mode & 0o777, 0o700)
  const aside = (await first.disk.list('content')).length
  t.ok(aside <= names.length, 'first versions at most; a tombstone purges them')
  await first.stop()

  const second = await boot(root)
  t.equal(second.files.digest(), digest)
  t.match(second.files.counts(), { shown: 39, deleted: 1 })
  await second.stop()

  truncateSync(join(root, 'store/data.mdb'), 20_000)
  writeFileSync(join(root, 'files/dir2/f2'), 'evil')
  const third = await boot(root)
  t.same(third.damage, ['ERR_STATE_CORRUPT'])
  t.equal(third.files.digest(), digest, 'every winner came back from the disk')
  t.match(third.files.counts(), { shown: 38, deleted: 1, missing: 1 })
  const again = await sign({ name: 'dir2/f2', version: 2 })
  t.equal(short(await third.files.accept(again, source('dir2/f2 2'), fromPeer)), 'stored')
  t.match(third.files.counts(), { shown: 39, deleted: 1 })
  t.same(third.health.list(), [])
  await third.stop()
})

t.test('lays a statement beside the file that ssh-keygen verifies', { skip }, async (t) => {
  const dir = t.testdir({})
  const { files, disk, stop } = await boot(join(dir, 'state'))
  t.teardown(stop)
  await put(files, { name: 'dir0/f0', by: ['anna', 'bert'] })
  const bytes = await disk.read('statements/dir0/f0', { maxBytes: 10_000 })
  const text = Buffer.from(bytes ?? []).toString()
  const { statement } = parseStatementFile(text)
  t.equal(statement.name, 'dir0/f0')
  const [body = '', ...blocks] = text.split(/(?=-----BEGIN)/)
  const signers = [keys.anna, keys.bert].map(({ publicKey }) => publicKey)
  for (const block of blocks) {
    const verified = signers.map((key) => sshVerify(dir, key, 'mesh-file', body, block).ok)
    t.same(verified.filter(Boolean).length, 1)
  }
  t.equal(blocks.length, 2)
})
