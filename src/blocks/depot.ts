import { isMeshError } from '../errors/index.ts'
import { sha256 } from '../util/index.ts'
import { createOpenFiles } from './open-files.ts'
import { blockPath } from './paths.ts'
import type { Disk } from '../disk/index.ts'
import type { Clock, Digest } from '../util/index.ts'
import type { ContentBlock } from './catalogue.ts'
import type { Locate, Owner } from './types.ts'

/** A read that fails once may be a hiccup of the disk; what is put aside has to be fetched again. */
const MAX_READ_ATTEMPTS = 2
/** A content may be renamed between being looked up and being opened. */
const MAX_LOCATE_ATTEMPTS = 4

/** What a place holds of a block. `wrong`: bytes that are not the block, or none where they must be. */
export type Found = Uint8Array | 'absent' | 'wrong'

/** Reads and writes the bytes of blocks. */
export interface Depot {
  writeFile(digest: Digest, bytes: Uint8Array): Promise<void>
  readFile(digest: Digest, sizeBytes: number, into?: Uint8Array): Promise<Found>
  removeFile(digest: Digest): Promise<void>
  /** Out of the content of `owner`; `absent`: it cannot be told now where that lies. */
  readContent(owner: Owner, block: ContentBlock, into?: Uint8Array): Promise<Found>
  /** Lets go of files that are open. */
  close(): Promise<void>
}

/** `wrong` for what the medium itself cannot give back, twice. */
const reading = async (read: () => Promise<Found>): Promise<Found> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!isMeshError(error) || error.data.system !== 'EIO') throw error
      if (attempt === MAX_READ_ATTEMPTS) return 'wrong'
    }
  }
}

export const createDepot = ({
  disk,
  clock,
  locate,
}: {
  disk: Disk
  clock: Clock
  locate: Locate
}): Depot => {
  const files = createOpenFiles({ disk, clock })

  /** `undefined`: the file moved on while it was looked for. */
  const readOnce = async (
    owner: Owner,
    { digest, offset, sizeBytes }: ContentBlock,
    into: Uint8Array | undefined,
  ): Promise<Found | undefined> => {
    const located = await locate(owner)
    if (located === undefined) return 'absent'
    const found = await files.use(located, async (file): Promise<Found> => {
      const bytes = await file.read(offset, sizeBytes, into)
      return bytes.length === sizeBytes && sha256(bytes) === digest ? bytes : 'wrong'
    })
    if (found !== 'wrong') return found
    // It was open since before: what was written into it since makes it another file.
    const now = located.fingerprint && (await disk.stat(located.path))?.fingerprint
    if (now !== located.fingerprint) return undefined
    // Whether it is really this file that is wrong, or one that has just taken its place.
    const again = await locate(owner)
    return again?.path === located.path && again.fingerprint === located.fingerprint
      ? 'wrong'
      : undefined
  }

  return {
    writeFile: (digest, bytes) => disk.add(blockPath(digest), bytes),
    readFile: (digest, sizeBytes, into) =>
      reading(async () => {
        const file = await disk.openFile(blockPath(digest))
        if (file === undefined) return 'absent'
        try {
          const bytes = await file.read(0, sizeBytes, into)
          const isRight = file.sizeBytes === sizeBytes && sha256(bytes) === digest
          return isRight ? bytes : 'wrong'
        } finally {
          await file.close()
        }
      }),
    removeFile: (digest) => disk.remove(blockPath(digest)),
    readContent: (owner, block, into) =>
      reading(async () => {
        for (let attempt = 1; attempt <= MAX_LOCATE_ATTEMPTS; attempt++) {
          const found = await readOnce(owner, block, into)
          if (found !== undefined) return found
        }
        return 'absent'
      }),
    close: () => files.close(),
  }
}
