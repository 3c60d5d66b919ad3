import { isMeshError, MeshError } from '../errors/index.ts'
import {
  MAX_STATEMENT_FILE_BYTES,
  parseFileName,
  parseStatementFile,
  verifySigned,
} from '../statement/index.ts'
import { forEachParallel, fromUtf8 } from '../util/index.ts'
import { changeOf } from './acceptor.ts'
import { judge } from './judge.ts'
import { standingOf } from './kept.ts'
import { MAX_NAMES_AT_ONCE, REBUILD_AFTER_UNCLEAN_OPENS } from './limits.ts'
import {
  CONTENT_DIRECTORY,
  contentPath,
  FILES_DIRECTORY,
  shownPath,
  statementPath,
  STATEMENTS_DIRECTORY,
} from './paths.ts'
import type { Disk, FileStat } from '../disk/index.ts'
import type { Logger } from '../observe/index.ts'
import type { FileName, NetworkId, SignedStatement } from '../statement/index.ts'
import { retainedContent } from './retention.ts'
import { EMPTY_ROW } from './row.ts'
import type { Catalogue } from './catalogue.ts'
import type { Fallbacks } from './fallback.ts'
import type { Judgement } from './judge.ts'
import type { Inspector } from './inspector.ts'
import type { Publications } from './publications.ts'
import type { Row } from './row.ts'
import type { Rule, Rules } from './rules.ts'
import type { Warnings } from './warnings.ts'

/** What lies on the disk where consumers look, by its path. */
type Survey = ReadonlyMap<string, FileStat>

interface Components {
  readonly disk: Disk
  readonly store: { readonly uncleanOpens: number }
  readonly catalogue: Catalogue
  readonly inspector: Inspector
  readonly fallbacks: Fallbacks
  readonly warnings: Warnings
  readonly publications: Publications
  readonly logger: Logger
  readonly clock: { nowMs(): number }
  readonly network: NetworkId
  /** Of the daemon that starts; what it aborts is finished by the next start. */
  signal(): AbortSignal
  ruleOf(name: FileName): Rule | undefined
  /** Names that have something to be shown before anything was delivered. */
  fallbackNames(): readonly FileName[]
}

/**
 * What the daemon does before it serves anything: finishes what a crash interrupted, applies what
 * configuration and clock changed while it was away, hides what was touched on the disk until it is
 * verified, and moves away what nobody published.
 */
export const createStartup = (components: Components): (() => Promise<void>) => {
  const { store, catalogue, publications, logger, signal } = components
  return async () => {
    let dropped = new Set<FileName>()
    const found: Found = { restored: 0, unread: new Set() }
    const died = store.uncleanOpens >= REBUILD_AFTER_UNCLEAN_OPENS
    if (died && !catalogue.isEmpty()) dropped = await siftStore(components)
    if (died || catalogue.isEmpty()) {
      await takeIn(components, await components.disk.list(STATEMENTS_DIRECTORY), found)
    }
    if (await catalogue.mendRoot()) logger.warn({}, 'the tree of hashes did not fit: made anew')
    await reconcile(components, dropped, found)
    // Last, because rows speak of ids that the damage may have taken out of the index.
    if (died) await rebuildIndex(components)
    // What is lost of a name whose statement was taken in is not known: the next start removes the rest.
    if (found.restored === 0) await removeStrayContent(components)
    await publications.catchUp(signal())
  }
}

const nameBelow = (directory: string, path: string): FileName | undefined => {
  try {
    return parseFileName(path.slice(directory.length + 1))
  } catch (error) {
    if (isMeshError(error)) return undefined
    throw error
  }
}

/** What a start found on the disk that the database did not know. */
interface Found {
  restored: number
  /** Statements that could not be read, which may be right: a bad sector, or too many open files. */
  readonly unread: Set<string>
}

/**
 * Takes in statements that lie beside the files, after the same checks as one from a peer.
 * What they speak of is hashed when it is published, so nothing unverified gets in this way.
 * What the database refuses ends the start: the next one looks at all of it, and makes it anew.
 */
