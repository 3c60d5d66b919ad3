/** A daemon that is killed while large files are uploaded, fetched, collected and checked. */
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { sha256 } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { startCluster, until } from './cluster.ts'
import { checkState, clientOf, filesBelow, put, versionAt } from './state.ts'
import type { Test } from 'tap'
import type { Digest } from '../../src/util/index.ts'

const SOAK = process.env.MESH_TEST_TIER === 'soak'
/** For each of the four things that are interrupted. */
const KILLS = SOAK ? 50 : 5
const MEBIBYTE = 2 ** 20
const LARGE_BYTES = 8 * MEBIBYTE
const PATIENCE_MS = 120_000
/** Of which garbage collection has something to do. */
const STRAYS = SOAK ? 200 : 30
const STRAY_BYTES = 20_000
const NAMES = ['uploaded', 'fetched', 'small'] as const
type Name = (typeof NAMES)[number]

const seed = process.env.MESH_TEST_SEED ?? String(Date.now())
const random = createSeededRandom(seed)
t.comment(`again: MESH_TEST_SEED=${seed}`)
t.setTimeout(60 * 60_000)

const cluster = await startCluster({
  // Older versions would take room, too.
  filesOf: (_, signer) =>
    NAMES.map((name) => `"${name}" = { signers = ["${signer}"], history = 1 }`),
  config: {
    // Checked when asked for, and then without a pause.
    '': '[blocks]\nscrub_rate = "0B"',
    // Slow enough to be killed half-way; the first so many bytes come at once.
    cluster: 'push_pull_interval = "1s"\nmax_download = "3MiB"',
  },
})
t.teardown(cluster.stop)
const [first, idle, victim] = cluster.nodes
// Two are enough.
await idle.stop()

/** All that was ever signed. */
const signedContents = new Set<Digest>()
/** What was acknowledged. */
const latest = new Map<Name, { version: number; content: Buffer }>()
let kills = 0
/** Of these, when what was to be interrupted was under way. */
let interrupted = 0

const nextOf = (name: Name): number => (latest.get(name)?.version ?? 0) + 1

const newContent = (bytes: number): Buffer => {
  const content = randomBytes(bytes)
  signedContents.add(sha256(content))
  return content
}

