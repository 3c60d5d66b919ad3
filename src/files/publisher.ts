import { compareStatements, formatStatementFile } from '../statement/index.ts'
import { equalBytes, utf8 } from '../util/index.ts'
import { contentDigest } from './inspector.ts'
import { isExpired } from './judge.ts'
import { recordBy, recordsOf, retainedContent, signedBy, winnerOf } from './kept.ts'
import { contentPath, shownPath, statementPath } from './paths.ts'
import { EMPTY_ROW, encodeRow } from './row.ts'
import type { Disk } from '../disk/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Inspector } from './inspector.ts'
import type { Kept } from './kept.ts'
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
}

/** Mode of `statements/<name>`: what it says is no secret, whatever the content is. */
const STATEMENT_MODE = 0o644

export const createPublish = (components: Components): Publish => {
  const { disk, catalogue, inspector, warnings, clock } = components

  const fingerprintOf = async (path: string): Promise<string> =>
    (await disk.stat(path))?.fingerprint ?? 'gone'

  /** Takes away what is shown; aside, if it may be wanted again. */
  const hide = async ({ name, retained }: Situation, { signed }: Shown): Promise<void> => {
    const digest = contentDigest(signed)
    if (digest !== undefined && retained.has(digest)) {
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
    // One rename replaces the old content by the new, unless the old one may return.
    if (found !== undefined && old !== undefined && retained.has(old)) await hide(situation, found)
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
    const { name, rule, winner, nowMs, options } = situation
    const nothing = async (state: FileState): Promise<Outcome> => {
      if (found !== undefined) await hide(situation, found)
      return { state, shown: undefined }
    }
    if (rule === undefined || winner === undefined) return nothing('none')
    const { signed } = winner
    const { content } = signed.statement
    if (content === 'deleted') return nothing('deleted')
    if (isExpired(signed, nowMs)) return nothing('expired')
    const { mode, maxSizeBytes } = rule.policy

    if (found !== undefined && contentDigest(found.signed) === content.digest) {
      const atMs = found.signed.id === signed.id ? found.atMs : nowMs
      const shown = await withMode(name, found, mode)
      return { state: 'shown', shown: { ...shown, signed, atMs } }
    }
    if (options.fresh === content.digest || (await inspector.findContent(name, content.digest))) {
      const shown = await reveal(situation, winner, found, mode)
      return { state: 'shown', shown, revealed: content.digest }
    }
    const state = content.sizeBytes > maxSizeBytes ? 'too-large' : 'missing'
    if (found === undefined || !staysMeanwhile(found.signed, signed, rule, nowMs)) {
      return nothing(state)
    }
    return { state, shown: await withMode(name, found, mode) }
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
    const record = shown === undefined ? winner : (recordBy(shown.signed, rule.allowed) ?? winner)
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
  ): Promise<void> => {
    const current = shown === undefined ? undefined : contentDigest(shown.signed)
    const replaced = found === undefined ? undefined : contentDigest(found.signed)
    const candidates = [
      ...(options.displaced ?? []),
      ...kept.map(({ signed }) => contentDigest(signed)),
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
    const winner = rule === undefined ? undefined : winnerOf(kept, rule.allowed)
    const retained = retainedContent(kept, winner?.signed)
    const nowMs = clock.nowMs()
    const situation: Situation = { name, rule, kept, row, winner, retained, nowMs, options }

    const found = await inspector.examine(name, {
      row,
      // The history too: a publication that failed half-way may have left any version.
      known: () => [
        winner?.signed,
        row.shown?.signed,
        ...kept.map(({ signed }) => signed),
        ...catalogue.history(name),
      ],
      nowMs,
      distrust: options.distrust === true,
    })
    const outcome = await publishContent(situation, found)
    const { state, shown } = outcome
    const statement = await publishStatement(situation, shown)
    await removeStale(situation, found, outcome)

    const records = rule === undefined ? [] : recordsOf(kept, rule.allowed)
    const after: Row = {
      state,
      pending: false,
      remarkable: warnings.review(name, { rule, kept, winner }),
      rule: rule?.digest,
      records: records.map(({ id }) => id),
      wakes: wakesOf(nowMs, winner?.signed, shown?.signed),
      ...(shown === undefined ? {} : { shown }),
      ...(statement === undefined ? {} : { statement }),
    }
    if (before === undefined || !equalBytes(encodeRow(before), encodeRow(after))) {
      await catalogue.change(name, { before, after, records })
    }
    warnings.settled(name, state)
    return after
  }
}

/** Whether an older version stays to be seen until the winner's content is here. */
const staysMeanwhile = (
  shown: SignedStatement,
  winner: SignedStatement,
  { allowed }: Rule,
  nowMs: number,
): boolean =>
  signedBy(shown, allowed) !== undefined &&
  !isExpired(shown, nowMs) &&
  compareStatements(shown, winner) < 0

/** The moments at which the clock changes what is to be seen. */
export const wakesOf = (
  nowMs: number,
  ...statements: readonly (SignedStatement | undefined)[]
): Wake[] => {
  const moments = statements.flatMap((signed) => {
    const expires = signed?.statement.expires ?? 'never'
    return expires === 'never' ? [] : [expires]
  })
  return [...new Set<number>(moments)].map((atMs) => ({ atMs, over: atMs <= nowMs }))
}
