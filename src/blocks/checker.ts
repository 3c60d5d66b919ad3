import { decodeBlockList } from '../chunk/index.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import { createDigester, utf8 } from '../util/index.ts'
import { digestKey, readDigestKey, readOwner } from './rows.ts'
import type { BlockList } from '../chunk/index.ts'
import type { Disk, OpenedFile } from '../disk/index.ts'
import type { Digest } from '../util/index.ts'
import type { Catalogue, ContentBlock } from './catalogue.ts'
import type { Damage } from './damage.ts'
import type { OwnerRow } from './rows.ts'
import type { Locate, Owner } from './types.ts'

/** One block was checked, or there was nothing to check. */
export interface Checked {
  readonly stage: 'stored' | 'contents'
  /** Where a later check goes on. */
  readonly cursor: Uint8Array
  readonly sizeBytes: number
  readonly outcome: 'right' | 'damaged' | 'gone'
}

/** Reads everything that is kept and compares it with its name. */
export interface Checker {
  /** From a place that {@link Checked} named on, else from the beginning, to the end. */
  walk(options: {
    from?: { readonly stage: Checked['stage']; readonly cursor: Uint8Array }
    signal?: AbortSignal | undefined
  }): AsyncIterable<Checked>
}

export interface CheckerComponents {
  readonly catalogue: Catalogue
  readonly disk: Disk
  readonly locate: Locate
  readonly damage: Damage
  /** Reads a stored block and does what is to be done if it is damaged. */
  checkStored(digest: Digest): Promise<Checked['outcome']>
  get(digest: Digest): Promise<Uint8Array | undefined>
  /** What is known of misfits has changed. */
  onMisfit(owner: Owner): void
  /** Looks again at a block of a content: the file may have moved on meanwhile. */
  isWrong(owner: Owner, block: ContentBlock): Promise<boolean>
}

/** A content may be renamed between being looked up and being opened. */
const MAX_OPEN_ATTEMPTS = 4

const checkAbort = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted) throw new MeshError('ERR_ABORTED', 'checking blocks was cancelled')
}

export const createChecker = (components: CheckerComponents): Checker => {
  const { catalogue, disk, locate, damage } = components

  const listOf = async (digest: Digest | undefined): Promise<BlockList | undefined> => {
    const bytes = digest === undefined ? undefined : await components.get(digest)
    return bytes && decodeBlockList(bytes)
  }

  /**
   * The file of a content; whoever gets it closes it. `other`: what lies there is not the file that it
   * ought to be, also when it is asked for again.
   */
  const openContent = async (owner: Owner): Promise<OpenedFile | 'nowhere' | 'other'> => {
    for (let attempt = 1; attempt <= MAX_OPEN_ATTEMPTS; attempt++) {
      const located = await locate(owner)
      if (located === undefined) return 'nowhere'
      const file = await disk.openFile(located.path)
      const isIt = [undefined, file?.fingerprint].includes(located.fingerprint)
      if (file !== undefined && isIt) return file
      await file?.close()
    }
    return 'other'
  }

  async function* walkStored(
    after: Digest | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Checked> {
    for (const { key, value } of catalogue.storedBlocks(after)) {
      checkAbort(signal)
      const outcome = await components.checkStored(key)
      yield { stage: 'stored', cursor: digestKey(key), sizeBytes: value.sizeBytes, outcome }
    }
  }

  /** The bytes of a block in a file, or `undefined` where the medium does not give them back. */
  const readBlock = async (
    file: OpenedFile,
    offset: number,
    sizeBytes: number,
  ): Promise<Uint8Array | undefined> => {
    try {
      const bytes = await file.read(offset, sizeBytes)
      return bytes.length === sizeBytes ? bytes : undefined
    } catch (error) {
      if (isMeshError(error) && error.data.system === 'EIO') return undefined
      throw error
    }
  }

  /** Whether blocks that are right make what was signed; remembers, or forgets, that they do not. */
  const fits = async (
    owner: Owner,
    { list, content }: Pick<OwnerRow, 'content' | 'list'>,
    found: { readonly digest: Digest; readonly sizeBytes: number },
  ): Promise<boolean> => {
    if (content === undefined || list === undefined) return true
    const signed = { list, digest: content, sizeBytes: found.sizeBytes }
    const isFit = found.digest === content
    if (isFit !== catalogue.isMisfit(signed)) return isFit
    // Where each block is right nobody has anything else: no disk is to blame, and none can mend it.
    await (isFit ? catalogue.removeMisfit(signed) : catalogue.addMisfit(signed))
    components.onMisfit(owner)
    return isFit
  }

  async function* walkContent(
    owner: Owner,
    row: Pick<OwnerRow, 'content' | 'list'>,
    { list, file }: { list: BlockList; file: OpenedFile },
    { before, signal }: { before: Uint8Array; signal: AbortSignal | undefined },
  ): AsyncIterable<Checked> {
    const content = createDigester()
    let isRight = true
    let offset = 0
    for (const { digest, sizeBytes } of list.blocks) {
      checkAbort(signal)
      const bytes = await readBlock(file, offset, sizeBytes)
      offset += sizeBytes
      const block = createDigester()
      if (bytes !== undefined) {
        block.update(bytes)
        content.update(bytes)
      }
      const outcome = bytes !== undefined && block.digest() === digest ? 'right' : 'damaged'
      if (outcome === 'damaged') {
        isRight = false
        const place = { digest, offset: offset - sizeBytes, sizeBytes }
        if (await components.isWrong(owner, place)) await damage.served(digest, owner)
      }
      yield { stage: 'contents', cursor: before, sizeBytes, outcome }
    }
    if (isRight && !(await fits(owner, row, { digest: content.digest(), sizeBytes: offset }))) {
      await damage.content(owner)
      yield { stage: 'contents', cursor: before, sizeBytes: 0, outcome: 'damaged' }
    }
  }

  async function* walkContents(
    after: Owner | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Checked> {
    let before: Uint8Array = after === undefined ? new Uint8Array() : utf8(after)
    for (const { key: owner, value: row } of catalogue.owners(after)) {
      checkAbort(signal)
      const list = row.state === 'content' ? await listOf(row.list) : undefined
      const file = list === undefined ? 'nowhere' : await openContent(owner)
      if (file === 'other') {
        await damage.content(owner)
        yield { stage: 'contents', cursor: before, sizeBytes: 0, outcome: 'damaged' }
      } else if (list !== undefined && file !== 'nowhere') {
        try {
          yield* walkContent(owner, row, { list, file }, { before, signal })
        } finally {
          await file.close()
        }
      }
      before = utf8(owner)
      yield { stage: 'contents', cursor: before, sizeBytes: 0, outcome: 'gone' }
    }
  }

  return {
    async *walk({ from, signal }) {
      const { stage = 'stored', cursor = new Uint8Array() } = from ?? {}
      const isFirst = cursor.length === 0
      if (stage === 'stored') {
        yield* walkStored(isFirst ? undefined : readDigestKey(cursor), signal)
        yield* walkContents(undefined, signal)
      } else yield* walkContents(isFirst ? undefined : readOwner(cursor), signal)
    },
  }
}
