import { isMeshError, MeshError } from '../errors/index.ts'
import { contentDigest } from './inspector.ts'
import { isExpired, isTooLarge, judge, wantsContent } from './judge.ts'
import { ownerOf } from './kept.ts'
import { contentPath } from './paths.ts'
import { wakesOf } from './publisher.ts'
import { EMPTY_ROW } from './row.ts'
import { adoptContent, ContentRefused, stageContent } from './staging.ts'
import { viewOf } from './view.ts'
import type { BlockList } from '../chunk/index.ts'
import type { Disk } from '../disk/index.ts'
import type { FileName, NetworkId, SignatureEntry, SignedStatement } from '../statement/index.ts'
import type { Digest, DigestThreads, KeyedLock } from '../util/index.ts'
import type { Catalogue, Change } from './catalogue.ts'
import type { ContentRef, Judgement } from './judge.ts'
import type { Kept } from './kept.ts'
import type { Publications } from './publications.ts'
import type { Eviction, Quota } from './quota.ts'
import type { Refusals } from './refusals.ts'
import type { Row } from './row.ts'
import type { Rule } from './rules.ts'
import type { Staged } from './staging.ts'
import type { FileRecord, FileState, OfferedContent, Origin, Verdict } from './types.ts'

/** A statement on its way in. */
interface Arrival {
  readonly signed: SignedStatement
  readonly from: Origin
  /** Signatures that a first look at it has found right. */
  readonly verified: Set<SignatureEntry>
  /** Content that came with it and has not been read. */
  readonly offered: OfferedContent | undefined
  /** Content that was read, checked and is on the disk, still without a name. */
  readonly staged: Staged | undefined
}

/** A decision with what it was made on. */
interface Taking {
  readonly judgement: Judgement
  /** Before the decision. */
  readonly kept: readonly Kept[]
  readonly row: Row | undefined
  readonly nowMs: number
  readonly from: Origin
  /** Content to be stored with it. */
  readonly staged: Staged | undefined
  /** Blocks of what came with it, stored or not. */
  readonly list: BlockList | undefined
}

interface Components {
  readonly disk: Disk
  /** For hashing what comes in. */
  readonly threads: DigestThreads
  readonly catalogue: Catalogue
  readonly clock: { nowMs(): number }
  readonly locks: KeyedLock
  readonly network: NetworkId
  readonly publications: Publications
  readonly quota: Quota
  readonly refusals: Refusals
  ruleOf(name: FileName): Rule | undefined
  /** Begins to take away what is too much. */
  evict(eviction: Eviction): void
  /** Content with a block list was put away. */
  onListed(listed: { name: FileName; digest: Digest; list: BlockList }): void
}

/** Takes a statement in, with content or without; the one way for uploads and for peers. */
export type Acceptor = (
  signed: SignedStatement,
  offered: OfferedContent | undefined,
  from: Origin,
  signal: AbortSignal,
) => Promise<Verdict>

/** The content has to be read before the rest can be decided. */
interface NeedsContent {
  readonly outcome: 'needs-content'
  readonly content: ContentRef & { readonly mode: number }
}

