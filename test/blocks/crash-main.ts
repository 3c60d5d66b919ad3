/** A process that works on a block store until it is killed, and says what it begins and has done. */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { createDisk } from '../../src/disk/index.ts'
import { createLmdbStore } from '../../src/store/index.ts'
import { blockOf, bytesOf, contentOf, owner, startBlocks } from './fixture.ts'

const [directory = '', round = ''] = process.argv.slice(2)
const LARGE_BYTES = 60_000
const CONTENT_BYTES = 300_000

const say = (line: string): void => void writeSync(1, `${line}\n`)
/** Says what it does before and after, as the one who checks takes it. */
const doing = async (what: string, work: () => Promise<unknown>): Promise<void> => {
  say(`begin ${what}`)
  await work()
  say(`done ${what}`)
}

const disk = createDisk(directory)
await disk.open()
const store = createLmdbStore({ path: join(directory, 'store') })
await store.open()
const { blocks } = await startBlocks({ store, disk }, { gcDelayMs: 0, scrubBytesPerSecond: 0 })
say('ready')

const chance = (below: number): number => Math.floor(Math.random() * below)

/** Several of these run side by side. */
const work = async (lane: string): Promise<void> => {
  for (let count = 0; ; count++) {
    const name = `${round}-${lane}-${count}`
    const { digest, bytes } = blockOf(name, chance(2) === 0 ? 3_000 : LARGE_BYTES)
    const keeper = owner(`test ${name}`)
    await doing(`put ${name} ${digest}`, () => blocks.put(digest, bytes, { owner: keeper }))
    const cached = blockOf(`cached ${name}`, LARGE_BYTES)
    await blocks.put(cached.digest, cached.bytes)
    if (chance(2) === 0) await doing(`drop ${name}`, () => blocks.remove(keeper))
    if (count % 3 === 0) {
      const content = contentOf(bytesOf(name, CONTENT_BYTES))
      const file = owner(`file ${name} x`)
      const assembly = await blocks.assemble(file, content.list)
      for (const index of content.list.blocks.keys()) {
        await assembly.write(index, content.piece(index))
      }
      await disk.rename(await assembly.finish({ mode: 0o644 }), `files/${name}`)
      await doing(`add ${name} ${content.digest}`, () => blocks.addContent(file, content))
      if (chance(2) === 0) {
        await doing(`withdraw ${name}`, async () => {
          await blocks.remove(file)
          await disk.remove(`files/${name}`)
        })
      }
    }
    if (count % 4 === 1) await blocks.gc({ now: true })
    if (count % 5 === 2) await blocks.verify()
    if (count % 7 === 3) blocks.scrub()
  }
}
await Promise.all(['a', 'b', 'c'].map(work))
