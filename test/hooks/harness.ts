/** Hooks over files that a test changes at will, with real programs. */
import { EventEmitter } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHooks } from '../../src/hooks/index.ts'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createSignedStatement, encodeStatement, parseFileName } from '../../src/statement/index.ts'
import { parseNetworkId, recordId } from '../../src/statement/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { sha256, systemClock, systemRandom } from '../../src/util/index.ts'
import type { FilesEvents, FileState, FileView } from '../../src/files/index.ts'
import type { Hooks, HooksInit } from '../../src/hooks/index.ts'
import type { Health } from '../../src/observe/index.ts'
import type { FileName, Selector } from '../../src/statement/index.ts'
import type { Store } from '../../src/store/index.ts'
import type { Clock, Timestamp } from '../../src/util/index.ts'

export interface World {
  readonly hooks: Hooks
  readonly health: Health
  /** Lines of the log. */
  readonly lines: { readonly message: string; readonly [field: string]: unknown }[]
  /** What is to be seen of a name from now on; tells of it. */
  show(name: string, version: number, state?: FileState): void
  /** The tree of a name is complete, from now on; tells of it. */
  unpacked(name: string, tree: string): void
  /** Resolves when this holds. */
  until(fits: () => boolean): Promise<void>
  /** Lines that programs wrote into the file `log`. */
  log(): readonly string[]
}

export interface WorldInit extends Partial<HooksInit> {
  readonly home: string
  readonly store?: Store
  readonly clock?: Clock
  readonly isRoot?: boolean
  readonly environment?: Readonly<Record<string, string>>
  /** Of every file. */
  readonly onChange?: readonly string[]
  /** Whether files are shown as trees. */
  readonly unpack?: boolean
  /** What is to be seen from the beginning. */
  readonly files?: Readonly<Record<string, number>>
}

/** Processes of a group that have not ended, whether or not somebody has noticed. */
export const livingIn = (group: number): number =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      // Behind the name, which may have anything in it: state, parent, group.
      const [state, , of] =
        readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      return Number(of) === group && state !== 'Z'
    } catch {
      return false
    }
  }).length

/** Nobody verifies here. */
const { publicKey } = generatePrivateKey(systemRandom)

/** A program that runs under sh; `$log` is the file that {@link World.log} reads. */
export const script = (home: string, name: string, text: string): string => {
  const path = join(home, name)
  writeFileSync(path, `#!/bin/sh\nlog='${join(home, 'log')}'\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

export const createWorld = async (init: WorldInit): Promise<World> => {
  const { home, clock = systemClock, files: initial = {}, onChange } = init
  const events = new EventEmitter<FilesEvents>()
  const treeEvents = new EventEmitter<{ settled: [FileName] }>()
  const trees = new Map<FileName, string>()
  const views = new Map<FileName, FileView>()
  const lines: World['lines'] = []
  const note = (data: Readonly<Record<string, unknown>>, message: string): void => {
    lines.push({ ...data, message })
  }
  const logger = { ...silentLogger, info: note, warn: note, child: () => logger }
  const health = createHealth({ clock })
  const store = init.store ?? createMemoryStore()
  if (init.store === undefined) await store.open()
  const workers = createWorkers({ clock, random: systemRandom, logger: silentLogger })

  const put = (text: string, version: number, state: FileState): void => {
    const name = parseFileName(text)
    const content = state === 'deleted' ? 'deleted' : { digest: sha256(text), sizeBytes: 1 }
    const signed = createSignedStatement(
      encodeStatement({
        network: parseNetworkId('test'),
        ...{ name, version, content },
        time: 0 as Timestamp,
        expires: 'never',
        replaces: 'none',
        blocks: 'none',
      }),
      [{ key: publicKey, signature: new Uint8Array(64) }],
    )
    const selector = (text.includes('/') ? `${text.split('/')[0]}/*` : name) as Selector
    const policy = {
      ...{ name: selector, signers: [], maxSizeBytes: 100, mode: 0o644 },
      ...(onChange === undefined ? {} : { onChange }),
      ...(init.unpack === true ? { unpack: 'tar' as const } : {}),
    }
    const winner = { id: recordId(signed), signed }
    views.set(name, { name, state, policy, winner, conflict: false })
  }
  for (const [name, version] of Object.entries(initial)) put(name, version, 'shown')

  const hooks = createHooks(
    {
      files: { events, list: () => views.values(), view: (name) => views.get(name) },
      trees: { events: treeEvents, treeOf: (name) => trees.get(name) },
      ...{ store, clock, random: systemRandom, logger, health, workers },
      isRoot: init.isRoot ?? false,
      environment: init.environment ?? { PATH: process.env.PATH ?? '' },
    },
    {
      filesDirectory: '/state/files',
      treesDirectory: '/state/trees',
      timeoutMs: init.timeoutMs ?? 60_000,
      allowRoot: init.allowRoot ?? false,
      ...(init.directory === undefined ? {} : { directory: init.directory }),
    },
  )
  const path = join(home, 'log')
  return {
    hooks,
    health,
    lines,
    show(text, version, state = 'shown') {
      const name = parseFileName(text)
      const before = views.get(name)
      put(text, version, state)
      events.emit('change', { name, before, after: views.get(name) })
    },
    unpacked(text, tree) {
      const name = parseFileName(text)
      trees.set(name, tree)
      treeEvents.emit('settled', name)
    },
    async until(fits) {
      while (!fits()) await new Promise((resolve) => setTimeout(resolve, 5))
    },
    log: () => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []),
  }
}
