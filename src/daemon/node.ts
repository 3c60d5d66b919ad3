import { createBlocks } from '../blocks/index.ts'
import { createFiles } from '../files/index.ts'
import { createSync, locateContents } from '../sync/index.ts'
import { createPeering } from '../transport/index.ts'
import { keepJournal } from './journal.ts'
import type { Blocks, BlocksInit } from '../blocks/index.ts'
import type { Disk } from '../disk/index.ts'
import type { FilePolicy, Files } from '../files/index.ts'
import type { Health, Logger, Workers } from '../observe/index.ts'
import type { NetworkId } from '../statement/index.ts'
import type { Store } from '../store/index.ts'
import type { EngineInit, Sync } from '../sync/index.ts'
import type { Peering, PeeringInit, Transport } from '../transport/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Part } from './lifecycle.ts'

export interface NodeComponents {
  /** Open before the node starts, and closed after it has stopped. */
  readonly disk: Disk
  /** The same. */
  readonly store: Store
  /** Not started yet: the node does that when everybody listens. */
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly workers: Workers
  readonly health: Health
}

export interface NodeInit extends EngineInit, PeeringInit {
  readonly network: NetworkId
  readonly policies: readonly FilePolicy[]
  readonly blocks?: BlocksInit
}

/**
 * What a daemon is beyond this one machine: files that sync and peers that are found, over any disk,
 * store, network and clock. A daemon gives it real ones, a simulation gives it twins.
 */
export interface Node {
  readonly files: Files
  readonly blocks: Blocks
  readonly sync: Sync
  /** Started last of all: what starts after the first dialling waits for its handshakes. */
  readonly peering: Peering
  /** What else has to be started, in order, and stopped in reverse. */
  readonly parts: readonly { readonly name: string; readonly part: Part }[]
  /** Puts new policies in force and gets what is wanted from now on. */
  reload(policies: readonly FilePolicy[]): Promise<void>
}

export const createNode = (components: NodeComponents, init: NodeInit): Node => {
  const { disk, store, transport, logger, ...rest } = components
  const child = (name: string) => ({ ...rest, logger: logger.child(name) })
  const files = createFiles({ ...rest, logger, store, disk }, init)
  const blocks = createBlocks(
    { ...rest, logger, store, disk, locate: locateContents(files) },
    init.blocks,
  )
  const sync = createSync(
    { ...child('sync'), transport, files, blocks },
    // Who is known, and we. A mesh that has been larger than it is reconciles less often for a while.
    { meshSize: () => peering.status().length + 1, ...init },
  )
  const peering = createPeering({ ...child('peering'), transport, store }, init)

  let endJournal = (): void => {}
  const journal: Part = {
    async start() {
      endJournal = keepJournal({ files, transport }, { logger })
    },
    stop: async () => endJournal(),
  }
  return {
    files,
    blocks,
    sync,
    peering,
    parts: [
      { name: 'files', part: files },
      { name: 'blocks', part: blocks },
      { name: 'journal', part: journal },
      // Before the first peer can come in, so that it misses neither the peer nor what it brings.
      { name: 'sync', part: sync },
      { name: 'transport', part: transport },
    ],
    async reload(policies) {
      await files.reload(policies)
      sync.catchUp()
    },
  }
}
