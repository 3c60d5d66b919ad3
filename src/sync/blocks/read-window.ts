/** The blocks of one content that somebody reads here in order: those that come next, in memory. */
import { MeshError } from '../../errors/index.ts'
import { sha256 } from '../../util/index.ts'
import type { Blocks } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { Workbench } from './workpiece.ts'

export interface ReadWindowInit {
  readonly blocks: Pick<Blocks, 'get' | 'has' | 'put'>
  /** First byte, and the one after the last. */
  readonly start: number
  readonly end: number
  /** Bytes of blocks that are asked for ahead of the reader; one block always is. */
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** These are to be had from others. */
  readonly onWant: (indexes: readonly number[]) => void
  /** The cache could not take a block. */
  readonly onNotKept: (error: unknown) => void
}

/** What a fetch writes into and one reader takes out of. */
export class ReadWindow implements Workbench {
  readonly list: BlockList
  readonly #init: ReadWindowInit
  /** Blocks before this one were handed on. */
  #next = 0
  /** Neither this block nor any behind it is wanted yet. */
  #ahead = 0
  /** Where it begins. */
  #aheadOffset = 0
  /** Of the blocks in between. */
  #windowBytes = 0
  #handedBytes = 0
  readonly #here = new Map<number, Uint8Array>()
  /** To be read on this machine when their turn comes. */
  readonly #local = new Set<number>()
  /** Blocks that the cache is taking. */
  readonly #keeping = new Map<number, Promise<void>>()
  #waiting: { readonly index: number; readonly resolve: () => void } | undefined

  constructor(list: BlockList, init: ReadWindowInit) {
    this.list = list
    this.#init = init
  }

  get haveBytes(): number {
    return this.#handedBytes
  }

  /** What is not wanted counts as here: nobody is to be asked for it. */
  has(index: number): boolean {
    const isWanted = index >= this.#next && index < this.#ahead
    return !isWanted || this.#here.has(index) || this.#local.has(index)
  }

  *missing(): Iterable<number> {
    for (let index = this.#next; index < this.#ahead; index++) if (!this.has(index)) yield index
  }

  async copyLocal(): Promise<number> {
    return 0
  }

  async read(index: number): Promise<Uint8Array | undefined> {
    return this.#here.get(index)
  }

  /** @throws MeshError `ERR_BLOCK_MISMATCH` */
  async write(index: number, bytes: Uint8Array): Promise<void> {
    const digest = this.list.blocks[index]?.digest
    if (digest === undefined || sha256(bytes) !== digest) {
      throw new MeshError('ERR_BLOCK_MISMATCH', `block ${index} is not the one of its list`)
    }
    if (this.has(index)) return
    // The room that it came in is somebody else's in a moment.
    const own = Uint8Array.from(bytes)
    this.#here.set(index, own)
    const { blocks, onNotKept } = this.#init
    this.#keeping.set(index, blocks.put(digest, own).catch(onNotKept))
    if (this.#waiting?.index === index) this.#waiting.resolve()
  }

  async close(): Promise<void> {
    await Promise.all(this.#keeping.values())
    this.#here.clear()
  }

  giveBack(): Promise<void> {
    return this.close()
  }

  /** The bytes of the range, piece by piece. To be called once. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const { start, end } = this.#init
    let offset = 0
    for (const [index, { sizeBytes }] of this.list.blocks.entries()) {
      if (offset >= end) return
      if (offset + sizeBytes > start) {
        if (this.#ahead === 0) {
          this.#next = this.#ahead = index
          this.#aheadOffset = offset
        }
        const bytes = await this.#take(index)
        const [from, to] = [Math.max(start - offset, 0), end - offset]
        yield from > 0 || to < bytes.length ? bytes.subarray(from, to) : bytes
      }
      offset += sizeBytes
    }
  }

  async #take(index: number): Promise<Uint8Array> {
    this.#extend()
    const bytes = (await this.#readLocal(index)) ?? (await this.#waitFor(index))
    // So that the cache is written no slower than this is read.
    await this.#keeping.get(index)
    this.#keeping.delete(index)
    this.#here.delete(index)
    this.#next = index + 1
    this.#windowBytes -= bytes.length
    this.#handedBytes += bytes.length
    this.#extend()
    return bytes
  }

  /** Wants as much as there is room for. */
  #extend(): void {
    const { blocks, end, maxBytes, onWant } = this.#init
    const wanted: number[] = []
    for (;;) {
      const index = this.#ahead
      const block = this.list.blocks[index]
      if (block === undefined || this.#aheadOffset >= end) break
      if (this.#windowBytes > 0 && this.#windowBytes + block.sizeBytes > maxBytes) break
      this.#ahead++
      this.#aheadOffset += block.sizeBytes
      this.#windowBytes += block.sizeBytes
      if (blocks.has(block.digest)) this.#local.add(index)
      else wanted.push(index)
    }
    if (wanted.length > 0) onWant(wanted)
  }

  async #readLocal(index: number): Promise<Uint8Array | undefined> {
    const digest = this.list.blocks[index]?.digest
    if (digest === undefined || !this.#local.has(index)) return undefined
    const bytes = await this.#init.blocks.get(digest, { signal: this.#init.signal })
    this.#local.delete(index)
    // It has gone cold meanwhile, or was not right.
    if (bytes === undefined) this.#init.onWant([index])
    return bytes
  }

  async #waitFor(index: number): Promise<Uint8Array> {
    const { signal } = this.#init
    while (!this.#here.has(index)) {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const onAbort = (): void => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting = { index, resolve }
      try {
        await promise
      } finally {
        this.#waiting = undefined
        signal.removeEventListener('abort', onAbort)
      }
    }
    const bytes = this.#here.get(index)
    if (bytes === undefined) throw new Error(`block ${index} is gone`)
    return bytes
  }
}
