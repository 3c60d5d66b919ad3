/** Content that is not kept here, read out of the nodes that have it; the cache keeps what is read often. */
import { encodeBlockList } from '../../chunk/index.ts'
import { MeshError } from '../../errors/index.ts'
import { aborted, linkSignals } from '../async.ts'
import { createBoundedSet } from '../bounded-set.ts'
import { MAX_PASSED_CONTENTS, MAX_READ_THROUGHS, READ_THROUGH_BYTES } from '../limits.ts'
import { ReadWindow } from './read-window.ts'
import { keyOfContent } from './source.ts'
import type { Blocks, Owner } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { Holders } from '../content/holders.ts'
import type { BlockSource, ContentName } from './source.ts'
import type { Workbench } from './workpiece.ts'

/** A content whose statement is known. */
export interface ReadContent extends ContentName {
  readonly sizeBytes: number
  /** Whose it would be if it were kept. */
  readonly owner: Owner
}

/** Which bytes: the first, and the one after the last. */
export interface ReadRange {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal
}

export interface ReadThrough {
  /**
   * The bytes of a range, each block verified before any of it is handed on. A few MiB ahead of the
   * reader are in memory.
   *
   * @throws MeshError `ERR_DAEMON_BUSY` if enough is being read through already,
   * `ERR_FILE_CONTENT_MISSING` if nobody delivers, `ERR_ABORTED`
   */
  stream(content: ReadContent, range: ReadRange): AsyncGenerator<Uint8Array>
  /** What the cache has of a content that was read through, for others. */
  source(
    content: ContentName,
    listOf: () => Promise<BlockList | undefined>,
  ): Promise<BlockSource | undefined>
}

/** A fetch whose blocks are wanted one after the other. */
export interface OpenedFetch {
  /** Ends when the signal does, or fails. */
  run(): Promise<unknown>
  want(indexes: readonly number[]): void
  end(): Promise<void>
}

export interface ReadThroughInit {
  readonly blocks: Pick<Blocks, 'get' | 'has' | 'put'>
  readonly logger: Logger
  /** Who may have the content; for one reader. */
  readonly holdersOf: (content: ReadContent) => Holders
  readonly open: (
    content: ReadContent,
    how: {
      readonly owner: Owner
      readonly holders: Holders
      readonly signal: AbortSignal
      readonly assemble: (list: BlockList) => Promise<Workbench>
    },
  ) => OpenedFetch
}

export const createReadThrough = (init: ReadThroughInit): ReadThrough => {
  const { blocks, logger, holdersOf, open } = init
  /** Contents of which something may be in the cache. */
  const passed = createBoundedSet<string>(MAX_PASSED_CONTENTS)
  let running = 0

  const takePlace = (name: string): (() => void) => {
    if (running >= MAX_READ_THROUGHS) {
      throw new MeshError(
        'ERR_DAEMON_BUSY',
        `${name} is not kept here, and ${running} others are reading what is not; try again in a while`,
      )
    }
    running++
    return () => {
      running--
    }
  }

  async function* stream(content: ReadContent, range: ReadRange): AsyncGenerator<Uint8Array> {
    const { name, owner } = content
    const release = takePlace(name)
    const linked = linkSignals(range.signal)
    const { signal } = linked
    const holders = holdersOf(content)
    const onNotKept = (error: unknown): void =>
      logger.debug({ name, error }, 'a block that was read through is not kept')
    const begun = Promise.withResolvers<ReadWindow>()
    // Nobody waits for it if the reader has gone.
    begun.promise.catch(() => undefined)
    const fetch = open(content, {
      ...{ owner, holders, signal },
      async assemble(list) {
        const window = new ReadWindow(list, {
          ...{ blocks, signal, onNotKept, maxBytes: READ_THROUGH_BYTES },
          ...{ start: range.start, end: range.end },
          onWant: (indexes) => fetch.want(indexes),
        })
        await blocks.put(content.list, encodeBlockList(list)).catch(onNotKept)
        passed.add(keyOfContent(content))
        begun.resolve(window)
        return window
      },
    })
    fetch.run().catch((error: unknown) => {
      begun.reject(error)
      linked.abort(error)
    })
    try {
      const window = await begun.promise
      yield* window.bytes()
    } finally {
      linked.abort(aborted('the reading of a content'))
      linked.end()
      await fetch.end()
      holders.end()
      release()
    }
  }

  return {
    stream,
    async source(content, listOf) {
      if (!passed.has(keyOfContent(content))) return undefined
      const list = await listOf()
      if (list === undefined) return undefined
      return {
        list: () => list,
        has: (index) => {
          const digest = list.blocks[index]?.digest
          return digest !== undefined && blocks.has(digest)
        },
        isComplete: () => false,
        async read(index, signal, into) {
          const block = list.blocks[index]
          return block && blocks.get(block.digest, { signal, into })
        },
      }
    },
  }
}
