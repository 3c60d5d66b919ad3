/** A node's files over a disk and a store in memory, and everything to sign statements with. */
import { createMemoryDisk } from '../../src/disk/index.ts'
import { createFiles } from '../../src/files/index.ts'
import { privateKeyFromSeed } from '../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { parseFileName, parseNetworkId, signStatement } from '../../src/statement/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { Disk, LocalFiles, MemoryDisk } from '../../src/disk/index.ts'
import type { FilePolicy, Files, Origin, Verdict } from '../../src/files/index.ts'
import type { PeerId, PrivateKey } from '../../src/keys/index.ts'
import type { Health, Workers } from '../../src/observe/index.ts'
import type { SignedStatement, Statement } from '../../src/statement/index.ts'
import type { MemoryStore, Store } from '../../src/store/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

export const network = parseNetworkId('test')
const peer = '12D3KooWtest' as PeerId
export const upload: Origin = { kind: 'upload' }
export const fromPeer: Origin = { kind: 'peer', peer }

const keyOf = (byte: number): PrivateKey => privateKeyFromSeed(new Uint8Array(32).fill(byte))
/** Signers by name; `eve` is never allowed. */
export const keys = { anna: keyOf(1), bert: keyOf(2), cleo: keyOf(3), eve: keyOf(9) }
export type Signer = keyof typeof keys

export const NAME = parseFileName('etc/motd')
export const START_MS = Date.UTC(2026, 0, 1)
export const HOUR_MS = 3_600_000

export const policy = (changes: Partial<FilePolicy> = {}): FilePolicy => ({
  name: NAME,
  signers: [keys.anna.publicKey, keys.bert.publicKey],
  maxSizeBytes: 1000,
  mode: 0o644,
  ...changes,
})

export interface Draft extends Partial<Omit<Statement, 'content' | 'time' | 'expires' | 'name'>> {
  readonly name?: string
  readonly time?: number
  readonly expires?: number | 'never'
  /** Text of the content; `null`: a tombstone. @default `<name> <version>` */
  readonly text?: string | null
  readonly by?: readonly Signer[]
}

export const textOf = ({ text, name = NAME, version = 1 }: Draft): string =>
  text ?? `${name} ${version}`

/** A signed statement; by default version 1, by anna, at the start of time, for ever. */
export const sign = (draft: Draft = {}): Promise<SignedStatement> => {
  const { text, by = ['anna'], time = START_MS, expires = 'never', name = NAME, ...rest } = draft
  const content = Buffer.from(textOf(draft))
  return signStatement(
    {
      network,
      version: 1,
      replaces: 'none',
      blocks: 'none',
      ...rest,
      name: parseFileName(name),
      time: time as Timestamp,
      expires: expires as Timestamp | 'never',
      content: text === null ? 'deleted' : { digest: sha256(content), sizeBytes: content.length },
    },
    by.map((signer) => keys[signer]),
  )
}

export async function* source(...pieces: readonly (string | Uint8Array)[]) {
  for (const piece of pieces) yield Buffer.from(piece)
}

export interface World {
  readonly disk: MemoryDisk
  readonly store: MemoryStore
  readonly clock: VirtualClock
  /** Of the daemon that runs now. */
  health: Health
  files: Files
  workers: Workers
  /** Signs and uploads; content comes with it unless it is a tombstone. */
  put(draft?: Draft, from?: Origin): Promise<Verdict>
  /** The text at `files/<name>`, or at another path of the state directory. */
  shown(path?: string): Promise<string | undefined>
  /** Every file of the state directory with its text, and every entry of the store. */
  everything(): Promise<unknown>
  /** The daemon stops in good order and starts again. */
  restart(policies?: readonly FilePolicy[]): Promise<void>
  /** It dies and starts again. */
  crash(keep: 'synced' | 'all', policies?: readonly FilePolicy[]): Promise<void>
  stop(): Promise<void>
}

export const snapshot = async (disk: Disk, store: MemoryStore): Promise<unknown> => {
  const found: Record<string, string> = {}
  for (const directory of ['files', 'statements', 'content', 'quarantine', 'tmp']) {
    for (const path of await disk.list(directory)) {
      found[path] = Buffer.from((await disk.read(path, { maxBytes: 2 ** 24 })) ?? []).toString(
        'latin1',
      )
    }
  }
  return { files: found, store: store.dump() }
}

export const createWorld = async (
  policies: readonly FilePolicy[] = [policy()],
  given: {
    disk?: MemoryDisk
    store?: MemoryStore
    clock?: VirtualClock
    local?: LocalFiles
  } = {},
): Promise<World> => {
  const disk = given.disk ?? createMemoryDisk()
  const store = given.store ?? createMemoryStore()
  const clock = given.clock ?? createVirtualClock({ startMs: START_MS, turns: 20 })
  const random = createSeededRandom(1)
  let current = policies

  const boot = async (): Promise<{ files: Files; workers: Workers; health: Health }> => {
    await disk.open()
    await store.open()
    const health = createHealth({ clock })
    const workers = createWorkers({ clock, random, logger: silentLogger })
    const files = createFiles(
      {
        ...{ disk, store: store as Store, clock, health, workers, logger: silentLogger },
        ...(given.local === undefined ? {} : { local: given.local }),
      },
      { network, policies: current },
    )
    await files.start()
    return { files, workers, health }
  }

  const stop = async (): Promise<void> => {
    await world.files.stop()
    await world.workers.stop()
  }

  const world: World = {
    disk,
    store,
    clock,
    ...(await boot()),
    async put(draft = {}, from = upload) {
      const content = draft.text === null ? undefined : source(textOf(draft))
      return world.files.accept(await sign(draft), content, from)
    },
    async shown(path = `files/${NAME}`) {
      return (await disk.read(path, { maxBytes: 2 ** 24 }))?.toString()
    },
    everything: () => snapshot(disk, store),
    async restart(policies = current) {
      current = policies
      await stop()
      await store.close()
      Object.assign(world, await boot())
    },
    async crash(keep, policies = current) {
      current = policies
      await stop().catch(() => {})
      disk.fault = undefined
      store.fault = undefined
      disk.crash(keep)
      store.crash()
      Object.assign(world, await boot())
    },
    stop,
  }
  return world
}

/** The verdict in short: its outcome, or the code that it refuses with. */
export const short = (verdict: Verdict): string =>
  verdict.outcome === 'refused' ? verdict.error.code : verdict.outcome
