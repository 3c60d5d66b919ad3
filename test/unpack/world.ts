/** Trees of files that a test changes at will, in a real directory and on virtual time. */
import { EventEmitter } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createSignedStatement, encodeStatement, parseFileName } from '../../src/statement/index.ts'
import { parseNetworkId, recordId } from '../../src/statement/index.ts'
import { createUnpack } from '../../src/unpack/index.ts'
import { sha256, systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { FilesEvents, FileView } from '../../src/files/index.ts'
import type { Health } from '../../src/observe/index.ts'
import type { FileName } from '../../src/statement/index.ts'
import type { Unpack } from '../../src/unpack/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

export interface World {
  readonly unpack: Unpack
  readonly health: Health
  readonly clock: VirtualClock
  /** Names whose tar was read, one for each time. */
  readonly reads: FileName[]
  /** Shows this tar under the name from now on; `undefined`: it is configured, and not published. */
  show(name: string, tar: Buffer | undefined): void
  /** The name is not configured any more; nobody is told before {@link Unpack.refresh}. */
  drop(name: string): void
  /** Resolves when nothing is under way. */
  rested(): Promise<void>
  /** The text of a file in the tree of a name, as whoever follows the link reads it. */
  read(name: string, path: string): string | undefined
  /** What lies in `unpacked`. */
  trees(): readonly string[]
}

const { publicKey } = generatePrivateKey(systemRandom)
const DEADLINE_MS = 60_000

export const createWorld = (
  stateDir: string,
  init: {
    readonly verifyBytesPerSecond?: number
    /** Called before a tar is read. */
    readonly onRead?: (name: FileName) => void
  } = {},
): World => {
  const clock = createVirtualClock()
  const events = new EventEmitter<FilesEvents>()
  const views = new Map<FileName, FileView>()
  const tars = new Map<FileName, Buffer>()
  const reads: FileName[] = []
  const health = createHealth({ clock })
  const workers = createWorkers({ clock, random: systemRandom, logger: silentLogger })
  const unpack = createUnpack(
    {
      ...{ clock, random: systemRandom, logger: silentLogger, health, workers },
      files: {
        events,
        list: () => [...views.values()],
        view: (name) => views.get(name),
        async distrust() {},
        async open(name) {
          const [record, bytes] = [views.get(name)?.winner, tars.get(name)]
          if (record === undefined || bytes === undefined) return undefined
          async function* stream() {
            reads.push(name)
            init.onRead?.(name)
            yield bytes ?? Buffer.alloc(0)
          }
          return { record, sizeBytes: bytes.length, stream }
        },
      },
    },
    { stateDir, verifyBytesPerSecond: init.verifyBytesPerSecond ?? 0 },
  )

  const recordOf = (name: FileName, tar: Buffer) => {
    const content = { digest: sha256(tar), sizeBytes: tar.length }
    const signed = createSignedStatement(
      encodeStatement({
        ...{ network: parseNetworkId('test'), name, version: 1, content },
        ...{ time: 0 as Timestamp, expires: 'never', replaces: 'none', blocks: 'none' },
      }),
      [{ key: publicKey, signature: new Uint8Array(64) }],
    )
    return { id: recordId(signed), signed }
  }

  return {
    ...{ unpack, health, clock, reads },
    show(text, tar) {
      const name = parseFileName(text)
      const before = views.get(name)
      const policy = {
        ...{ name, signers: [], maxSizeBytes: 2 ** 20, mode: 0o644 },
        unpack: 'tar' as const,
      }
      const after: FileView =
        tar === undefined
          ? { name, state: 'none', policy, conflict: false }
          : { name, state: 'shown', policy, conflict: false, winner: recordOf(name, tar) }
      views.set(name, after)
      if (tar === undefined) tars.delete(name)
      else tars.set(name, tar)
      events.emit('change', { name, before, after })
    },
    drop(text) {
      views.delete(parseFileName(text))
    },
    async rested() {
      const deadlineMs = performance.now() + DEADLINE_MS
      do {
        if (performance.now() > deadlineMs) throw new Error('it does not come to rest')
        await clock.settle()
        await clock.advance(0)
      } while (workers.list().some(({ state }) => state === 'running'))
    },
    read(name, path) {
      const at = join(stateDir, 'trees', name, path)
      return existsSync(at) ? readFileSync(at, 'utf8') : undefined
    },
    trees: () => readdirSync(join(stateDir, 'unpacked')),
  }
}
