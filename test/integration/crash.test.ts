/** A daemon process that is killed while files arrive, are shown, while it reloads and while it starts. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { startCluster, until } from './cluster.ts'
import { catalogueOf, checkState, PATIENCE_MS, put, versionAt } from './state.ts'
import type { Test } from 'tap'
import type { Cluster, ClusterNode } from './cluster.ts'

const SOAK = process.env.MESH_TEST_TIER === 'soak'
/** For each of the moments; `recovery.test.ts` kills as often again during uploads. */
const KILLS = SOAK ? 50 : 2
const LARGE_BYTES = 4 * 2 ** 20
/** Of each daemon, when something was not as it has to be. */
const LOG_LINES = 80
/** Longer than any of the things that are interrupted takes here. */
const MAX_DELAY_MS = 150

t.setTimeout(60 * 60_000)

const cluster = await startCluster({
  files: ['small', 'large.bin', 'other'],
  config: { cluster: 'push_pull_interval = "2s"' },
})
t.teardown(cluster.stop)
const [first, second, victim] = cluster.nodes
/** All that was ever signed, by its SHA-256. */
const signedContents = new Set<string>()
/** What was acknowledged, by name. */
const latest = new Map<string, { version: number; content: Buffer }>()
/** Processes that were ended by SIGKILL, and how often all was looked at after that. */
let [kills, checks] = [0, 0]
let slowestStartMs = 0

const kill = async (): Promise<void> => {
  if (await victim.kill()) kills++
}

const start = async (): Promise<void> => {
  const beganMs = performance.now()
  await victim.start()
  slowestStartMs = Math.max(slowestStartMs, performance.now() - beganMs)
}

const publish = async (node: ClusterNode, name: string, bytes: number): Promise<void> => {
  const version = (latest.get(name)?.version ?? 0) + 1
  const content = randomBytes(bytes)
  signedContents.add(digestOf(content))
  await put(cluster, node, name, version, content)
  latest.set(name, { version, content })
}

const digestOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** Whatever the moment: what can be read is something that was signed, whole. */
const checkShown = (t: Test, where: string): void => {
  for (const name of ['small', 'large.bin', 'other']) {
    const shown = victim.readBytes(name)
    if (shown !== undefined && !signedContents.has(digestOf(shown))) {
      t.fail(`${where}: ${name} shows what nobody signed`)
    }
  }
}

const chance = (maxMs: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * maxMs))

/** It opens, shows nothing wrong, and gets to where the others are. */
const checkVictim = async (t: Test, where: string): Promise<void> => {
  checkShown(t, `${where}, dead`)
  await start()
  checkShown(t, `${where}, started again`)
  // Whatever comes in from now on is under way in tmp; what was there before must be right.
  for (const [name, { version, content }] of latest) {
    await until(
      `${where}: ${name} ${version} again`,
      () => victim.readBytes(name)?.equals(content),
      PATIENCE_MS,
    )
    t.equal(await versionAt(victim, name), version, where)
  }
  await checkState(t, victim, where)
  await until(
    `${where}: the same catalogue everywhere`,
    async () => new Set(await Promise.all(cluster.nodes.map(catalogueOf))).size === 1,
    PATIENCE_MS,
  )
  checks++
}

const killDuring = (
  what: string,
  begin: (cluster: Cluster, round: number) => Promise<unknown>,
): void => {
  t.test(`kill -9 ${what} loses nothing and shows nothing wrong`, async (t) => {
    const before = kills
    for (let round = 0; round < KILLS; round++) {
      await begin(cluster, round)
      await kill()
      await checkVictim(t, `${what}, ${round}`).catch((error: unknown) => {
        // What the daemons were at: it took a thousand kills to see some failures.
        for (const { name, log } of cluster.nodes) {
          for (const line of log.slice(-LOG_LINES)) t.comment(name, JSON.stringify(line))
        }
        throw error
      })
    }
    t.comment(`${what}: ${kills - before} kills, ${KILLS} checks`)
  })
}

killDuring('while content arrives from a peer', async () => {
  await publish(first, 'large.bin', LARGE_BYTES)
  await chance(MAX_DELAY_MS)
})

killDuring('while a record is stored and shown', async () => {
  const shown = victim.read('small')
  await publish(second, 'small', 1_000)
  await until('it to begin', () => victim.read('small') !== shown || Math.random() < 0.1)
})

killDuring('while an upload is answered', async () => {
  const uploading = publish(victim, 'other', 20_000).catch(() => {})
  await chance(30)
  await kill()
  await uploading
  // What was not acknowledged may be there or not: the next version settles it.
  const version = (latest.get('other')?.version ?? 0) + 1
  const content = randomBytes(10)
  signedContents.add(digestOf(content))
  await start()
  const found = await versionAt(victim, 'other')
  t.ok(found === version || found === version - 1, `${found} of ${version}`)
  await put(cluster, first, 'other', version + 1, content)
  latest.set('other', { version: version + 1, content })
})

killDuring('while it reloads', async (_, round) => {
  const text = readFileSync(victim.configPath, 'utf8')
  const less = text.replace(/^"small" = .*$/m, '')
  writeFileSync(victim.configPath, round % 2 === 0 ? less : text)
  victim.signal('SIGHUP')
  await chance(MAX_DELAY_MS)
})

killDuring('while it starts', async () => {
  await kill()
  await publish(first, 'small', 1_000)
  for (let time = 0; time < 2; time++) {
    const starting = victim.start().then(
      () => 'ready',
      () => 'died',
    )
    await chance(1_200)
    await kill()
    await starting
  }
})

t.test('the others have noticed nothing', async (t) => {
  t.equal(
    checks,
    5 * KILLS,
    `${kills} kills, all looked at in ${checks} checks: 0 acknowledged lost, 0 unverified shown; slowest start ${(slowestStartMs / 1000).toFixed(1)} s`,
  )
  for (const node of cluster.nodes) await checkState(t, node, node.name)
  t.same(
    [first, second].map(({ log }) => log.filter(({ level }) => level >= 50).length),
    [0, 0],
    'no error was logged',
  )
})
