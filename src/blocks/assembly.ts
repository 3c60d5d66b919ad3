import { MeshError } from '../errors/index.ts'
import { sha256 } from '../util/index.ts'
import type { BlockList, BlockRef } from '../chunk/index.ts'
import type { WorkFile } from '../disk/index.ts'
import type { Digest } from '../util/index.ts'
import type { Assembly, Owner } from './types.ts'

/** What of a block is looked at first: where nothing was written there are zeros. */
const PROBE_BYTES = 4096

export interface AssemblyComponents {
  readonly file: WorkFile
  readonly owner: Owner
  readonly list: BlockList
  /** The bytes of a block from elsewhere on this machine. */
  getLocal(digest: Digest, signal: AbortSignal | undefined): Promise<Uint8Array | undefined>
  hasLocal(digest: Digest): boolean
  /** It is closed, and whoever asks for its blocks has to look elsewhere. */
  onClose(): void
  /** Runs `work` while nothing else is done with the owner. */
  alone(work: () => Promise<void>): Promise<void>
  /** Removes its file. */
  removeFile(): Promise<void>
  /** Closes it and removes everything of the owner. */
  remove(): Promise<void>
}

/** An {@link Assembly} as the store has it. */
export interface OpenAssembly extends Assembly {
  /** Looks at what is left from a former run. */
  examine(signal: AbortSignal | undefined): Promise<void>
  /**
   * Lets go of the file, for whoever has the owner to himself. What the disk has refused anything of is
   * removed. Idempotent.
   */
  end(): Promise<void>
  /** Where a block is that is here. */
  indexOf(digest: Digest): number | undefined
  /** Whether the block belongs to it, here or not. */
  needs(digest: Digest): boolean
}

const mismatch = (owner: Owner, index: number, why: string): MeshError =>
  new MeshError('ERR_BLOCK_MISMATCH', `block ${index} of ${owner} ${why}`, {
    data: { owner, index },
  })

const checkAbort = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted)
    throw new MeshError('ERR_ABORTED', 'putting a content together was cancelled')
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

export const createAssembly = (components: AssemblyComponents): OpenAssembly => {
  const { file, owner, list } = components
  const { blocks } = list
  const offsets: number[] = []
  const places = new Map<Digest, number[]>()
  let end = 0
  for (const [index, { digest, sizeBytes }] of blocks.entries()) {
    offsets.push(end)
    end += sizeBytes
    const known = places.get(digest)
    if (known === undefined) places.set(digest, [index])
    else known.push(index)
  }
  const here = new Uint8Array(blocks.length)
  let haveBytes = 0
  let isClosed = false

  const blockAt = (index: number): BlockRef => {
    const block = blocks[index]
    if (block !== undefined) return block
    throw new RangeError(`${owner} has no block ${index}`)
  }
  const offsetOf = (index: number): number => offsets[index] ?? 0
  const mark = (index: number): void => {
    if (here[index] === 1) return
    here[index] = 1
    haveBytes += blockAt(index).sizeBytes
  }
  const unmark = (index: number): void => {
    if (here[index] === 0) return
    here[index] = 0
    haveBytes -= blockAt(index).sizeBytes
  }
  function* missing(): Iterable<number> {
    for (let index = 0; index < blocks.length; index++) if (here[index] === 0) yield index
  }

  /** The bytes at the place of a block, if they are that block. */
  const readRight = async (index: number, into?: Uint8Array): Promise<Uint8Array | undefined> => {
    const { digest, sizeBytes } = blockAt(index)
    const bytes = await file.read(offsetOf(index), sizeBytes, into)
    return bytes.length === sizeBytes && sha256(bytes) === digest ? bytes : undefined
  }

  /** Writes bytes that were checked, wherever the block occurs. */
  const place = async (digest: Digest, bytes: Uint8Array): Promise<void> => {
    for (const index of places.get(digest) ?? []) {
      if (here[index] === 1) continue
      await file.write(bytes, offsetOf(index))
      mark(index)
    }
  }

  const assembly: OpenAssembly = {
    owner,
    list,
    get haveBytes() {
      return haveBytes
    },
    has: (index) => here[index] === 1,
    missing,
    indexOf: (digest) => places.get(digest)?.find((index) => here[index] === 1),
    needs: (digest) => places.has(digest),
    async examine(signal) {
      for (const index of blocks.keys()) {
        checkAbort(signal)
        // A block that begins with this many zeros is fetched again, which is seldom and harmless.
        const probe = await file.read(
          offsetOf(index),
          Math.min(PROBE_BYTES, blockAt(index).sizeBytes),
        )
        if (!isZero(probe) && (await readRight(index)) !== undefined) mark(index)
      }
    },
    async copyLocal({ signal, onBlock } = {}) {
      const before = haveBytes
      for (const index of blocks.keys()) {
        checkAbort(signal)
        const { digest, sizeBytes } = blockAt(index)
        if (here[index] === 1) continue
        const first = assembly.indexOf(digest)
        if (first === undefined && !components.hasLocal(digest)) continue
        const bytes =
          first === undefined ? await components.getLocal(digest, signal) : await readRight(first)
        if (bytes?.length !== sizeBytes) continue
        await place(digest, bytes)
        onBlock?.(index)
      }
      return haveBytes - before
    },
    async read(index, { signal, into } = {}) {
      checkAbort(signal)
      blockAt(index)
      if (here[index] === 0 || isClosed) return undefined
      const bytes = await readRight(index, into)
      // The disk lied: it has to come again.
      if (bytes === undefined) unmark(index)
      return bytes
    },
    async write(index, bytes, { signal } = {}) {
      checkAbort(signal)
      const { digest, sizeBytes } = blockAt(index)
      if (bytes.length !== sizeBytes) {
        throw mismatch(owner, index, `has ${sizeBytes} bytes, not ${bytes.length}`)
      }
      if (sha256(bytes) !== digest)
        throw mismatch(owner, index, `is sha256:${digest}, not these bytes`)
      await place(digest, bytes)
    },
    async finish({ mode }) {
      for (const index of missing()) throw mismatch(owner, index, 'is missing')
      await file.setMode(mode)
      return file.path
    },
    async end() {
      if (isClosed) return
      isClosed = true
      components.onClose()
      await file.close()
      if (file.hasFailed) await components.removeFile()
    },
    close: () => components.alone(() => assembly.end()),
    giveBack: () =>
      components.alone(async () => {
        await assembly.end()
        await components.removeFile()
      }),
    discard: () => components.remove(),
  }
  return assembly
}
