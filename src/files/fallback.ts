import { isMeshError, MeshError } from '../errors/index.ts'
import { createDigester } from '../util/index.ts'
import { contentDigest } from './inspector.ts'
import { shownPath } from './paths.ts'
import { EMPTY_ROW } from './row.ts'
import type { Disk, LocalFiles } from '../disk/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Inspector } from './inspector.ts'
import type { Row } from './row.ts'
import type { Rule } from './rules.ts'
import type { Warnings } from './warnings.ts'

/**
 * Shows a file of this machine where nothing was delivered yet. It is nobody's signed word: it is
 * neither served nor told to anybody, and the first delivery takes its place for ever.
 */
export interface Fallbacks {
  /**
   * Whether what lies at `files/<name>` is the fallback, untouched, or what a crash left of it; also where a
   * lost row was the only one that said so.
   */
  isThere(
    name: FileName,
    row: Row,
    known: () => readonly (SignedStatement | undefined)[],
  ): Promise<boolean>
  /** Shows the fallback of the rule, or takes it away; answers with its fingerprint. */
  settle(
    name: FileName,
    of: { readonly row: Row; readonly rule: Rule | undefined },
  ): Promise<string | undefined>
}

/** The fallback was about to be written: a crash may have left it there, or not. */
const BEGUN = 'begun'

export const createFallbacks = ({
  disk,
  catalogue,
  local,
  inspector,
  warnings,
  ruleOf,
}: {
  disk: Disk
  catalogue: Catalogue
  local: LocalFiles
  inspector: Inspector
  warnings: Warnings
  ruleOf(name: FileName): Rule | undefined
}): Fallbacks => {
  /** Of a file of this machine that is no longer than this. */
  const digestOf = async (path: string, maxBytes: number): Promise<Digest | undefined> => {
    const digester = createDigester()
    let sizeBytes = 0
    try {
      for await (const chunk of local.read(path)) {
        sizeBytes += chunk.length
        if (sizeBytes > maxBytes) return undefined
        digester.update(chunk)
      }
    } catch (error) {
      if (isMeshError(error, 'ERR_INPUT_UNREADABLE')) return undefined
      throw error
    }
    return digester.digest()
  }

  const write = async (name: FileName, path: string, rule: Rule): Promise<string> => {
    const { mode, maxSizeBytes } = rule.policy
    const staged = await disk.stage()
    try {
      for await (const chunk of local.read(path)) {
        if (staged.sizeBytes + chunk.length > maxSizeBytes) {
          throw new MeshError('ERR_FILE_TOO_LARGE', `${path} is larger than ${maxSizeBytes} bytes`)
        }
        await staged.write(chunk)
      }
      await staged.flush({ mode })
      await begin(name, rule)
      await staged.commit(shownPath(name), { mode })
    } finally {
      await staged.discard()
    }
    return (await disk.stat(shownPath(name)))?.fingerprint ?? BEGUN
  }

  /** So that a crash leaves nothing of which nobody knows. */
  const begin = async (name: FileName, rule: Rule): Promise<void> => {
    const before = catalogue.row(name)
    const { shown: _, ...row } = before ?? { ...EMPTY_ROW, rule: rule.digest }
    const after = { ...row, pending: true, fallback: BEGUN }
    await catalogue.change(name, { before, after, history: rule.history })
  }

  return {
    async isThere(name, row, known) {
      const source = row.shown === undefined ? ruleOf(name)?.policy.fallbackPath : undefined
      if (row.fallback === undefined && source === undefined) return false
      const path = shownPath(name)
      const stat = await disk.stat(path)
      if (stat === undefined) return false
      if (row.fallback !== undefined && row.fallback !== BEGUN) {
        return stat.fingerprint === row.fallback
      }
      const digest = await inspector.hash(path, stat.fingerprint)
      if (known().some((each) => each !== undefined && contentDigest(each) === digest)) return false
      if (row.fallback === BEGUN) {
        await disk.remove(path)
        return true
      }
      if (digest === undefined || source === undefined) return false
      return digest === (await digestOf(source, stat.sizeBytes))
    },
    async settle(name, { row, rule }) {
      const path = rule?.policy.fallbackPath
      const isThere =
        row.fallback !== undefined &&
        (await disk.stat(shownPath(name)))?.fingerprint === row.fallback
      if (rule === undefined || path === undefined) {
        if (isThere) await disk.remove(shownPath(name))
        warnings.fallback(name, undefined)
        return undefined
      }
      if (isThere && row.rule === rule.digest) return row.fallback
      try {
        const fingerprint = await write(name, path, rule)
        warnings.fallback(name, undefined)
        return fingerprint
      } catch (error) {
        if (!isMeshError(error)) throw error
        if (error.code !== 'ERR_INPUT_UNREADABLE' && error.code !== 'ERR_FILE_TOO_LARGE')
          throw error
        warnings.fallback(name, error)
        if (isThere) await disk.remove(shownPath(name))
        return undefined
      }
    },
  }
}
