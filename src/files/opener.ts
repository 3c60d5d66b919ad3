import { contentDigest } from './inspector.ts'
import { isExpired } from './judge.ts'
import { recordBy } from './kept.ts'
import { streamShown, unlessAborted } from './opening.ts'
import { contentPath, shownPath } from './paths.ts'
import type { Disk } from '../disk/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Clock, Digest, KeyedLock } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Inspector } from './inspector.ts'
import type { Shown } from './row.ts'
import type { Rule } from './rules.ts'
import type { FileRecord, Files, OpenFile } from './types.ts'
import type { Verifier } from './verifier.ts'

interface Components {
  readonly catalogue: Catalogue
  readonly clock: Clock
  readonly disk: Disk
  readonly inspector: Inspector
  readonly locks: KeyedLock
  readonly verifier: Verifier
  ruleOf(name: FileName): Rule | undefined
  history(name: FileName): readonly FileRecord[]
  /** Runs work unless or until the files are stopped. */
  running<T>(work: () => Promise<T>): Promise<T>
}

/** Finds and reads content that is here: what is shown, and what is only remembered. */
export type Opener = Pick<Files, 'open' | 'openVersion' | 'locate' | 'holdsContent'>

export const createOpener = (components: Components): Opener => {
  const { catalogue, clock, disk, inspector, locks, verifier, ruleOf, running } = components

  const open = async (
    name: FileName,
    { digest, signal }: { digest?: Digest; signal?: AbortSignal } = {},
  ): Promise<OpenFile | undefined> => {
    const isWanted = (shown: Shown | undefined): shown is Shown =>
      shown !== undefined &&
      (digest === undefined || contentDigest(shown.signed) === digest) &&
      !isExpired(shown.signed, clock.nowMs())
    const row = catalogue.row(name)
    if (!isWanted(row?.shown)) {
      // What is being published may lie where everybody sees it, and is to be found here too.
      if (row?.pending !== true) return undefined
      await running(() =>
        unlessAborted(
          locks.run(name, async () => {}),
          signal,
        ),
      )
      if (!isWanted(catalogue.row(name)?.shown)) return undefined
    }
    const shown = await running(() => unlessAborted(verifier.check(name), signal))
    const rule = ruleOf(name)
    if (rule === undefined || !isWanted(shown)) return undefined
    const record = recordBy(shown.signed, rule.authority)
    const { content } = shown.signed.statement
    if (record === undefined || content === 'deleted') return undefined
    return {
      record,
      sizeBytes: content.sizeBytes,
      stream: (options) => streamShown(disk, name, shown.fingerprint, options),
    }
  }

  return {
    open,

    async openVersion(name, statement, { signal } = {}) {
      const record = components.history(name).find(({ signed }) => signed.id === statement)
      const content = record?.signed.statement.content ?? 'deleted'
      if (record === undefined || content === 'deleted') return undefined
      const { digest, sizeBytes } = content
      const shown = await open(name, { digest, ...(signal === undefined ? {} : { signal }) })
      if (shown !== undefined) return { ...shown, record }
      const path = contentPath(name, digest)
      const isHere = running(() => inspector.findContent(name, digest))
      if (!(await unlessAborted(isHere, signal))) return undefined
      return { record, sizeBytes, stream: (options) => disk.stream(path, options) }
    },

    async locate(name, digest) {
      const shown = catalogue.row(name)?.shown
      if (shown !== undefined && contentDigest(shown.signed) === digest) {
        return { path: shownPath(name), fingerprint: shown.fingerprint }
      }
      const path = contentPath(name, digest)
      return (await disk.stat(path)) === undefined ? undefined : { path }
    },

    async holdsContent({ signed }) {
      const { name, content } = signed.statement
      if (content === 'deleted' || ruleOf(name) === undefined) return false
      const shown = catalogue.row(name)?.shown
      if (shown !== undefined && contentDigest(shown.signed) === content.digest) return true
      const stat = await disk.stat(contentPath(name, content.digest))
      return stat?.sizeBytes === content.sizeBytes
    },
  }
}
