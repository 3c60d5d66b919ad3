import { list, nullable, number, object, oneOf, text } from '../shape.ts'
import type {
  ReceivingBody,
  SendingBody,
  TransferPeerBody,
  TransfersBody,
} from '../../api/index.ts'

const transferPeer = {
  peerId: text,
  name: nullable(text),
  bytes: number,
  bytesPerSecond: number,
}

export const transfersBody = object<TransfersBody>({
  receiving: list(
    object<ReceivingBody>({
      name: text,
      sha256: text,
      state: oneOf('searching', 'listing', 'fetching', 'finishing'),
      doneBytes: number,
      totalBytes: number,
      localBytes: number,
      bytesPerSecond: number,
      leftMs: nullable(number),
      startedAt: text,
      holders: list(object<TransferPeerBody>(transferPeer)),
    }),
  ),
  sending: list(
    object<SendingBody>({ ...transferPeer, file: text, sha256: text, startedAt: text }),
  ),
})