export const createAcceptor = (components: Components): Acceptor => {
  const { disk, catalogue, clock, locks, network, ruleOf, publications, quota } = components

  /** Whether the content of a statement that is going to win is here already, shown or not. */
  const isHere = async (
    name: FileName,
    row: Row | undefined,
    content: ContentRef,
  ): Promise<boolean> => {
    const shown = row?.shown
    if (shown !== undefined && contentDigest(shown.signed) === content.digest) return true
    const stat = await disk.stat(contentPath(name, content.digest))
    return stat?.sizeBytes === content.sizeBytes
  }

  const known = ({ record, wins }: Judgement, row: Row): Verdict => ({
    outcome: 'known',
    record,
    wins,
    contentMissing: wins && row.state === 'missing',
  })

  /** Judges the arrival as things stand now, and takes it in if nothing is left to be read. */
  const decide = async (arrival: Arrival): Promise<Verdict | NeedsContent> => {
    const { signed: given, from, offered, staged, verified } = arrival
    const { name } = given.statement
    const kept = catalogue.kept(name)
    const nowMs = clock.nowMs()
    const judgement = judge(given, {
      network,
      rule: ruleOf(name),
      kept,
      nowMs,
      from,
      verified,
    })
    const { signed, added, rule, wins } = judgement
    const row = catalogue.row(name)
    if (added.length > 0) checkQuota(judgement, from)

    const wanted = wins ? wantsContent(signed, rule, nowMs) : undefined
    const lacking =
      wanted !== undefined &&
      (added.length === 0 ? row?.state === 'missing' : !(await isHere(name, row, wanted)))
    if (added.length === 0 && !(lacking && (offered ?? staged) !== undefined)) {
      return known(judgement, row ?? EMPTY_ROW)
    }
    // Somebody who uploads something new is told whether its content is right, even if it is here.
    const isNewUpload = from.kind === 'upload' && !kept.some((each) => each.signed.id === signed.id)
    if (staged === undefined && wanted !== undefined && (lacking || isNewUpload)) {
      if (offered !== undefined) {
        const { mode } = rule.policy
        return { outcome: 'needs-content', content: { ...wanted, mode } }
      }
      if (isNewUpload) throw withoutContent(signed)
    }
    return store({
      judgement,
      kept,
      row,
      nowMs,
      from,
      staged: lacking ? staged : undefined,
      list: staged?.list,
    })
  }

  /** Refuses what the signers of a pattern have no room for, before its content is read. */
  const checkQuota = ({ signed, added, rule }: Judgement, from: Origin): void => {
    const { name, version } = signed.statement
    if (rule.pattern === undefined) return
    const hasRoom = added.some((each) => quota.hasRoom(rule, ownerOf(each), name, from.kind))
    if (hasRoom) return
    throw new MeshError(
      'ERR_FILE_TOO_MANY',
      `${name} version ${version}: ${rule.maxFiles} names of ${rule.pattern} are in use, which is its max_files; raise it in the configuration (deleted names count too)`,
      { data: { name, version, pattern: rule.pattern, maxFiles: rule.maxFiles } },
    )
  }

  /** Makes content durable, then the statement, then lets both be seen. */
  const store = async (taking: Taking): Promise<Verdict> => {
    const { judgement, kept, row, from, staged, list } = taking
    const { signed, added, after, rule, wins, record } = judgement
    const { name } = signed.statement
    const fresh = staged === undefined ? undefined : contentDigest(signed)
    let left: readonly SignedStatement[] = []
    try {
      if (fresh !== undefined) {
        await staged?.commit(contentPath(name, fresh), { mode: rule.policy.mode })
      }
      const digest = contentDigest(signed)
      if (list !== undefined && digest !== undefined) components.onListed({ name, digest, list })
      if (added.length > 0) left = await catalogue.change(name, changeOf(taking))
    } catch (error) {
      // It was not here before, or it would not have been asked for. What cannot be removed now is
      // removed at the next start; the first failure is the one to tell.
      if (fresh !== undefined) await disk.remove(contentPath(name, fresh)).catch(() => {})
      throw error
    }
    if (rule.pattern !== undefined) {
      for (const each of quota.add(rule, after.map(ownerOf), name)) components.evict(each)
    }
    const published = await publications.publish(
      name,
      {
        displaced: displaced(kept, after, left),
        ...(fresh === undefined ? {} : { fresh }),
      },
      {
        record,
        from,
        statementStored: added.length > 0,
        before: viewOf(name, rule, { kept, row }),
      },
    )
    return {
      outcome: 'stored',
      record,
      wins,
      contentMissing: wins && published.state === 'missing',
    }
  }

  const attempt = (arrival: Arrival): Promise<Verdict | NeedsContent> =>
    locks.run(arrival.signed.statement.name, () => decide(arrival))

  return async (signed, offered, from, signal) => {
    try {
      if (signal.aborted) throw new MeshError('ERR_ABORTED', 'taking in a statement was cancelled')
      const arrival = { signed, from, verified: new Set<SignatureEntry>() }
      const first = await attempt({ ...arrival, offered, staged: undefined })
      if (first.outcome !== 'needs-content' || offered === undefined) return settled(first)
      // Read without the lock: however slow the source is, announcements of the name go on.
      const staged = await ('path' in offered
        ? adoptContent(disk, offered, first.content)
        : stageContent(components, offered, first.content, signal))
      try {
        return settled(await attempt({ ...arrival, offered: undefined, staged }))
      } finally {
        await staged.discard()
      }
    } catch (error) {
      const verdict = refusedOr(error)
      if (verdict.outcome === 'refused') components.refusals.add(signed, from, verdict.error)
      return verdict
    }
  }
}

/** Content of statements that are neither kept nor remembered any more. */
const displaced = (
  kept: readonly Kept[],
  after: readonly Kept[],
  left: readonly SignedStatement[],
): Digest[] => {
  const still = new Set(after.map(({ signed }) => signed.id))
  const gone = kept.map(({ signed }) => signed).filter(({ id }) => !still.has(id))
  return [...gone, ...left].flatMap((signed) => contentDigest(signed) ?? [])
}

/** The state of a name whose winner has just changed and is not published yet. */
const stateOf = (winner: FileRecord | undefined, rule: Rule, nowMs: number): FileState => {
  if (winner === undefined) return 'none'
  const { signed } = winner
  const { content, version } = signed.statement
  if (content === 'deleted') return 'deleted'
  if (isExpired(signed, nowMs)) return 'expired'
  if (version < rule.minVersion) return 'too-old'
  return isTooLarge(signed, rule.policy) ? 'too-large' : 'missing'
}

/** The transaction that makes a statement durable and marks its publication as begun. */
export const changeOf = ({
  judgement,
  row,
  nowMs,
}: Pick<Taking, 'judgement' | 'row' | 'nowMs'>): Change => {
  const { signed, added, removed, rule, standing, before } = judgement
  const { winner, records } = standing
  const sameWinner = before.winner?.signed.id === winner?.signed.id
  return {
    before: row,
    after: {
      ...(row ?? EMPTY_ROW),
      state: sameWinner && row !== undefined ? row.state : stateOf(winner, rule, nowMs),
      pending: true,
      rule: rule.digest,
      records: records.map(({ id }) => id),
      wakes: wakesOf(nowMs, [winner?.signed, row?.shown?.signed], row?.purgeAtMs),
    },
    records,
    added,
    removed,
    seen: signed,
    history: rule.history,
  }
}

/** Failures of this node are thrown; everything else is a verdict on what came in. */
const NOT_A_VERDICT = ['ERR_ABORTED', 'ERR_DISK_FULL', 'ERR_STATE_UNUSABLE', 'ERR_STATE_CORRUPT']

const refusedOr = (error: unknown): Verdict => {
  if (error instanceof ContentRefused) return { outcome: 'refused', error: error.error }
  if (!isMeshError(error) || NOT_A_VERDICT.includes(error.code)) throw error
  return { outcome: 'refused', error }
}

const settled = (result: Verdict | NeedsContent): Verdict => {
  if (result.outcome !== 'needs-content') return result
  throw new Error('content was asked for that nobody offered')
}

const withoutContent = ({ statement: { name, version } }: SignedStatement): MeshError =>
  new MeshError(
    'ERR_FILE_CONTENT_MISMATCH',
    `${name} version ${version}: an upload has to bring its content`,
    { data: { name, version } },
  )
