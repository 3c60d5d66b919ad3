import { file } from './files.ts'
import { array, boolean, integer, nullable, object, oneOf, string } from './json-schema.ts'
import type {
  ConfigurationEventBody,
  EventsBody,
  FileEventBody,
  GapBody,
  HealthEventBody,
  PeerEventBody,
  RefusedEventBody,
  TransferEventBody,
} from '../../api/index.ts'
import type { Schema } from './json-schema.ts'

const place = { cursor: string, at: string }

const gap = object<GapBody>({ ...place, type: oneOf('gap'), missed: nullable(integer) })

const event: Schema = {
  oneOf: [
    object<FileEventBody>({
      ...place,
      type: oneOf(
        ...['file-shown', 'file-changed', 'file-deleted'],
        ...['file-expired', 'file-conflict', 'file-withdrawn'],
        ...['file-unpacked', 'file-tree-gone'],
      ),
      name: string,
      file: nullable(file),
    }),
    object<RefusedEventBody>({
      ...place,
      type: oneOf('file-refused'),
      name: string,
      version: integer,
      code: string,
      message: string,
      signers: array(string),
      from: string,
      suppressed: integer,
    }),
    object<PeerEventBody>({
      ...place,
      type: oneOf('peer-connected', 'peer-gone'),
      peerId: string,
      peerName: nullable(string),
      address: nullable(string),
    }),
    object<HealthEventBody>({
      ...place,
      type: oneOf('health-raised', 'health-cleared'),
      code: string,
      subject: string,
      severity: oneOf('warning', 'error'),
      message: string,
    }),
    object<TransferEventBody>({
      ...place,
      type: oneOf('transfer'),
      name: string,
      direction: oneOf('receiving', 'sending'),
      phase: oneOf('begun', 'progress', 'done', 'failed'),
      doneBytes: integer,
      totalBytes: integer,
      peerId: nullable(string),
    }),
    object<ConfigurationEventBody>({
      ...place,
      type: oneOf('configuration-reloaded'),
      applied: boolean,
      restartNeeded: array(string),
    }),
  ],
}

export const eventsSchema = object<EventsBody>({
  cursor: string,
  gap: nullable(gap),
  events: array(event),
})
