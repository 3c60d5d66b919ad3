/** Databases whose pages were overwritten, and the processes that have to live with them. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLmdbStore, table } from '../../src/store/index.ts'
import type { Test } from 'tap'

t.setTimeout(10 * 60_000)

const PROGRAM = join(import.meta.dirname, 'damaged-user.ts')
const PAGE_BYTES = 4_096
/** Starts until one has to succeed: two may die of the damage. */
const MAX_STARTS = 3
/** Each overwrites four pages of its own choice. With these no start ever succeeded. */
const SEEDS =
  process.env.MESH_TEST_TIER === 'soak'
    ? Array.from({ length: 60 }, (_, index) => index + 1)
    : [4, 6, 21, 36]

const noise = (seed: string, sizeBytes: number): Buffer => {
  const pieces: Buffer[] = []
  for (let index = 0; index * 64 < sizeBytes; index++) {
    pieces.push(createHash('sha512').update(`${seed}${index}`).digest())
  }
  return Buffer.concat(pieces).subarray(0, sizeBytes)
}

const overwrite = (path: string, seed: number): void => {
  const at = noise(`at${seed}`, 16)
  const pages = statSync(path).size / PAGE_BYTES
  const file = openSync(path, 'r+')
  for (let index = 0; index < 4; index++) {
    const page = at.readUInt32LE(4 * index) % pages
    writeSync(file, noise(`page ${seed} ${index}`, PAGE_BYTES), 0, PAGE_BYTES, page * PAGE_BYTES)
  }
  closeSync(file)
}

/** What a process that uses the store says until its end. */
const use = async (path: string, what = 'use'): Promise<string> => {
  const child = spawn(process.execPath, [PROGRAM, path, what], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString()
  })
  const [code, signal] = await once(child, 'close')
  return `${output}${String(signal ?? code)}`
}

t.test('whatever pages are overwritten, two deaths later it can be used', async (t) => {
  const directory = t.testdir({})
  const filled = join(directory, 'filled')
  mkdirSync(filled)
  t.match(await use(join(filled, 'db'), 'fill'), /ready/)
  for (const seed of SEEDS) {
    const path = join(directory, String(seed), 'db')
    cpSync(filled, join(path, '..'), { recursive: true })
    overwrite(join(path, 'data.mdb'), seed)
    const starts: string[] = []
    while (starts.length < MAX_STARTS && !starts.at(-1)?.includes('ready')) {
      starts.push((await use(path)).replaceAll('\n', ', '))
    }
    t.match(starts.at(-1), /ready, 0$/, `seed ${seed}: ${starts.join(' | ')}`)
    t.notMatch(readdirSync(path).join(), /copy-/)
  }
})

const things = table('of-things')
const bytes = (text: string): Buffer => Buffer.from(text)

const COUNT = 1_000

const filledStore = async (t: Test): Promise<string> => {
  const path = join(t.testdir({}), 'db')
  const store = createLmdbStore({ path })
  await store.open()
  await store.transaction((tx) => {
    for (let index = 0; index < COUNT; index++) {
      tx.put(things, bytes(String(index)), Buffer.alloc(index % 3_000, index))
    }
  })
  await store.close()
  return path
}

t.test('after two deaths every entry is copied into new pages, and none is lost', async (t) => {
  const path = await filledStore(t)
  const data = join(path, 'data.mdb')
  const before = statSync(data).ino
  // What a start that was killed while it copied has left.
  mkdirSync(join(path, 'copy-left'))
  writeFileSync(join(path, 'copy-left', 'data.mdb'), 'half')
  const renewed: number[] = []
  const openAfter = async (deaths: number): Promise<void> => {
    writeFileSync(join(path, 'openings'), String(deaths))
    const store = createLmdbStore(
      { path },
      {
        onDamage: ({ error }) => t.fail(error.message),
        onRenewal: ({ uncleanOpens }) => renewed.push(uncleanOpens),
      },
    )
    await store.open()
    t.equal(store.count(things), COUNT)
    let right = 0
    for (const { key, value } of store.range(things)) {
      const index = Number(Buffer.from(key).toString())
      if (Buffer.alloc(index % 3_000, index).equals(value)) right++
    }
    t.equal(right, COUNT)
    await store.transaction((tx) => tx.put(things, bytes('0'), bytes('')))
    await store.close()
  }
  for (const deaths of [0, 1, 2, 3, 5, 6, 7]) await openAfter(deaths)
  t.same(renewed, [2, 6], 'and not at every start, since it writes all of it')
  t.not(statSync(data).ino, before)
  t.same(readdirSync(path).sort(), ['data.mdb', 'lock.mdb'])
})

