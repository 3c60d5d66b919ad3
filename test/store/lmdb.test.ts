import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLmdbStore, table } from '../../src/store/index.ts'
import { testStore } from '../contracts/store.ts'
import type { MeshError } from '../../src/errors/index.ts'
import type { Test } from 'tap'

const door = new URL('../../src/store/index.ts', import.meta.url).href
const things = table('things')
const bytes = (text: string): Uint8Array => Buffer.from(text)

testStore(t, 'a store on LMDB', (t) => {
  const path = join(t.testdir({}), 'db')
  return {
    create: (init = {}) => createLmdbStore({ path }, init),
    async abandon(store) {
      // A process cannot die in here: close, and put back the count that dying would have left.
      const count = readFileSync(join(path, 'openings'))
      await store.close()
      writeFileSync(join(path, 'openings'), count)
    },
  }
})

/** A closed database with a few hundred entries. */
const filled = async (t: Test): Promise<string> => {
  const path = join(t.testdir({}), 'db')
  const store = createLmdbStore({ path })
  await store.open()
  await store.transaction((tx) => {
    for (let index = 0; index < 500; index++) {
      tx.put(things, bytes(`thing ${index}`), Buffer.alloc(300, index))
    }
  })
  await store.close()
  return path
}

const damage: Readonly<Record<string, (data: string) => void>> = {
  'one byte long': (data) => truncateSync(data, 1),
  'cut inside its first page': (data) => truncateSync(data, 100),
  'cut after its first page': (data) => truncateSync(data, 4096),
  'cut inside its second page': (data) => truncateSync(data, 4200),
  'cut after its second page': (data) => truncateSync(data, 8192),
  'cut in the middle': (data) => truncateSync(data, 4096 * 10),
  'filled with noise': (data) => overwrite(data, 0, statSync(data).size),
  'noise in its first page': (data) => overwrite(data, 0, 4096),
  'noise in its second page': (data) => overwrite(data, 4096, 4096),
  text: (data) => writeFileSync(data, 'hello world\n'),
}

const overwrite = (data: string, start: number, count: number): void => {
  const all = readFileSync(data)
  // Fixed noise: what is drawn at random would make a failure hard to find again.
  for (let at = 0; at < count; at++) all[start + at] = (at * 167 + 13) % 251
  writeFileSync(data, all)
}

const openInChild = (path: string): { code: number | null; output: string } => {
  const program = `
    import { createLmdbStore, table } from ${JSON.stringify(door)}
    const things = table('things')
    const store = createLmdbStore({ path: process.argv[1] })
    try {
      await store.open()
      console.log('entries', [...store.range(things)].length)
      await store.close()
    } catch (error) { console.log(error.code) }`
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, path],
    { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return { code: status, output: stdout.trim() }
}

for (const [how, apply] of Object.entries(damage)) {
  t.test(`reports a data file that is ${how}, and lives`, async (t) => {
    const path = await filled(t)
    apply(join(path, 'data.mdb'))
    t.same(openInChild(path), { code: 0, output: 'ERR_STATE_CORRUPT' })
    t.ok(existsSync(join(path, 'data.mdb')), 'and leaves it where it is')
  })
}

t.test('finds damage in the middle after two openings that nobody closed', async (t) => {
  const path = await filled(t)
  overwrite(join(path, 'data.mdb'), 4096 * 4, 4096 * 8)
  writeFileSync(join(path, 'openings'), '2')
  t.same(openInChild(path), { code: 0, output: 'ERR_STATE_CORRUPT' })
})

t.test('reports damage that a read comes upon', async (t) => {
  const path = await filled(t)
  const data = readFileSync(join(path, 'data.mdb'))
  data.fill(0, 4096 * 2)
  writeFileSync(join(path, 'data.mdb'), data)
  t.same(openInChild(path), { code: 0, output: 'ERR_STATE_CORRUPT' })
})

t.test('opens a sound database after openings that nobody closed', async (t) => {
  const path = await filled(t)
  for (const count of ['1', '2', '7', 'garbage', '']) {
    writeFileSync(join(path, 'openings'), count)
    t.same(openInChild(path), { code: 0, output: 'entries 500' })
  }
})

t.test('takes an empty data file and a lock file of noise as they are', async (t) => {
  const path = await filled(t)
  writeFileSync(join(path, 'lock.mdb'), 'noise')
  t.same(openInChild(path), { code: 0, output: 'entries 500' })
  truncateSync(join(path, 'data.mdb'), 0)
  t.same(openInChild(path), { code: 0, output: 'entries 0' })
})

t.test('sets a damaged database aside when it may, and goes on with an empty one', async (t) => {
  const path = await filled(t)
  const found: { error: MeshError; movedTo: string }[] = []
  const clock = { nowMs: () => Date.UTC(2026, 10, 21, 2, 3, 4, 5) }
  for (let round = 0; round < 2; round++) {
    writeFileSync(join(path, 'data.mdb'), 'hello')
    const store = createLmdbStore({ path, clock }, { onDamage: (damage) => found.push(damage) })
    await store.open()
    t.equal(store.count(things), 0)
    await store.transaction((tx) => tx.put(things, bytes('new'), bytes('x')))
    await store.close()
  }
  t.same(
    found.map(({ error, movedTo }) => [error.code, movedTo]),
    [
      ['ERR_STATE_CORRUPT', `${path}.damaged-20261121T020304Z`],
      ['ERR_STATE_CORRUPT', `${path}.damaged-20261121T020304Z-2`],
    ],
  )
  t.equal(readFileSync(join(found[0]?.movedTo ?? '', 'data.mdb'), 'utf8'), 'hello')
})

