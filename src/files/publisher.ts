import { compareStatements, formatStatementFile } from '../statement/index.ts'
import { equalBytes, utf8 } from '../util/index.ts'
import { contentDigest } from './inspector.ts'
import { endOf, isExpired, isTooLarge } from './judge.ts'
import { recordBy, standingOf } from './kept.ts'
import { MAX_HISTORY_COUNT } from './limits.ts'
import { contentPath, shownPath, statementPath } from './paths.ts'
import { purgeTimeOf, retainedContent } from './retention.ts'
import { EMPTY_ROW, encodeRow } from './row.ts'
import type { Disk } from '../disk/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Inspector } from './inspector.ts'
import type { Fallbacks } from './fallback.ts'
import type { Kept, Standing } from './kept.ts'
import type { Row, Shown, Wake } from './row.ts'
import type { Rule } from './rules.ts'
import type { FileRecord, FileState } from './types.ts'
import type { Warnings } from './warnings.ts'

export interface PublishOptions {
  /** Content that was verified and put into `content/` just now, with the mode of the policy. */
  readonly fresh?: Digest
  /** Content of statements that are not kept any more. */
  readonly displaced?: readonly Digest[]
  /** Hash what is shown even if it looks untouched. @default false */
  readonly distrust?: boolean
}

/**
 * Works out what of a name is to be seen, from the kept statements, the rule, the clock and what
 * lies on the disk, and makes it so. Doing it again changes nothing, and doing it after a crash at
 * any step finishes what was begun. Callers hold the lock of the name.
 */
export type Publish = (name: FileName, options?: PublishOptions) => Promise<Row>

interface Components {
  readonly disk: Disk
  readonly catalogue: Catalogue
  readonly inspector: Inspector
  readonly warnings: Warnings
  readonly fallbacks: Fallbacks
  readonly clock: { nowMs(): number }
  ruleOf(name: FileName): Rule | undefined
  /** What is shown of this name was hashed in this process and is right. */
  verified(name: FileName): void
}

/** Everything that is known about a name while it is published. */
interface Situation {
  readonly name: FileName
  readonly rule: Rule | undefined
  readonly kept: readonly Kept[]
  readonly row: Row
  readonly standing: Standing | undefined
  readonly winner: FileRecord | undefined
  /** Content that has to stay on this disk, shown or not. */
  readonly retained: ReadonlySet<Digest>
  readonly nowMs: number
  readonly options: PublishOptions
}

interface Outcome {
  readonly state: FileState
  readonly shown: Shown | undefined
  /** Content that this publication has moved out of `content/`. */
  readonly revealed?: Digest
  /** The fallback that is seen in its place. */
  readonly fallback?: string | undefined
}

/** Mode of `statements/<name>`: what it says is no secret, whatever the content is. */
const STATEMENT_MODE = 0o644

