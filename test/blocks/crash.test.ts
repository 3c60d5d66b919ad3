/** Kill -9 at random moments of put, addContent, assembly, garbage collection and scrub. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { createDisk } from '../../src/disk/index.ts'
import { createLmdbStore } from '../../src/store/index.ts'
import { parseDigest, sha256 } from '../../src/util/index.ts'
import { bytesOf, contentOf, owner, startBlocks } from './fixture.ts'
import type { Test } from 'tap'

const SOAK = process.env.MESH_TEST_TIER === 'soak'
const KILLS = SOAK ? 200 : 20
/** Done things after which a kill comes, at most. */
const MOST_DONE = 15

t.setTimeout(60 * 60_000)
const directory = mkdtempSync(join(tmpdir(), 'mesh-blocks-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

/** What has to be there, by name, and what may be there or not. */
const kept = new Map<string, string>()
const contents = new Map<string, string>()

const note = (line: string): void => {
  const [phase, what, name = '', digest = ''] = line.split(' ')
  if (phase === 'done' && what === 'put') kept.set(name, digest)
  if (phase === 'done' && what === 'add') contents.set(name, digest)
  // From the beginning on it may be gone.
  if (phase === 'begin' && what === 'drop') kept.delete(name)
  if (phase === 'begin' && what === 'withdraw') contents.delete(name)
}

const runAndKill = async (round: number): Promise<void> => {
  const main = join(import.meta.dirname, 'crash-main.ts')
  const child = spawn(process.execPath, [main, directory, `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const most = 1 + Math.floor(Math.random() * MOST_DONE)
  let done = 0
  for await (const line of createInterface({ input: child.stdout })) {
    note(line)
    if (!line.startsWith('done') || ++done < most) continue
    // Somewhere in the middle of what comes next.
    setTimeout(() => child.kill('SIGKILL'), Math.random() * 20)
    done = Number.NEGATIVE_INFINITY
  }
  const [code, signal] = await exited
  if (signal !== 'SIGKILL') throw new Error(`it ended by itself: ${code} ${signal}`)
}

const check = async (t: Test, where: string): Promise<void> => {
  const disk = createDisk(directory)
  await disk.open()
  const store = createLmdbStore({ path: join(directory, 'store') })
  await store.open()
  const { blocks, damages, health } = await startBlocks({ store, disk }, { gcDelayMs: 0 })
  const wrong: string[] = []
  for (const [name, text] of kept) {
    const digest = parseDigest(text) ?? sha256('')
    const bytes = await blocks.get(digest)
    if (bytes === undefined || sha256(bytes) !== digest) wrong.push(`lost ${name}`)
  }
  for (const [name, text] of contents) {
    const { list } = contentOf(bytesOf(name, 300_000))
    if (!blocks.hasContent(owner(`file ${name} x`))) wrong.push(`forgot ${name} ${text}`)
    for (const block of list.blocks) {
      if ((await blocks.get(block.digest)) === undefined) wrong.push(`a block of ${name}`)
    }
  }
  t.same(wrong, [], `${where}: everything that was acknowledged is there`)
  t.match(await blocks.verify(), { damagedBlocks: 0, contradictions: 0 }, where)
  t.same([damages, health.list()], [[], []], where)
  for (const { owner } of blocks.assemblies()) await blocks.remove(owner)
  await blocks.gc({ now: true })
  t.match(await blocks.gc({ now: true }), { strayFiles: 0, removedBlocks: 0 }, where)
  const { storedBlocks, cachedBlocks, assemblies } = blocks.stat()
  const pins = [...blocks.owners()].filter(({ kind }) => kind === 'pins').length
  const lists = [...blocks.owners()].filter(({ kind }) => kind === 'content').length
  t.equal(storedBlocks - cachedBlocks, pins + lists, `${where}: nothing else takes room`)
  t.equal(assemblies, 0)
  t.same(await disk.list('partial'), [])
  await blocks.stop()
  await store.close()
}

t.test(`kill -9 at ${KILLS} random moments loses nothing and leaves no room taken`, async (t) => {
  for (let round = 0; round < KILLS; round++) {
    await runAndKill(round)
    await check(t, `round ${round}`)
    // What was kept for long is not looked at for ever.
    if (kept.size > 80) kept.clear()
    if (contents.size > 20) contents.clear()
  }
})
