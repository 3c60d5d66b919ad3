import { contentDigest } from './inspector.ts'
import { shownPath } from './paths.ts'
import type { Disk } from '../disk/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Inspector } from './inspector.ts'
import type { Shown } from './row.ts'

/**
 * Knows which shown files were hashed since the start of this process: a disk forgets while nobody
 * looks, so each is read once before it is handed out.
 */
export interface Verifier {
  /** What is shown of a name, if it is right; what is not is taken away first. */
  check(name: FileName): Promise<Shown | undefined>
  /** Checks all that was not checked yet. */
  checkAll(signal: AbortSignal): Promise<void>
  /** It was hashed by somebody else. */
  add(name: FileName): void
  /** Nothing is shown of it any more. */
  forget(name: FileName): void
}

export const createVerifier = ({
  disk,
  catalogue,
  inspector,
  repair,
}: {
  disk: Disk
  catalogue: Catalogue
  inspector: Inspector
  /** Publishes the name again, trusting nothing that lies on the disk. */
  repair(name: FileName): Promise<void>
}): Verifier => {
  const checked = new Set<FileName>()
  const underWay = new Map<FileName, Promise<Shown | undefined>>()

  /** Hashes without the lock of the name: it may be large, and an upload need not wait for it. */
  const read = async (name: FileName): Promise<Shown | undefined> => {
    const path = shownPath(name)
    const shown = catalogue.row(name)?.shown
    if (shown === undefined) return undefined
    const stat = await disk.stat(path)
    if (stat?.fingerprint === shown.fingerprint) {
      if (checked.has(name)) return shown
      const digest = await inspector.hash(path, stat.fingerprint)
      if (digest === contentDigest(shown.signed)) {
        checked.add(name)
        return shown
      }
    }
    await repair(name)
    // What repair leaves was hashed or moved there by it.
    return catalogue.row(name)?.shown
  }

  const check = (name: FileName): Promise<Shown | undefined> => {
    const joined = underWay.get(name)
    if (joined !== undefined) return joined
    const started = read(name).finally(() => underWay.delete(name))
    underWay.set(name, started)
    return started
  }

  return {
    check,
    async checkAll(signal) {
      for (const { name, row } of catalogue.rows()) {
        if (signal.aborted) return
        if (row?.shown !== undefined && !checked.has(name)) await check(name)
      }
    },
    add: (name) => void checked.add(name),
    forget: (name) => void checked.delete(name),
  }
}
