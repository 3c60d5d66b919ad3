import { isMeshError } from '../errors/index.ts'
import { formatPublicKey } from '../keys/index.ts'
import type { ErrorCode, MeshError } from '../errors/index.ts'
import type { Health } from '../observe/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Kept, Standing } from './kept.ts'
import type { Rule } from './rules.ts'
import type { FileRecord, FileState } from './types.ts'

/** What health says about files. */
export interface Warnings {
  /**
   * Raises or clears what the kept statements of a name say about it. Answers whether there is
   * something to be said, which has to be said again after a restart.
   */
  review(
    name: FileName,
    found: {
      readonly rule: Rule | undefined
      readonly standing: Standing | undefined
    },
  ): boolean
  /** A file was not what it has to be and lies at `movedTo` now. */
  damaged(name: string, movedTo: string): void
  /** What is shown of the name now makes an older warning about damage pointless, or not. */
  settled(name: FileName, state: FileState): void
  /** The fallback of a name cannot be read, or can (again). */
  fallback(name: FileName, error: MeshError | undefined): void
  /** Something could not be written; other errors are not looked at. */
  diskRefused(error: unknown): void
  /** Something was written. */
  diskWritten(): void
  /** Whether the last thing that was heard of the disk is that it refused. */
  diskRefuses(): boolean
}

const signersOf = (statements: readonly SignedStatement[]): string =>
  list(
    statements.flatMap(({ signatures }) =>
      signatures.map(({ key }) => formatPublicKey(key, 'openssh')),
    ),
  )

const list = (items: Iterable<string>): string => [...new Set(items)].sort().join(', ')

/** Health codes for what a disk says when it takes nothing more. */
const DISK_CODES: Partial<Record<ErrorCode, string>> = {
  ERR_DISK_FULL: 'disk-full',
  ERR_STATE_UNUSABLE: 'disk-unusable',
}

export const createWarnings = ({ health }: { health: Health }): Warnings => {
  let refuses = false

  const conflict = (name: FileName, winner: FileRecord, { records }: Standing): void => {
    const { version } = winner.signed.statement
    const rivals = records.filter(({ signed }) => signed.statement.version === version)
    health.raise({
      code: 'file-conflict',
      subject: name,
      severity: 'warning',
      message: `version ${version} of ${name} was signed more than once, by ${signersOf(rivals.map(({ signed }) => signed))}; statement ${winner.signed.id} is shown; publish version ${version + 1} to settle it`,
    })
  }

  const fellBack = (
    name: FileName,
    winner: FileRecord | undefined,
    above: readonly Kept[],
  ): void => {
    const highest = Math.max(...above.map(({ signed }) => signed.statement.version))
    const now = winner === undefined ? 'no version' : `version ${winner.signed.statement.version}`
    health.raise({
      code: 'file-fell-back',
      subject: name,
      severity: 'warning',
      message: `${name} fell back to ${now}: version ${highest}, signed by ${signersOf(above.map(({ signed }) => signed))}, is not allowed any more; publish a version above ${highest}, or allow its signers again`,
    })
  }

  return {
    review(name, { rule, standing }) {
      const ruled = rule === undefined ? undefined : standing
      const winner = ruled?.winner
      // Whoever revoked a node wants nothing of it any more.
      const isOfRevoked = rule?.authority.certified?.revoked !== undefined
      const above = isOfRevoked ? [] : (ruled?.above ?? [])
      const conflicts = ruled?.conflict === true
      if (conflicts && winner !== undefined) conflict(name, winner, ruled)
      else health.clear('file-conflict', name)
      if (above.length > 0) fellBack(name, winner, above)
      else health.clear('file-fell-back', name)
      return conflicts || above.length > 0
    },
    damaged(name, movedTo) {
      health.raise({
        code: 'file-damaged',
        subject: name,
        severity: 'error',
        message: `what lay on the disk for ${name} is not what was signed; it was moved to ${movedTo} and is fetched again from peers`,
      })
    },
    settled(name, state) {
      if (state !== 'missing') health.clear('file-damaged', name)
      if (state === 'shown' || state === 'deleted') health.clear('fallback-unusable', name)
    },
    fallback(name, error) {
      if (error === undefined) return health.clear('fallback-unusable', name)
      health.raise({
        code: 'fallback-unusable',
        subject: name,
        severity: 'warning',
        message: `${name} has nothing to be shown until its first delivery: its fallback cannot be used: ${error.message}`,
      })
    },
    diskRefused(error) {
      const code = isMeshError(error) ? DISK_CODES[error.code] : undefined
      if (code === undefined || !isMeshError(error)) return
      refuses = true
      health.raise({ code, subject: '', severity: 'error', message: error.message })
    },
    diskWritten() {
      if (!refuses) return
      refuses = false
      for (const code of Object.values(DISK_CODES)) health.clear(code)
    },
    diskRefuses: () => refuses,
  }
}
