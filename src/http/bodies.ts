import { formatPublicKey } from '../keys/index.ts'
import { formatTimestamp } from '../util/index.ts'
import type { FileBody, HistoryBody, VersionBody } from '../api/index.ts'
import type { FileRecord, FileView } from '../files/index.ts'

/** One version as JSON. */
export const versionBody = ({ signed }: FileRecord): VersionBody => {
  const { version, time, expires, replaces, content, blocks } = signed.statement
  return {
    id: signed.id,
    version,
    time: formatTimestamp(time),
    expires: expires === 'never' ? expires : formatTimestamp(expires),
    replaces: replaces === 'none' ? null : replaces,
    content:
      content === 'deleted'
        ? null
        : {
            sha256: content.digest,
            sizeBytes: content.sizeBytes,
            blocks: blocks === 'none' ? null : blocks,
          },
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
export const historyBody = async (
  view: FileView,
  records: readonly FileRecord[],
  holdsContent: (record: FileRecord) => Promise<boolean>,
): Promise<HistoryBody> => {
  const versionOf = ({ signed }: FileRecord): number => signed.statement.version
  const isRivalled = (record: FileRecord): boolean =>
    records.some(
      (each) => each.signed.id !== record.signed.id && versionOf(each) === versionOf(record),
    )
  const versions = records.map(async (record) => ({
    ...versionBody(record),
    wins: record.signed.id === view.winner?.signed.id,
    conflict: isRivalled(record),
    contentHere: await holdsContent(record),
  }))
  return { name: view.name, versions: await Promise.all(versions) }
}