/** The process that reads the database, as soon as there is one. */
const readerOf = async (): Promise<number> => {
  for (;;) {
    for (const task of readdirSync('/proc/self/task')) {
      const children = readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' ')
      for (const child of children.filter((each) => each !== '').map(Number)) {
        const command = `/proc/${child}/cmdline`
        if (existsSync(command) && readFileSync(command, 'utf8').includes('inspect-main')) {
          return child
        }
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test(
  'a check that is ended from outside says nothing about the database',
  { skip: existsSync('/proc/self/task') ? false : 'processes are found by /proc' },
  async (t) => {
    const path = await filledStore(t)
    // The reader waits for a debugger, so it cannot be done before it is ended.
    const { NODE_OPTIONS } = process.env
    t.teardown(() => {
      if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS
      else process.env.NODE_OPTIONS = NODE_OPTIONS
    })
    process.env.NODE_OPTIONS = '--inspect-brk=127.0.0.1:0'
    for (const [deaths, signal] of [
      [2, 'SIGTERM'],
      [3, 'SIGKILL'],
    ] as const) {
      writeFileSync(join(path, 'openings'), String(deaths))
      const store = createLmdbStore({ path }, { onDamage: () => t.fail('it is not damaged') })
      const opening = store.open()
      process.kill(await readerOf(), signal)
      await t.rejects(opening, { code: 'ERR_STATE_UNUSABLE', message: /ended by SIG/ })
      t.equal(readFileSync(join(path, 'openings'), 'utf8'), String(deaths))
    }
    t.same(readdirSync(join(path, '..')), ['db'])
    process.env.NODE_OPTIONS = NODE_OPTIONS ?? ''
    const store = createLmdbStore({ path })
    await store.open()
    t.equal(store.count(things), COUNT)
    await store.close()
  },
)

const HEADER_BYTES = 24
const LEAF = 0x02

/** Pages of entries that the last transaction wrote. */
const leavesOf = (data: Buffer): Buffer[] =>
  Array.from({ length: data.length / PAGE_BYTES }, (_, index) =>
    data.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
  ).filter((page) => page.readUInt16LE(18) === LEAF && page.includes('things-'))

t.test(
  'a page with other entries than it had is noticed by who reads the whole table',
  async (t) => {
    const damages: readonly [string, RegExp, (leaf: Buffer, other: Buffer) => void][] = [
      ['fewer', /instead of 400/, (leaf) => leaf.writeUInt16LE(leaf.readUInt16LE(20) - 8, 20)],
      ['those of another', /disorder/, (leaf, other) => other.copy(leaf, HEADER_BYTES - 4, 20)],
    ]
    for (const [what, message, damage] of damages) {
      const path = join(t.testdir({}), 'db')
      const store = createLmdbStore({ path })
      await store.open()
      await store.transaction((tx) => {
        for (let index = 0; index < 400; index++) {
          tx.put(things, bytes(`things-${String(index).padStart(4, '0')}`), Buffer.alloc(100))
        }
      })
      await store.close()
      const data = readFileSync(join(path, 'data.mdb'))
      const [, , , leaf, , other] = leavesOf(data)
      if (leaf === undefined || other === undefined) throw new Error('there are no such pages')
      damage(leaf, other)
      writeFileSync(join(path, 'data.mdb'), data)

      const found: string[] = []
      const suspected: string[] = []
      const open = async () => {
        const next = createLmdbStore(
          { path },
          {
            onDamage: ({ error }) => found.push(error.message),
            onSuspicion: (error) => suspected.push(error.message),
          },
        )
        await next.open()
        return next
      }
      const damaged = await open()
      t.throws(() => [...damaged.range(things)], { code: 'ERR_STATE_CORRUPT', message }, what)
      t.throws(() => [...damaged.range(things)], { code: 'ERR_STATE_CORRUPT', message }, what)
      t.match(suspected, [message], 'told once')
      t.equal(suspected.length, 1)
      t.same([...damaged.range(things, { limit: 2 })].length, 2, 'a part is read as it is')
      await damaged.close()
      const next = await open()
      t.match(found, [message], 'and the next one looks at everything')
      t.equal(next.count(things), 0)
      await next.close()
    }
  },
)

t.test('a table that changes while it is read is not taken for damaged', async (t) => {
  const path = join(t.testdir({}), 'db')
  const store = createLmdbStore({ path })
  await store.open()
  await store.transaction((tx) => {
    for (let index = 0; index < 500; index++) {
      tx.put(things, bytes(String(10_000 + index)), Buffer.alloc(2_000))
    }
  })
  let read = 0
  const removing: Promise<unknown>[] = []
  for (const { key } of store.range(things)) {
    read++
    const behind = Number(Buffer.from(key).toString()) + 200
    removing.push(store.transaction((tx) => tx.remove(things, bytes(String(behind)))))
    if (read % 20 === 0) await Promise.all(removing)
  }
  t.ok(read <= 500, `${read}`)
  await Promise.all(removing)
  await store.close()
})

/** Whether this machine lets us mount a small file system to fill. */
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0

t.test('without room for a copy it goes on with what it has', { skip: !canMount }, async (t) => {
  const directory = t.testdir({ mount: {} })
  const door = join(import.meta.dirname, '../../src/store/index.ts')
  const program = `
    import { createLmdbStore, table } from ${JSON.stringify(door)}
    import { readdirSync, writeFileSync } from 'node:fs'
    const things = table('things')
    const path = process.argv[2] + '/db'
    const store = createLmdbStore({ path })
    await store.open()
    for (let index = 0; index < 30; index++) {
      await store.transaction((tx) => tx.put(things, Buffer.from('k' + index), Buffer.alloc(20_000)))
    }
    await store.close()
    writeFileSync(path + '/openings', '2')
    const next = createLmdbStore({ path }, {
      onDamage: ({ error }) => console.log(error.message), onRenewal: () => console.log('renewed') })
    await next.open()
    console.log(next.count(things), readdirSync(path).sort().join())
    await next.close()`
  writeFileSync(join(directory, 'program.mjs'), program)
  const { stdout } = spawnSync(
    'unshare',
    [
      '-rm',
      'sh',
      '-c',
      'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"',
      'sh',
      join(directory, 'mount'),
      process.execPath,
      join(directory, 'program.mjs'),
    ],
    { encoding: 'utf8', timeout: 120_000, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.equal(stdout.trim(), '30 data.mdb,lock.mdb,openings')
})

t.test('keeps the last three of those that were set aside', async (t) => {
  const path = join(t.testdir({}), 'db')
  const moved: string[] = []
  for (let minute = 0; minute < 5; minute++) {
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'data.mdb'), `damage ${minute}`)
    const store = createLmdbStore(
      { path, clock: { nowMs: () => Date.UTC(2026, 10, 21, 2, minute) } },
      { onDamage: ({ movedTo }) => moved.push(movedTo) },
    )
    await store.open()
    await store.close()
  }
  t.equal(moved.length, 5)
  t.same(
    readdirSync(join(path, '..')).sort(),
    ['db', ...moved.slice(2).map((each) => each.slice(path.length - 2))].sort(),
  )
})
