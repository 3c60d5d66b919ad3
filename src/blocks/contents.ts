import { isMeshError, MeshError } from '../errors/index.ts'
import { decodeBlockList, encodeBlockList } from '../chunk/index.ts'
import { sha256 } from '../util/index.ts'
import { createAssembly } from './assembly.ts'
import { MAX_ENTRIES_PER_TRANSACTION } from './limits.ts'
import { partialPath } from './paths.ts'
import type { BlockList } from '../chunk/index.ts'
import type { Disk } from '../disk/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Digest, KeyedLock } from '../util/index.ts'
import type { OpenAssembly } from './assembly.ts'
import type { Catalogue, ContentBlock } from './catalogue.ts'
import type { OwnerRow } from './rows.ts'
import type { Assembly, AssemblyState, Content, Owner } from './types.ts'

interface Components {
  readonly disk: Disk
  readonly catalogue: Catalogue
  readonly locks: KeyedLock
  readonly clock: { nowMs(): number }
  readonly logger: Logger
  put(digest: Digest, bytes: Uint8Array, owner: Owner): Promise<void>
  get(digest: Digest, signal: AbortSignal | undefined): Promise<Uint8Array | undefined>
  has(digest: Digest): boolean
  /** The store says something new of these blocks. */
  refresh(digests: Iterable<Digest>): void
}

/** What owners keep as a whole: contents, and what is being put together. */
export interface Contents {
  add(owner: Owner, content: Content, signal: AbortSignal | undefined): Promise<void>
  remove(owner: Owner): Promise<void>
  listOf(owner: Owner, signal: AbortSignal | undefined): Promise<BlockList | undefined>
  assemble(owner: Owner, list: BlockList, signal: AbortSignal | undefined): Promise<Assembly>
  assemblies(): AssemblyState[]
  /** A running assembly that has the block. */
  holding(digest: Digest): { assembly: OpenAssembly; index: number } | undefined
  /** Whether a running assembly is about to need the block. */
  needs(digest: Digest): boolean
  /** Finishes what a crash interrupted. */
  recover(): Promise<void>
  /** Lets go of all files. */
  close(): Promise<void>
}

const aborted = (owner: Owner): MeshError =>
  new MeshError('ERR_ABORTED', `work on the blocks of ${owner} was cancelled`)

/** Each block of a list once, where it occurs first. */
const placesOf = ({ blocks }: BlockList): ContentBlock[] => {
  const places = new Map<Digest, ContentBlock>()
  let offset = 0
  for (const { digest, sizeBytes } of blocks) {
    if (!places.has(digest)) places.set(digest, { digest, offset, sizeBytes })
    offset += sizeBytes
  }
  return [...places.values()]
}

