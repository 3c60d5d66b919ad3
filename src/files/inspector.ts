import { isMeshError } from '../errors/index.ts'
import { createDigester } from '../util/index.ts'
import { contentPath, quarantinePath, shownPath } from './paths.ts'
import type { Disk } from '../disk/index.ts'
import type { Logger } from '../observe/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Row, Shown } from './row.ts'
import type { Warnings } from './warnings.ts'

/** Says what really lies on the disk, and moves away what must not be there. */
export interface Inspector {
  /** SHA-256 of the file that has this fingerprint; `undefined` if it cannot be read. */
  hash(path: string, fingerprint: string): Promise<Digest | undefined>
  /**
   * What lies at `files/<name>`: what the row says if the file is untouched, else whichever of the
   * `known` statements it is the content of. What is the content of none is quarantined.
   */
  examine(
    name: FileName,
    options: {
      readonly row: Row
      /** Asked only if it was touched. */
      known(): readonly (SignedStatement | undefined)[]
      readonly nowMs: number
      /** Hash it even if it looks untouched. */
      readonly distrust: boolean
    },
  ): Promise<Shown | undefined>
  /** Whether this content lies in `content/` and is right. */
  findContent(name: FileName, digest: Digest): Promise<boolean>
  /** Moves a file out of everybody's sight; answers where to. */
  quarantine(path: string): Promise<string>
}

/** A read that fails once may be a hiccup of the disk; what is quarantined has to be fetched again. */
const MAX_READ_ATTEMPTS = 2

export const contentDigest = ({ statement }: SignedStatement): Digest | undefined =>
  statement.content === 'deleted' ? undefined : statement.content.digest

export const createInspector = ({
  disk,
  logger,
  warnings,
  signal,
  verified,
}: {
  disk: Disk
  logger: Logger
  warnings: Warnings
  /** Aborts what is being read when the daemon stops. */
  signal(): AbortSignal
  /** What is shown of this name was hashed just now and is right. */
  verified(name: FileName): void
}): Inspector => {
  const hashOnce = async (path: string, fingerprint: string): Promise<Digest> => {
    const digester = createDigester()
    for await (const chunk of disk.stream(path, { fingerprint, signal: signal() })) {
      digester.update(chunk)
    }
    return digester.digest()
  }

  const hash: Inspector['hash'] = async (path, fingerprint) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await hashOnce(path, fingerprint)
      } catch (error) {
        // A bad sector, a link, a file that changes meanwhile: whatever it is, it is not the content.
        if (!isMeshError(error, 'ERR_STATE_UNUSABLE')) throw error
        logger.warn({ path, error, attempt }, 'a file cannot be verified')
        if (attempt === MAX_READ_ATTEMPTS) return undefined
      }
    }
  }

  const quarantine: Inspector['quarantine'] = async (path) => {
    const to = quarantinePath(path)
    logger.error({ path, to }, 'a file is not what was signed and is moved away')
    await disk.rename(path, to)
    return to
  }

  const damaged = async (name: FileName, path: string): Promise<void> => {
    warnings.damaged(name, `${disk.root}/${await quarantine(path)}`)
  }

  return {
    hash,
    quarantine,
    async examine(name, { row, known, nowMs, distrust }) {
      const path = shownPath(name)
      const { shown } = row
      const stat = await disk.stat(path)
      if (stat === undefined) {
        if (shown !== undefined && !row.pending) {
          logger.warn({ name, path }, 'a shown file is gone; it will be brought back')
        }
        return undefined
      }
      const untouched = stat.fingerprint === shown?.fingerprint
      if (untouched && !distrust) return shown
      const digest = await hash(path, stat.fingerprint)
      const signed =
        digest === undefined
          ? undefined
          : known().find((each) => each !== undefined && contentDigest(each) === digest)
      if (signed === undefined) {
        await damaged(name, path)
        return undefined
      }
      verified(name)
      return {
        signed,
        fingerprint: stat.fingerprint,
        // Whoever touched the file may have changed its mode: one that no policy has is set again.
        mode: untouched && shown !== undefined ? shown.mode : 0,
        atMs: shown?.signed.id === signed.id ? shown.atMs : nowMs,
      }
    },
    async findContent(name, digest) {
      const path = contentPath(name, digest)
      const stat = await disk.stat(path)
      if (stat === undefined) return false
      if ((await hash(path, stat.fingerprint)) === digest) return true
      await damaged(name, path)
      return false
    },
  }
}