t.test('keeps a newer database where it is, even when it may set one aside', async (t) => {
  const path = join(t.testdir({}), 'db')
  const newer = createLmdbStore({ path }, { migrations: [() => {}] })
  await newer.open()
  await newer.close()
  const store = createLmdbStore({ path }, { onDamage: () => t.fail('it is not damaged') })
  await t.rejects(store.open(), { code: 'ERR_STATE_NEWER' })
  t.same(readdirSync(join(path, '..')), ['db'])
})

t.test('says what is wrong with a path that cannot be a directory', async (t) => {
  const dir = t.testdir({ file: 'x' })
  await t.rejects(createLmdbStore({ path: join(dir, 'file') }).open(), {
    code: 'ERR_STATE_UNUSABLE',
  })
  mkdirSync(join(dir, 'db', 'data.mdb'), { recursive: true })
  await t.rejects(createLmdbStore({ path: join(dir, 'db') }).open(), { code: 'ERR_STATE_CORRUPT' })
})

t.test('is for its user alone', async (t) => {
  const path = await filled(t)
  t.equal(statSync(path).mode & 0o777, 0o700)
})

t.test('loses nothing that it answered to when its process is killed', async (t) => {
  const path = join(t.testdir({}), 'db')
  const program = `
    import { createLmdbStore, table } from ${JSON.stringify(door)}
    import { writeSync } from 'node:fs'
    const things = table('things')
    const store = createLmdbStore({ path: process.argv[1] })
    await store.open()
    let next = store.count(things)
    const one = async () => {
      for (;;) {
        const number = next++
        await store.transaction((tx) => tx.put(things, Buffer.from(String(number)), Buffer.alloc(100)))
        writeSync(1, number + '\\n')
      }
    }
    await Promise.all(Array.from({ length: 8 }, one))`
  const acknowledged = new Set<string>()
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.length > 500 * (round + 1)) child.kill('SIGKILL')
    })
    await once(child, 'close')
    for (const number of output.split('\n').slice(0, -1)) acknowledged.add(number)
  }
  t.ok(acknowledged.size > 100)
  const store = createLmdbStore({ path })
  await store.open()
  t.equal(store.uncleanOpens, 4)
  for (const number of acknowledged) {
    if (store.get(things, bytes(number)) === undefined) t.fail(`${number} was lost`)
  }
  await store.close()
})

/** Whether this machine lets us mount a small file system to fill. */
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0

t.test(
  'calls a full disk full, keeps what was there, and recovers',
  { skip: !canMount },
  async (t) => {
    const dir = t.testdir({ mount: {} })
    const program = `
    import { createLmdbStore, table } from ${JSON.stringify(door)}
    import { rmSync } from 'node:fs'
    const things = table('things')
    const mount = process.argv[2]
    process.on('unhandledRejection', (error) => { console.log('unhandled', error); process.exit(1) })
    const store = createLmdbStore({ path: mount + '/db' })
    await store.open()
    let stored = 0
    let code
    while (code === undefined) {
      const value = Buffer.alloc(20000, stored)
      await store.transaction((tx) => tx.put(things, Buffer.from(String(stored)), value)).then(
        () => stored++,
        (error) => { code = error.code })
    }
    const both = await Promise.allSettled([1, 2].map((n) =>
      store.transaction((tx) => tx.put(things, Buffer.from('more' + n), Buffer.alloc(100_000)))))
    const visible = store.count(things)
    rmSync(mount + '/ballast')
    await store.transaction((tx) => tx.put(things, Buffer.from('again'), Buffer.alloc(20000)))
    await store.close()
    const next = createLmdbStore({ path: mount + '/db' })
    await next.open()
    console.log(code, both.map((one) => one.reason?.code).join(), visible === stored, next.count(things) === stored + 1)
    await next.close()`
    writeFileSync(join(dir, 'program.mjs'), program)
    const output = execFileSync(
      'unshare',
      [
        '-rm',
        'sh',
        '-c',
        'mount -t tmpfs -o size=1m tmpfs "$1" && head -c 300000 /dev/zero > "$1/ballast" && exec "$2" "$3" "$1"',
        'sh',
        join(dir, 'mount'),
        process.execPath,
        join(dir, 'program.mjs'),
      ],
      { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] },
    )
    t.equal(output.trim(), 'ERR_DISK_FULL ERR_DISK_FULL,ERR_DISK_FULL true true')
  },
)

t.test('shares one fsync among transactions that come together', async (t) => {
  const path = join(t.testdir({}), 'db')
  const store = createLmdbStore({ path })
  await store.open()
  t.teardown(() => store.close())
  // LMDB numbers its commits; the number is in the newer of the two first pages.
  const commitNumber = (): number => {
    const data = readFileSync(join(path, 'data.mdb'))
    return Number(
      [0, 4096].map((at) => data.readBigUInt64LE(at + 152)).sort((a, b) => (a > b ? -1 : 1))[0],
    )
  }
  const before = commitNumber()
  await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      store.transaction((tx) => tx.put(things, bytes(String(index)), bytes('x'))),
    ),
  )
  const commits = commitNumber() - before
  t.ok(commits >= 1 && commits < 20, `${commits} commits`)
})