export const createPublish = (components: Components): Publish => {
  const { disk, catalogue, inspector, warnings, fallbacks, clock } = components

  const fingerprintOf = async (path: string): Promise<string> =>
    (await disk.stat(path))?.fingerprint ?? 'gone'

  /** Takes away what is shown; aside, if it may be wanted again. */
  const hide = async ({ name, retained }: Situation, { signed }: Shown): Promise<void> => {
    const digest = contentDigest(signed)
    if (digest !== undefined && retained.has(digest)) {
      // A link that a crash left there would make the rename do nothing.
      await disk.remove(contentPath(name, digest))
      await disk.rename(shownPath(name), contentPath(name, digest))
    } else {
      await disk.remove(shownPath(name))
    }
  }

  const withMode = async (name: FileName, shown: Shown, mode: number): Promise<Shown> => {
    if (shown.mode === mode) return shown
    await disk.setMode(shownPath(name), mode)
    return { ...shown, mode, fingerprint: await fingerprintOf(shownPath(name)) }
  }

  /** Moves the winner's content from `content/` to where it is seen. */
  const reveal = async (
    situation: Situation,
    { signed }: FileRecord,
    found: Shown | undefined,
    mode: number,
  ): Promise<Shown> => {
    const { name, retained, nowMs, options } = situation
    const digest = contentDigest(signed)
    if (digest === undefined) throw new Error('a tombstone has no content to be shown')
    const old = found === undefined ? undefined : contentDigest(found.signed)
    // One rename replaces the old content by the new: readers find one or the other. The old one,
    // where it may return, has a second name by then.
    if (found !== undefined && old !== undefined && retained.has(old)) {
      await disk.link(shownPath(name), contentPath(name, old))
    }
    const from = contentPath(name, digest)
    if (options.fresh !== digest) await disk.setMode(from, mode)
    await disk.rename(from, shownPath(name))
    components.verified(name)
    return { signed, fingerprint: await fingerprintOf(shownPath(name)), mode, atMs: nowMs }
  }

  /** Brings `files/<name>` into the state that it ought to have. */
  const publishContent = async (
    situation: Situation,
    found: Shown | undefined,
  ): Promise<Outcome> => {
    const { name, rule, winner, row, nowMs, options } = situation
    const nothing = async (state: FileState): Promise<Outcome> => {
      if (found !== undefined) await hide(situation, found)
      const waits = found === undefined && !row.delivered && FALLBACK_STATES.includes(state)
      const fallback = await fallbacks.settle(name, { row, rule: waits ? rule : undefined })
      return { state, shown: undefined, fallback }
    }
    if (rule === undefined || winner === undefined) return nothing('none')
    const { signed } = winner
    const { content, version } = signed.statement
    if (content === 'deleted') return nothing('deleted')
    if (isExpired(signed, nowMs)) return nothing('expired')
    const meanwhile = async (state: FileState): Promise<Outcome> => {
      if (found === undefined || !staysMeanwhile(found.signed, signed, rule, nowMs)) {
        return nothing(state)
      }
      return { state, shown: await withMode(name, found, rule.policy.mode) }
    }
    if (version < rule.minVersion) return nothing('too-old')
    const { mode } = rule.policy

    if (found !== undefined && contentDigest(found.signed) === content.digest) {
      const atMs = found.signed.id === signed.id ? found.atMs : nowMs
      const shown = await withMode(name, found, mode)
      return { state: 'shown', shown: { ...shown, signed, atMs } }
    }
    if (options.fresh === content.digest || (await inspector.findContent(name, content.digest))) {
      const shown = await reveal(situation, winner, found, mode)
      return { state: 'shown', shown, revealed: content.digest }
    }
    return meanwhile(isTooLarge(signed, rule.policy) ? 'too-large' : 'missing')
  }

  /** Brings `statements/<name>` into line: it speaks of what is shown, else of the winner. */
  const publishStatement = async (
    { name, rule, row, winner }: Situation,
    shown: Shown | undefined,
  ): Promise<Row['statement']> => {
    const path = statementPath(name)
    if (rule === undefined || winner === undefined) {
      await disk.remove(path)
      return undefined
    }
    const record = shown === undefined ? winner : (recordBy(shown.signed, rule.authority) ?? winner)
    const { statement } = row
    if (
      statement?.record === record.id &&
      statement.fingerprint === (await disk.stat(path))?.fingerprint
    ) {
      return statement
    }
    const text = formatStatementFile(record.signed)
    await disk.write(path, utf8(text), { mode: STATEMENT_MODE })
    return { record: record.id, fingerprint: await fingerprintOf(path) }
  }

  /** Removes from `content/` what nobody will ask for, and what is shown anyway. */
  const removeStale = async (
    { name, kept, retained, options }: Situation,
    found: Shown | undefined,
    { shown, revealed }: Outcome,
    history: readonly SignedStatement[],
  ): Promise<void> => {
    const current = shown === undefined ? undefined : contentDigest(shown.signed)
    const replaced = found === undefined ? undefined : contentDigest(found.signed)
    const candidates = [
      ...(options.displaced ?? []),
      ...kept.map(({ signed }) => contentDigest(signed)),
      ...history.map(contentDigest),
    ]
    for (const digest of new Set(candidates)) {
      if (digest === undefined || (retained.has(digest) && digest !== current)) continue
      // Of these, this very publication has seen that they are not there: the usual case.
      if (digest === revealed || (revealed !== undefined && digest === replaced)) continue
      await disk.remove(contentPath(name, digest))
    }
  }

  return async (name, options = {}) => {
    const rule = components.ruleOf(name)
    const kept = catalogue.kept(name)
    const before = catalogue.row(name)
    const row = before ?? EMPTY_ROW
    const history = catalogue.history(name)
    const standing = rule === undefined ? undefined : standingOf(kept, rule.authority)
    const winner = standing?.winner
    const nowMs = clock.nowMs()
    const holding = { rule, kept, standing, history, row, nowMs }
    const retained = retainedContent(holding)
    const purgeAtMs = purgeTimeOf(holding)
    const situation: Situation = {
      ...{ name, rule, kept, row, standing, winner, retained, nowMs, options },
    }
    // The history too: a publication that failed half-way may have left any version.
    const known = (): readonly (SignedStatement | undefined)[] => [
      winner?.signed,
      row.shown?.signed,
      ...kept.map(({ signed }) => signed),
      ...history,
    ]

    const found = (await fallbacks.isThere(name, row, known))
      ? undefined
      : await inspector.examine(name, { row, known, nowMs, distrust: options.distrust === true })
    const outcome = await publishContent(situation, found)
    const { state, shown, fallback } = outcome
    const statement = await publishStatement(situation, shown)
    await removeStale(situation, found, outcome, history)

    const records = standing?.records ?? []
    const after: Row = {
      state,
      pending: false,
      remarkable: warnings.review(name, { rule, standing }),
      delivered: row.delivered || shown !== undefined,
      rule: rule?.digest,
      records: records.map(({ id }) => id),
      wakes: wakesOf(nowMs, [winner?.signed, shown?.signed], purgeAtMs),
      ...(shown === undefined ? {} : { shown }),
      ...(fallback === undefined ? {} : { fallback }),
      ...(purgeAtMs === undefined ? {} : { purgeAtMs }),
      ...(statement === undefined ? {} : { statement }),
    }
    if (before === undefined || !equalBytes(encodeRow(before), encodeRow(after))) {
      await catalogue.change(name, {
        ...{ before, after, records },
        history: rule?.history ?? MAX_HISTORY_COUNT,
      })
    }
    warnings.settled(name, state)
    return after
  }
}

/** While nothing was ever delivered, the fallback is seen in these. */
const FALLBACK_STATES: readonly FileState[] = ['none', 'missing', 'too-large', 'too-old']

/** Whether an older version stays to be seen until the winner's content is here. */
const staysMeanwhile = (
  shown: SignedStatement,
  winner: SignedStatement,
  { authority, minVersion }: Rule,
  nowMs: number,
): boolean =>
  recordBy(shown, authority) !== undefined &&
  shown.statement.version >= minVersion &&
  !isExpired(shown, nowMs) &&
  compareStatements(shown, winner) < 0

/** The moments at which the clock changes what is to be seen or kept. */
export const wakesOf = (
  nowMs: number,
  statements: readonly (SignedStatement | undefined)[],
  purgeAtMs: number | undefined,
): Wake[] => {
  const moments = statements.flatMap((signed) => {
    const end = signed === undefined ? 'never' : endOf(signed)
    return end === 'never' ? [] : [end]
  })
  if (purgeAtMs !== undefined) moments.push(purgeAtMs)
  return [...new Set(moments)].map((atMs) => ({ atMs, over: atMs <= nowMs }))
}
