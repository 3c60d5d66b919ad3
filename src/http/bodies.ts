import { formatPublicKey } from '../keys/index.ts'
import { formatTimestamp } from '../util/index.ts'
import type { FileBody, HistoryBody, VersionBody } from '../api/index.ts'
import type { FileRecord, FileView } from '../files/index.ts'

/** One version as JSON. */
export const versionBody = ({ signed }: FileRecord): VersionBody => {
  const { version, time, expires, replaces, content } = signed.statement
  return {
    id: signed.id,
    version,
    time: formatTimestamp(time),
    expires: expires === 'never' ? expires : formatTimestamp(expires),
    replaces: replaces === 'none' ? null : replaces,
    content:
      content === 'deleted' ? null : { sha256: content.digest, sizeBytes: content.sizeBytes },
    signers: signed.signatures.map(({ key }) => formatPublicKey(key, 'openssh')),
  }
}

/** One name as JSON. */
export const fileBody = ({ name, state, winner, conflict, shownAtMs }: FileView): FileBody => ({
  name,
  state,
  current: winner === undefined ? null : versionBody(winner),
  conflict,
  shownAt: shownAtMs === undefined ? null : new Date(shownAtMs).toISOString(),
})

/** All that was seen for a name as JSON. */
export const historyBody = (view: FileView, records: readonly FileRecord[]): HistoryBody => ({
  name: view.name,
  versions: records.map((record) => ({
    ...versionBody(record),
    wins: record.id === view.winner?.id,
  })),
})