const publish = async (
  node: typeof first,
  name: Name,
  bytes: number,
  onPiece?: (bytes: number) => void,
): Promise<void> => {
  const version = nextOf(name)
  const content = newContent(bytes)
  await put(cluster, node, name, version, content, {
    listed: true,
    ...(onPiece === undefined ? {} : { onPiece }),
  })
  latest.set(name, { version, content })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const kill = async (): Promise<void> => {
  await victim.kill()
  kills++
}

/** Whatever the moment: what can be read is something that was signed, whole. */
const checkShown = (t: Test, where: string): void => {
  for (const name of NAMES) {
    const shown = victim.readBytes(name)
    if (shown !== undefined && !signedContents.has(sha256(shown))) {
      t.fail(`${where}: ${name} shows what nobody signed`)
    }
  }
}

const bytesBelow = (directory: string): number =>
  filesBelow(join(victim.stateDir, directory)).reduce(
    (sum, path) => sum + statSync(join(victim.stateDir, directory, path)).size,
    0,
  )

/** What was acknowledged is there, and nothing else takes room. */
const checkWhole = async (t: Test, where: string): Promise<void> => {
  for (const [name, { version, content }] of latest) {
    const isThere = (): boolean => victim.readBytes(name)?.equals(content) === true
    await until(`${where}: ${name} ${version}`, isThere, PATIENCE_MS)
    t.equal(await versionAt(victim, name), version, `${where}: ${name}`)
  }
  await checkState(t, victim, where)
  const client = clientOf(victim)
  // What is shown serves its blocks a moment later.
  await until(
    `${where}: nothing unfinished or damaged`,
    async () => {
      const { assemblies, contents, damagedBlocks } = await client.blocks()
      return assemblies === 0 && damagedBlocks === 0 && contents === latest.size
    },
    PATIENCE_MS,
  )
  await client.collectBlocks({ now: true })
  t.same(await client.collectBlocks({ now: true }), {
    ...{ removedBlocks: 0, removedBytes: 0, waitingBlocks: 0 },
    ...{ strayFiles: 0, strayBytes: 0, abandonedAssemblies: 0 },
  })
  t.match(
    await client.blocks(),
    { storedBlocks: latest.size, unreferencedBlocks: 0 },
    `${where}: a list for each content, and nothing else`,
  )
  t.same(
    ['tmp', 'partial', 'blocks', 'content'].map((directory) => bytesBelow(directory)),
    [0, 0, 0, 0],
    `${where}: the room of what was not finished is free`,
  )
}

const checkAgain = async (t: Test, where: string): Promise<void> => {
  checkShown(t, `${where}, dead`)
  await victim.start()
  await checkWhole(t, where)
}

/** How long something takes here. */
const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

t.test(`kill -9 during uploads, ${KILLS} times`, async (t) => {
  let handedMs = 0
  const wholeMs = await timeOf(async () => {
    const startMs = performance.now()
    await publish(victim, 'uploaded', LARGE_BYTES, () => {
      handedMs = performance.now() - startMs
    })
  })
  for (let round = 0; round < KILLS; round++) {
    const where = `upload ${round}`
    // In the middle of the body, or while it is made durable and shown, or just after.
    const isLate = random.fraction() < 0.4
    const atBytes = isLate ? Number.POSITIVE_INFINITY : random.below(LARGE_BYTES)
    const moment = Promise.withResolvers<void>()
    const delayMs = random.fraction() * 1.5 * (wholeMs - handedMs)
    let isAcknowledged = false
    const version = nextOf('uploaded')
    const before = latest.get('uploaded')
    const uploading = publish(victim, 'uploaded', LARGE_BYTES, (bytes) => {
      if (bytes >= atBytes) moment.resolve()
      if (isLate && bytes + 2 ** 16 >= LARGE_BYTES) void pause(delayMs).then(moment.resolve)
    }).then(
      () => {
        isAcknowledged = true
        // The moment may have been within the last piece.
        if (!isLate) moment.resolve()
      },
      () => moment.resolve(),
    )
    await moment.promise
    await kill()
    await uploading
    if (!isAcknowledged) interrupted++
    checkShown(t, where)
    await victim.start()
    const found = await versionAt(victim, 'uploaded')
    t.ok(isAcknowledged ? found === version : [version - 1, version].includes(found), where)
    if (!isAcknowledged && found === version) {
      // Taken in, and the answer was lost.
      const content = victim.readBytes('uploaded') ?? Buffer.alloc(0)
      t.not(before?.content.equals(content), true, where)
      latest.set('uploaded', { version, content })
    }
    await checkWhole(t, where)
  }
})

t.test(`kill -9 during a fetch, ${KILLS} times`, async (t) => {
  for (let round = 0; round < KILLS; ) {
    await publish(first, 'fetched', LARGE_BYTES)
    const { content } = latest.get('fetched') ?? {}
    const isShown = (): boolean =>
      content?.equals(victim.readBytes('fetched') ?? new Uint8Array()) === true
    let hadBytes = 0
    while (round < KILLS && !isShown()) {
      const where = `fetch ${round}`
      const atBytes = hadBytes + random.below(LARGE_BYTES - hadBytes)
      const doneBytes = async (): Promise<number> => {
        const { receiving } = await clientOf(victim).transfers()
        return receiving.find(({ name }) => name === 'fetched')?.doneBytes ?? 0
      }
      const isMoment = async (): Promise<boolean> => {
        hadBytes = Math.max(hadBytes, await doneBytes())
        return hadBytes >= atBytes || isShown()
      }
      await until(`${where}: ${atBytes} bytes`, isMoment, PATIENCE_MS)
      if (!isShown()) interrupted++
      await kill()
      round++
      checkShown(t, where)
      await victim.start()
    }
    await checkWhole(t, `fetch before ${round}`)
  }
})

/** Files that a crash may leave: of blocks that no row speaks of, and of contents that nobody wants. */
const scatter = (): void => {
  for (let index = 0; index < STRAYS; index++) {
    const bytes = randomBytes(STRAY_BYTES)
    const digest = sha256(bytes)
    const path =
      index % 10 === 0 ? `partial/${10 ** 6 + index}` : `blocks/${digest.slice(0, 2)}/${digest}`
    const whole = join(victim.stateDir, path)
    mkdirSync(dirname(whole), { recursive: true })
    writeFileSync(whole, bytes)
  }
}

t.test(`kill -9 during garbage collection, ${KILLS} times`, async (t) => {
  const collect = () => clientOf(victim).collectBlocks({ now: true })
  scatter()
  const wholeMs = await timeOf(collect)
  for (let round = 0; round < KILLS; round++) {
    // The list of the version before has no owner any more.
    await publish(victim, 'small', MEBIBYTE)
    scatter()
    const collecting = collect().then(
      () => {},
      () => void interrupted++,
    )
    await pause(random.fraction() * wholeMs)
    await kill()
    await collecting
    await checkAgain(t, `collection ${round}`)
  }
})

t.test(`kill -9 while damage is looked for and mended, ${KILLS} times`, async (t) => {
  const client = clientOf(victim)
  const scrub = async (): Promise<void> => {
    await client.scrubBlocks()
    const isDone = async () => !(await client.blocks()).scrub.running
    await until('the end of a scrub', isDone, PATIENCE_MS)
  }
  await publish(first, 'fetched', LARGE_BYTES)
  await checkWhole(t, 'before the scrub')
  const wholeMs = await timeOf(scrub)
  for (let round = 0; round < KILLS; round++) {
    const where = `scrub ${round}`
    // As a disk does that goes bad.
    const file = openSync(victim.file('fetched'), 'r+')
    writeSync(file, randomBytes(16), 0, 16, random.below(LARGE_BYTES - 16))
    closeSync(file)
    const scrubbing = scrub().then(
      () => {},
      () => void interrupted++,
    )
    await pause(random.fraction() * wholeMs)
    await kill()
    await scrubbing
    await victim.start()
    await scrub()
    await checkWhole(t, where)
  }
})

t.test('nobody else has noticed anything', async (t) => {
  t.comment(`${kills} kills, ${interrupted} of them in the middle; MESH_TEST_SEED=${seed}`)
  t.equal(kills, 4 * KILLS)
  t.ok(interrupted > 0)
  t.match(await clientOf(victim).verifyBlocks(), { damagedBlocks: 0, contradictions: 0 })
  t.same(
    first.log.filter(({ level }) => level >= 50),
    [],
    'no error was logged',
  )
})
