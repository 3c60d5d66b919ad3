import { boolean, list, nullable, number, object, oneOf, text } from '../shape.ts'
import { file } from './files.ts'
import type {
  ConfigurationEventBody,
  EventBody,
  FileEventBody,
  GapBody,
  HealthEventBody,
  PeerEventBody,
  RefusedEventBody,
  StreamStartBody,
  TransferEventBody,
} from '../../api/index.ts'
import type { Shape } from '../shape.ts'

const place = { cursor: text, at: text }

export const gapBody = object<GapBody>({
  ...place,
  type: oneOf('gap'),
  missed: nullable(number),
})

export const streamStartBody = object<StreamStartBody>({
  ...place,
  type: oneOf('start'),
  networkId: text,
})

const fileEvent = object<FileEventBody>({
  ...place,
  type: oneOf(
    ...(['file-shown', 'file-changed', 'file-deleted', 'file-expired'] as const),
    ...(['file-conflict', 'file-withdrawn', 'file-unpacked', 'file-tree-gone'] as const),
  ),
  name: text,
  file: nullable(file),
})

/** By what each has and the others have not. */
export const eventBody: Shape<EventBody> = (value, path) => {
  const family = typeOf(value)?.split('-')[0]
  if (typeOf(value) === 'file-refused') return refusedEvent(value, path)
  if (family === 'peer') return peerEvent(value, path)
  if (family === 'health') return healthEvent(value, path)
  if (family === 'transfer') return transferEvent(value, path)
  if (family === 'configuration') return configurationEvent(value, path)
  return fileEvent(value, path)
}

const typeOf = (value: unknown): string | undefined => {
  const found = typeof value === 'object' && value !== null && 'type' in value ? value.type : ''
  return typeof found === 'string' ? found : undefined
}

const refusedEvent = object<RefusedEventBody>({
  ...place,
  type: oneOf('file-refused'),
  name: text,
  version: number,
  code: text,
  message: text,
  signers: list(text),
  from: text,
  suppressed: number,
})

const peerEvent = object<PeerEventBody>({
  ...place,
  type: oneOf('peer-connected', 'peer-gone'),
  peerId: text,
  peerName: nullable(text),
  address: nullable(text),
})

const healthEvent = object<HealthEventBody>({
  ...place,
  type: oneOf('health-raised', 'health-cleared'),
  code: text,
  subject: text,
  severity: oneOf('warning', 'error'),
  message: text,
})

const transferEvent = object<TransferEventBody>({
  ...place,
  type: oneOf('transfer'),
  name: text,
  direction: oneOf('receiving', 'sending'),
  phase: oneOf('begun', 'progress', 'done', 'failed'),
  doneBytes: number,
  totalBytes: number,
  peerId: nullable(text),
})

const configurationEvent = object<ConfigurationEventBody>({
  ...place,
  type: oneOf('configuration-reloaded'),
  applied: boolean,
  restartNeeded: list(text),
})
