import { array, boolean, integer, nullable, number, object, string } from './json-schema.ts'
import type { FaultBody, PeerBody, PeersBody, RoundBody } from '../../api/index.ts'

export const peersSchema = object<PeersBody>({
  peers: array(
    object<PeerBody>({
      peerId: string,
      name: nullable(string),
      connected: boolean,
      address: nullable(string),
      direction: nullable(string),
      connectedAt: nullable(string),
      roundTripMs: nullable(number),
      neighbour: boolean,
      avoidedUntil: nullable(string),
      faults: array(object<FaultBody>({ code: string, count: integer })),
      revokedAt: nullable(string),
      lastError: nullable(string),
      lastRound: nullable(
        object<RoundBody>({
          at: string,
          begunBy: string,
          equal: boolean,
          differences: integer,
          received: integer,
          sent: integer,
          bytes: integer,
          error: nullable(string),
        }),
      ),
      told: nullable(array(string)),
    }),
  ),
})
