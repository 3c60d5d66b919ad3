import type { FileRecord, Files, Origin } from '../files/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Peer, Transport } from '../transport/index.ts'

const cameFrom = (from: Origin): string => (from.kind === 'peer' ? from.peer : from.kind)

const versionOf = ({ id, signed }: FileRecord) => {
  const { name, version, content } = signed.statement
  return { name, version, content: content === 'deleted' ? content : content.digest, record: id }
}

/** One line at level info for each thing that an administrator looks for in the journal later. */
export const keepJournal = (
  { files, transport }: { files: Pick<Files, 'events'>; transport: Pick<Transport, 'events'> },
  { logger }: { logger: Logger },
): (() => void) => {
  const onConnect = ({ id, name, address, direction }: Peer): void =>
    logger.info({ peer: id, name, address, direction }, 'peer connected')
  const onDisconnect = ({ id, name }: Peer): void =>
    logger.info({ peer: id, name }, 'peer disconnected')
  const onRecord = ({ record, from }: { record: FileRecord; from: Origin }): void =>
    logger.info({ ...versionOf(record), from: cameFrom(from) }, 'version stored')
  const onContent = ({ record, from }: { record: FileRecord; from: Origin }): void =>
    logger.info({ ...versionOf(record), from: cameFrom(from) }, 'content complete')

  transport.events.on('connect', onConnect).on('disconnect', onDisconnect)
  files.events.on('record', onRecord).on('content', onContent)
  return () => {
    transport.events.off('connect', onConnect).off('disconnect', onDisconnect)
    files.events.off('record', onRecord).off('content', onContent)
  }
}
