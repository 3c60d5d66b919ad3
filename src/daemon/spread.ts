import { isReservedName } from '../statement/index.ts'
import {
  MAX_SPREAD_CELLS,
  MAX_SPREAD_NAMES,
  MAX_SPREAD_PEERS,
  MAX_SPREAD_VERSIONS,
} from './limits.ts'
import type { PeerVersionBody, SpreadBody } from '../api/index.ts'
import type { FileRecord, Files, FilesEvents, FileView } from '../files/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { FileName } from '../statement/index.ts'
import type { PeerKnowledge, Sync } from '../sync/index.ts'
import type { Peering } from '../transport/index.ts'
import type { Digest } from '../util/index.ts'
import type { Part } from './lifecycle.ts'

/** A version that won here from a mark on. */
interface Past {
  readonly from: number
  readonly version: number | null
}

/** What was seen of one name since the start. */
interface Seen {
  readonly versions: readonly Past[]
  /** Who brought the newest record. */
  readonly brought?: { readonly record: Digest; readonly peer: PeerId }
}

export interface Spread extends Part {
  /** @param after goes on behind this name */
  spread(after?: FileName): SpreadBody
}

/** Answers GET /spread: from the rounds of push-pull, and from who brought what. */
export const createSpread = ({
  files,
  sync,
  peering,
}: {
  readonly files: Pick<Files, 'events' | 'names' | 'view' | 'history'>
  readonly sync: Pick<Sync, 'known' | 'mark'>
  readonly peering: Pick<Peering, 'status'>
}): Spread => {
  /** The name seen longest ago is first. */
  const seen = new Map<FileName, Seen>()

  const remember = (name: FileName, next: Seen): void => {
    seen.delete(name)
    seen.set(name, next)
    const oldest = seen.keys().next()
    if (seen.size > MAX_SPREAD_NAMES && !oldest.done) seen.delete(oldest.value)
  }

  /** What won before the first change that we saw, as far as the winner says. */
  const firstOf = (name: FileName, winner: FileRecord | undefined): Past[] => {
    const replaced = winner?.signed.statement.replaces
    const before = files.history(name).find(({ signed }) => signed.id === replaced)
    return before === undefined ? [] : [{ from: 0, version: before.signed.statement.version }]
  }

  const onChange = ({ name }: FilesEvents['change'][0]): void => {
    const winner = files.view(name)?.winner
    const version = winner?.signed.statement.version ?? null
    const known = seen.get(name)
    const versions = known?.versions ?? firstOf(name, winner)
    if (versions.at(-1)?.version === version) return
    const more = [...versions, { from: sync.mark(), version }]
    remember(name, { ...known, versions: more.slice(-MAX_SPREAD_VERSIONS) })
  }

  const onRecord = ({ record, from }: FilesEvents['record'][0]): void => {
    if (from.kind !== 'peer') return
    const { name } = record.signed.statement
    const versions = seen.get(name)?.versions ?? firstOf(name, record)
    remember(name, { versions, brought: { record: record.id, peer: from.peer } })
  }

  const versionAt = (name: FileName, mark: number, current: number | null): number | null => {
    const known = seen.get(name)
    // Something else about it has changed, if nothing was forgotten.
    if (known === undefined) return seen.size < MAX_SPREAD_NAMES ? current : null
    return known.versions.findLast(({ from }) => from <= mark)?.version ?? null
  }

  const cell = (view: FileView, peerId: PeerId, known: PeerKnowledge): PeerVersionBody => {
    const { name, winner } = view
    const current = winner?.signed.statement.version ?? null
    const has = known.has(name, winner?.id)
    if (has === 'same') return { has, version: current }
    const brought = seen.get(name)?.brought
    const isBringer = brought?.peer === peerId && brought.record === winner?.id
    if (isBringer && has !== 'unwanted') return { has: 'same', version: current }
    const compared = has === 'before' ? known.agreement : undefined
    return { has, version: compared === undefined ? null : versionAt(name, compared.mark, current) }
  }

  return {
    async start() {
      files.events.on('change', onChange).on('record', onRecord)
    },
    async stop() {
      files.events.off('change', onChange).off('record', onRecord)
    },
    spread(after) {
      const listed = peering
        .status()
        // Who was only heard of may not even be there.
        .filter(({ connected, lastConnectedMs }) => connected || lastConnectedMs !== undefined)
        .toSorted((a, b) => Number(b.connected) - Number(a.connected))
        .slice(0, MAX_SPREAD_PEERS)
      const columns = listed.map((peer) => ({ ...peer, known: sync.known(peer.peerId) }))
      const maxRows = Math.floor(MAX_SPREAD_CELLS / Math.max(1, columns.length))
      const rows: SpreadBody['files'][number][] = []
      let next: string | null = null
      for (const name of files.names()) {
        if (after !== undefined && name <= after) continue
        const view = files.view(name)
        if (view === undefined) continue
        const { state, winner } = view
        if (state === 'none' && isReservedName(name)) continue
        if (rows.length === maxRows) {
          next = rows.at(-1)?.name ?? null
          break
        }
        rows.push({
          name,
          version: winner?.signed.statement.version ?? null,
          peers: columns.map(({ peerId, known }) => cell(view, peerId, known)),
        })
      }
      return {
        peers: columns.map(({ peerId, name = null, connected, known: { agreement } }) => ({
          ...{ peerId, name, connected },
          comparedAt: agreement === undefined ? null : new Date(agreement.atMs).toISOString(),
        })),
        files: rows,
        next,
      }
    },
  }
}