const takeIn = async (
  components: Components,
  paths: Iterable<string>,
  found: Found,
): Promise<void> => {
  const { logger, signal } = components
  const before = found.restored
  await forEachParallel(paths, MAX_NAMES_AT_ONCE, async (path) => {
    if (signal().aborted) throw new MeshError('ERR_ABORTED', 'the files are being stopped')
    const signed = await readStatement(components, path, found)
    if (signed !== undefined && (await restore(components, path, signed))) found.restored++
  })
  const restored = found.restored - before
  if (restored > 0) logger.warn({ restored }, 'statements were taken in from the disk')
}

const REFUSED = 'a statement on the disk cannot be taken in'

const readStatement = async (
  { disk, logger }: Components,
  path: string,
  { unread }: Found,
): Promise<SignedStatement | undefined> => {
  try {
    const bytes = await disk.read(path, { maxBytes: MAX_STATEMENT_FILE_BYTES })
    const signed = parseStatementFile(fromUtf8(bytes ?? new Uint8Array()) ?? '')
    const { name } = signed.statement
    if (name === nameBelow(STATEMENTS_DIRECTORY, path)) return signed
    throw new MeshError('ERR_STATEMENT_MALFORMED', `it is about ${name}`)
  } catch (error) {
    if (!isMeshError(error)) throw error
    const { system = null } = error.data
    if (system !== null && system !== 'ELOOP') unread.add(path)
    logger.warn({ path, error }, REFUSED)
    return undefined
  }
}

/** Whether the statement was new. It is published later, as if a crash had come between. */
const restore = async (
  { catalogue, logger, network, clock, ruleOf }: Components,
  path: string,
  signed: SignedStatement,
): Promise<boolean> => {
  const { name } = signed.statement
  const kept = catalogue.kept(name)
  const nowMs = clock.nowMs()
  let judgement: Judgement
  try {
    judgement = judge(signed, { network, rule: ruleOf(name), kept, nowMs, from: { kind: 'peer' } })
  } catch (error) {
    if (!isMeshError(error)) throw error
    logger.warn({ path, error }, REFUSED)
    return false
  }
  if (judgement.added.length === 0) return false
  await catalogue.change(name, changeOf({ judgement, row: catalogue.row(name), nowMs }))
  return true
}

/** Makes the index anew from what is kept and what the configuration says of it. */
export const rebuildIndex = ({
  catalogue,
  ruleOf,
}: Pick<Components, 'catalogue' | 'ruleOf'>): Promise<void> =>
  catalogue.rebuildIndex((name, kept) => {
    const rule = ruleOf(name)
    return rule === undefined ? [] : standingOf(kept, rule.authority).records
  })

/** Drops from the store what does not verify, after deaths that may have damaged it. */
const siftStore = async ({ catalogue, logger }: Components): Promise<Set<FileName>> => {
  const dropped = await catalogue.sift(({ signed }) => verifySigned(signed))
  if (dropped.size > 0) {
    logger.error({ names: [...dropped] }, 'damaged statements were dropped from the store')
  }
  return dropped
}

/** Whether what the row says is not what ought to be, or not what is there. */
const differs = (name: FileName, row: Row, rule: Rule | undefined, there: Survey): boolean =>
  row.pending ||
  row.rule !== rule?.digest ||
  // Content that waits for a publication which the disk refused looks like this.
  (rule !== undefined && row.state === 'missing') ||
  there.get(shownPath(name))?.fingerprint !== (row.shown?.fingerprint ?? row.fallback) ||
  there.get(statementPath(name))?.fingerprint !== row.statement?.fingerprint

/** Paths of statements that are there, of names of which none is kept. */
const statementsOfOthers = (kept: ReadonlySet<FileName>, there: Survey): string[] =>
  [...there.keys()].filter((path) => {
    if (!path.startsWith(`${STATEMENTS_DIRECTORY}/`)) return false
    const name = nameBelow(STATEMENTS_DIRECTORY, path)
    return name !== undefined && !kept.has(name)
  })