export const createContents = (components: Components): Contents => {
  const { disk, catalogue, locks, clock } = components
  const running = new Map<Owner, OpenAssembly>()
  /** Running or left, so that nobody has to look through all owners for them. */
  const begun = new Map<Owner, Omit<AssemblyState, 'running'>>()
  const lockOf = (owner: Owner): string => `owner ${owner}`

  /** Takes away what the owner keeps, but `keep`. */
  const releaseAll = async (owner: Owner, keep: ReadonlySet<Digest>): Promise<void> => {
    for (;;) {
      const released = await catalogue.release(owner, keep, clock.nowMs())
      if (released.length === 0) return
      components.refresh(released)
    }
  }

  const readList = async (
    digest: Digest,
    signal: AbortSignal | undefined,
  ): Promise<BlockList | undefined> => {
    const bytes = await components.get(digest, signal)
    if (bytes === undefined) return undefined
    try {
      return decodeBlockList(bytes)
    } catch (error) {
      // Its digest is right, so this is what was stored: no list of ours, whoever put it there.
      if (isMeshError(error, 'ERR_PROTOCOL_MALFORMED')) return undefined
      throw error
    }
  }

  const addHeld = async (
    owner: Owner,
    { list, digest }: Content,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const encoded = encodeBlockList(list)
    const listDigest = sha256(encoded)
    const before = catalogue.owner(owner)
    const atMs = clock.nowMs()
    const row = { list: listDigest, content: digest, sizeBytes: list.sizeBytes, atMs }
    const blocks = placesOf(list)
    const isSame = before?.list === listDigest
    await catalogue.setOwner(owner, { ...row, blocks: blocks.length, state: 'adding' })
    if (!isSame) await releaseAll(owner, new Set())
    await components.put(listDigest, encoded, owner)
    for (let at = 0; at < blocks.length; at += MAX_ENTRIES_PER_TRANSACTION) {
      if (signal?.aborted) throw aborted(owner)
      await catalogue.serve(owner, blocks.slice(at, at + MAX_ENTRIES_PER_TRANSACTION))
    }
    const after = { ...row, blocks: blocks.length, state: 'content' as const }
    const { number } = await catalogue.setOwner(owner, after)
    begun.delete(owner)
    await running.get(owner)?.end()
    await disk.remove(partialPath(number))
  }

  const removeHeld = async (owner: Owner): Promise<void> => {
    await running.get(owner)?.end()
    const row = catalogue.owner(owner)
    if (row === undefined) return
    await catalogue.setOwner(owner, { ...row, state: 'going' })
    begun.delete(owner)
    await disk.remove(partialPath(row.number))
    await releaseAll(owner, new Set())
    await catalogue.forget(owner)
  }

  const noteBegun = (owner: Owner, { list, sizeBytes, atMs }: OwnerRow): void => {
    if (list === undefined) return
    begun.set(owner, { owner, listDigest: list, sizeBytes, begunAtMs: atMs })
  }

  const assembleHeld = async (
    owner: Owner,
    list: BlockList,
    signal: AbortSignal | undefined,
  ): Promise<Assembly> => {
    if (running.has(owner)) throw new Error(`${owner} is being put together already`)
    const encoded = encodeBlockList(list)
    const listDigest = sha256(encoded)
    const before = catalogue.owner(owner)
    if (before !== undefined && before.list !== listDigest) await removeHeld(owner)
    const known = before?.list === listDigest ? before : undefined
    const row = await catalogue.setOwner(owner, {
      state: 'assembling',
      list: listDigest,
      sizeBytes: list.sizeBytes,
      blocks: list.blocks.length,
      atMs: known?.state === 'assembling' ? known.atMs : clock.nowMs(),
    })
    noteBegun(owner, row)
    await components.put(listDigest, encoded, owner)
    const path = partialPath(row.number)
    const isLeft = (await disk.stat(path)) !== undefined
    const freeBytes = await disk.freeBytes()
    if (!isLeft && freeBytes < list.sizeBytes) {
      throw new MeshError(
        'ERR_DISK_FULL',
        `${owner} has ${list.sizeBytes} bytes and the disk has room for ${freeBytes}; make room`,
        { data: { owner, sizeBytes: list.sizeBytes, freeBytes } },
      )
    }
    const file = await disk.edit(path, { sizeBytes: list.sizeBytes })
    const assembly: OpenAssembly = createAssembly({
      ...{ file, owner, list },
      getLocal: (digest, signal) => components.get(digest, signal),
      hasLocal: (digest) => components.has(digest),
      onClose: () => running.delete(owner),
      alone: (work) => locks.run(lockOf(owner), work),
      removeFile: () => disk.remove(path),
      remove: () => locks.run(lockOf(owner), () => removeHeld(owner)),
    })
    try {
      if (isLeft) await assembly.examine(signal)
    } catch (error) {
      await assembly.end()
      throw error
    }
    running.set(owner, assembly)
    return assembly
  }

  const finishInterrupted = async (owner: Owner, row: OwnerRow): Promise<void> => {
    const digest = row.state === 'going' ? undefined : row.list
    const list = digest === undefined ? undefined : await readList(digest, undefined)
    if (list === undefined || row.content === undefined) await removeHeld(owner)
    else await addHeld(owner, { list, digest: row.content }, undefined)
  }

  return {
    add: (owner, content, signal) =>
      locks.run(lockOf(owner), () => addHeld(owner, content, signal)),
    remove: (owner) => locks.run(lockOf(owner), () => removeHeld(owner)),
    async listOf(owner, signal) {
      const open = running.get(owner)
      if (open !== undefined) return open.list
      const digest = catalogue.owner(owner)?.list
      return digest === undefined ? undefined : readList(digest, signal)
    },
    assemble: (owner, list, signal) =>
      locks.run(lockOf(owner), () => assembleHeld(owner, list, signal)),
    assemblies: () =>
      [...begun.values()].map((each) => ({ ...each, running: running.has(each.owner) })),
    holding(digest) {
      for (const assembly of running.values()) {
        const index = assembly.indexOf(digest)
        if (index !== undefined) return { assembly, index }
      }
      return undefined
    },
    needs: (digest) => [...running.values()].some((assembly) => assembly.needs(digest)),
    async recover() {
      const unfinished: { key: Owner; value: OwnerRow }[] = []
      for (const { key, value } of catalogue.owners()) {
        if (value.state === 'assembling') noteBegun(key, value)
        if (value.state === 'adding' || value.state === 'going') unfinished.push({ key, value })
      }
      for (const { key: owner, value: row } of unfinished) {
        try {
          await finishInterrupted(owner, row)
        } catch (error) {
          // A full disk, say: not worth a daemon that does not start. The next start tries again.
          if (!isMeshError(error)) throw error
          components.logger.error({ owner, error }, 'what was interrupted cannot be finished')
        }
      }
    },
    async close() {
      for (const assembly of [...running.values()]) await assembly.close()
    },
  }
}
