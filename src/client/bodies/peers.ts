import { boolean, list, nullable, number, object, oneOf, text } from '../shape.ts'
import type { FaultBody, PeerBody, PeersBody, RoundBody } from '../../api/index.ts'

export const peersBody = object<PeersBody>({
  peers: list(
    object<PeerBody>({
      peerId: text,
      name: nullable(text),
      connected: boolean,
      address: nullable(text),
      direction: nullable(oneOf('inbound', 'outbound')),
      connectedAt: nullable(text),
      roundTripMs: nullable(number),
      neighbour: boolean,
      avoidedUntil: nullable(text),
      faults: list(object<FaultBody>({ code: text, count: number })),
      revokedAt: nullable(text),
      lastError: nullable(text),
      lastRound: nullable(
        object<RoundBody>({
          at: text,
          begunBy: oneOf('us', 'peer'),
          equal: boolean,
          differences: number,
          received: number,
          sent: number,
          bytes: number,
          error: nullable(text),
        }),
      ),
      told: nullable(list(text)),
    }),
  ),
})