/** Moves away what lies where consumers look and what no row speaks of. */
const removeStrays = async (
  { catalogue, inspector, fallbacks, logger }: Components,
  directory: string,
  { there, found }: { there: Survey; found: Found },
): Promise<void> => {
  for (const path of there.keys()) {
    if (!path.startsWith(`${directory}/`)) continue
    const name = nameBelow(directory, path)
    if (name !== undefined && catalogue.knows(name)) continue
    if (name !== undefined && found.unread.has(statementPath(name))) continue
    const isShown = name !== undefined && directory === FILES_DIRECTORY
    if (isShown && (await fallbacks.isThere(name, EMPTY_ROW, () => []))) continue
    try {
      await inspector.quarantine(path)
    } catch (error) {
      // A name that is not UTF-8 cannot even be moved; it is not worth a daemon that does not start.
      if (!isMeshError(error, 'ERR_STATE_UNUSABLE')) throw error
      logger.error({ path, error }, 'a stray file cannot be moved away')
    }
  }
}

/** Makes the disk and the store agree with each other, the rules and the clock. */
const reconcile = async (
  components: Components,
  dropped: ReadonlySet<FileName>,
  found: Found,
): Promise<void> => {
  const { disk, catalogue, warnings, publications, ruleOf, fallbackNames } = components
  const there = new Map([
    ...(await disk.survey(FILES_DIRECTORY)),
    ...(await disk.survey(STATEMENTS_DIRECTORY)),
  ])
  // A database that is damaged, and has not shown it yet, knows nothing of what it has lost: what lies there
  // with its statement is no stray.
  const kept = new Set(catalogue.keptNames())
  await takeIn(components, statementsOfOthers(kept, there), found)
  // Before the rest, because a stray file or link can stand where a directory has to be.
  await removeStrays(components, FILES_DIRECTORY, { there, found })
  await removeStrays(components, STATEMENTS_DIRECTORY, { there, found })

  const withdrawn = new Set<FileName>()
  const others = new Set<FileName>()
  const look = (name: FileName, row: Row | undefined): void => {
    const rule = ruleOf(name)
    if (row === undefined || dropped.has(name) || differs(name, row, rule, there)) {
      const names = rule === undefined ? withdrawn : others
      names.add(name)
    } else if (row.remarkable && rule !== undefined) {
      const standing = standingOf(catalogue.kept(name), rule.authority)
      warnings.review(name, { rule, standing })
    }
  }
  for (const { name, row } of catalogue.rows()) look(name, row)
  for (const name of kept) {
    if (catalogue.row(name) === undefined) look(name, undefined)
  }
  for (const name of fallbackNames()) {
    if (catalogue.row(name) === undefined) others.add(name)
  }
  // Of what is kept of these, nothing may be readable: publishing would take their statements away.
  const lost = [...others].filter((name) => catalogue.kept(name).length === 0).map(statementPath)
  await takeIn(
    components,
    lost.filter((path) => there.has(path)),
    found,
  )
  // A withdrawn name may be in the way of a new one: "a" of "a/b".
  const publish = (name: FileName): Promise<void> => publications.publishSoon(name)
  await forEachParallel(withdrawn, MAX_NAMES_AT_ONCE, publish)
  await forEachParallel(others, MAX_NAMES_AT_ONCE, publish)
}

/** Removes content that no statement needs: what was left by uploads that a crash interrupted. */
const removeStrayContent = async ({
  disk,
  catalogue,
  clock,
  ruleOf,
}: Components): Promise<void> => {
  const stray = new Set(await disk.list(CONTENT_DIRECTORY))
  if (stray.size === 0) return
  for (const name of catalogue.keptNames()) {
    const kept = catalogue.kept(name)
    const rule = ruleOf(name)
    const holding = {
      ...{ rule, kept, nowMs: clock.nowMs(), row: catalogue.row(name) ?? EMPTY_ROW },
      standing: rule === undefined ? undefined : standingOf(kept, rule.authority),
      history: catalogue.history(name),
    }
    for (const digest of retainedContent(holding)) {
      stray.delete(contentPath(name, digest))
    }
  }
  for (const path of stray) await disk.remove(path)
}

/** Names that have to be published when the rules change, those that go away first. */
export const changedNames = (
  before: Rules,
  after: Rules,
  /** Of patterns: those that something is known of. */
  known: Iterable<FileName>,
): { withdrawn: FileName[]; others: FileName[] } => {
  const names = [...new Set([...before.names, ...after.names, ...known])].sort()
  return {
    withdrawn: names.filter((name) => after.get(name) === undefined && before.get(name)),
    others: names.filter((name) => {
      const rule = after.get(name)
      return rule !== undefined && before.get(name)?.digest !== rule.digest
    }),
  }
}
