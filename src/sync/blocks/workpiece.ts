/** What has been put together of one content: its list, its blocks, and which are still to be had. */
import { decodeBlockList } from '../../chunk/index.ts'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { Schedule } from './schedule.ts'
import { createTwins } from './twins.ts'
import type { Assembly, Blocks, Owner } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { Clock } from '../../util/index.ts'
import type { BlockSource, ContentName } from './source.ts'
import type { TwinsOf } from './twins.ts'

/** What blocks are put into. */
export type Workbench = Pick<
  Assembly,
  'list' | 'haveBytes' | 'has' | 'missing' | 'copyLocal' | 'read' | 'write' | 'close' | 'giveBack'
>

export interface WorkpieceInit {
  readonly content: ContentName
  readonly sizeBytes: number
  readonly owner: Owner
  readonly clock: Clock
  readonly blocks: Pick<Blocks, 'get' | 'has' | 'noteMisfit'>
  readonly signal: AbortSignal
  /** Makes room for the blocks of this list. */
  readonly assemble: (list: BlockList) => Promise<Workbench>
  /** Blocks have come: those who look on want to know. */
  readonly onGained: (indexes: readonly number[]) => void
}

/** The list, if that is what was signed as one. */
const readSigned = (encoded: Uint8Array): BlockList | undefined => {
  try {
    return decodeBlockList(encoded)
  } catch (error) {
    if (isMeshError(error)) return undefined
    throw error
  }
}

export class Workpiece {
  readonly #init: WorkpieceInit
  readonly schedule = new Schedule((index) => this.assembly?.has(index) === false)
  list: BlockList | undefined
  assembly: Workbench | undefined
  /** When something came last. */
  progressMs: number
  /** Found on this machine. */
  localBytes = 0
  #twinsOf: TwinsOf = () => []

  constructor(init: WorkpieceInit) {
    this.#init = init
    this.progressMs = init.clock.monotonicMs()
  }

  get haveBytes(): number {
    return this.assembly?.haveBytes ?? 0
  }

  /** The list is known, and what is left of a former run is being looked at. */
  get isPreparing(): boolean {
    return this.list !== undefined && this.assembly === undefined
  }

  get isComplete(): boolean {
    return this.assembly !== undefined && this.haveBytes >= this.#init.sizeBytes
  }

  /** For those who ask us. */
  source(): BlockSource {
    return {
      list: () => this.list,
      has: (index) => this.assembly?.has(index) === true,
      isComplete: () => false,
      read: async (index, signal, into) => this.assembly?.read(index, { signal, into }),
    }
  }

  /**
   * Begins, with the list that was signed. `undefined`: the fetch has ended meanwhile.
   *
   * @throws MeshError if what was signed cannot be put together, which is no holder's fault
   */
  async begin(encoded: Uint8Array, isEnded: () => boolean): Promise<Workbench | undefined> {
    const { sizeBytes, blocks, owner, signal, content, assemble } = this.#init
    const list = readSigned(encoded)
    if (list?.sizeBytes !== sizeBytes) {
      await blocks.noteMisfit(owner, { list: content.list, digest: content.digest, sizeBytes })
      const what = list === undefined ? 'is none' : `is about ${list.sizeBytes} bytes`
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `the signed block list of ${content.name} ${what}, its statement about ${sizeBytes}; have it signed again`,
      )
    }
    this.list = list
    const assembly = await assemble(list)
    if (isEnded() || signal.aborted) {
      await assembly.close()
      return undefined
    }
    this.assembly = assembly
    this.#twinsOf = createTwins(list)
    for (const index of assembly.missing()) {
      const digest = list.blocks[index]?.digest
      this.schedule.want(index, digest !== undefined && blocks.has(digest))
    }
    this.progressMs = this.#init.clock.monotonicMs()
    return assembly
  }

  /** These are to be had as well from now on. */
  want(indexes: readonly number[]): void {
    if (this.schedule.isEmpty) this.progressMs = this.#init.clock.monotonicMs()
    for (const index of indexes) this.schedule.want(index, false)
  }

  /** Takes what is found on this machine. */
  async copyLocal(assembly: Workbench): Promise<void> {
    if (this.schedule.hasLocal) {
      const before = assembly.haveBytes
      await assembly.copyLocal({
        signal: this.#init.signal,
        onBlock: (index) => this.#noteHere(index),
      })
      this.localBytes += Math.max(0, assembly.haveBytes - before)
    }
    // What was not right after all has to be fetched.
    this.schedule.forgetLocal()
    // Blocks that came in the company of another of the same bytes.
    for (const index of this.schedule.open()) if (assembly.has(index)) this.#noteHere(index)
  }

  /** The block has been written, and the same bytes elsewhere in the content with it. */
  arrived(index: number): void {
    this.#noteHere(index)
    for (const twin of this.#twinsOf(index)) if (this.assembly?.has(twin)) this.#noteHere(twin)
  }

  #noteHere(index: number): void {
    this.progressMs = this.#init.clock.monotonicMs()
    this.schedule.settle(index)
    this.#init.onGained([index])
  }
}
