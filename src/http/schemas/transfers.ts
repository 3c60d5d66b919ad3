import { array, integer, nullable, object, oneOf, string } from './json-schema.ts'
import type {
  ReceivingBody,
  SendingBody,
  TransferPeerBody,
  TransfersBody,
} from '../../api/index.ts'

const transferPeer = {
  peerId: string,
  name: nullable(string),
  bytes: integer,
  bytesPerSecond: integer,
}

export const transfersSchema = object<TransfersBody>({
  receiving: array(
    object<ReceivingBody>({
      name: string,
      sha256: string,
      state: oneOf('searching', 'listing', 'fetching', 'finishing'),
      doneBytes: integer,
      totalBytes: integer,
      localBytes: integer,
      bytesPerSecond: integer,
      leftMs: nullable(integer),
      startedAt: string,
      holders: array(object<TransferPeerBody>(transferPeer)),
    }),
  ),
  sending: array(
    object<SendingBody>({ ...transferPeer, file: string, sha256: string, startedAt: string }),
  ),
})
