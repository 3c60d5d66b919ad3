import type { ReceivingBody, SendingBody, TransferPeerBody } from '../api/index.ts'
import type { TransfersBody, TransfersSummaryBody } from '../api/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Serving, Sync, Transfer, TransferPeer } from '../sync/index.ts'
import type { Transport } from '../transport/index.ts'

interface Sources {
  readonly sync: Pick<Sync, 'transfers'>
  readonly transport: Pick<Transport, 'peers'>
}

const leftMs = ({ doneBytes, ofBytes, bytesPerSecond }: Transfer): number | null =>
  bytesPerSecond > 0 ? Math.round(((ofBytes - doneBytes) / bytesPerSecond) * 1_000) : null

const sum = <T>(each: readonly T[], pick: (one: T) => number): number =>
  each.reduce((total, one) => total + pick(one), 0)

/** What is on its way, as GET /transfers and GET /status tell it. */
export const createTransfers = ({ sync, transport }: Sources) => {
  const bodies = (): TransfersBody => {
    const names = new Map<PeerId, string | undefined>()
    for (const { id, name } of transport.peers()) names.set(id, name)
    const peerBody = ({ peer, bytes, bytesPerSecond }: TransferPeer): TransferPeerBody => ({
      ...{ peerId: peer, name: names.get(peer) ?? null },
      ...{ bytes, bytesPerSecond },
    })
    const receiving = (transfer: Transfer): ReceivingBody => {
      const { name, digest, state, doneBytes, ofBytes, localBytes, bytesPerSecond } = transfer
      return {
        ...{ name, sha256: digest, state, doneBytes, totalBytes: ofBytes, localBytes },
        ...{ bytesPerSecond, leftMs: leftMs(transfer) },
        startedAt: new Date(transfer.startedAtMs).toISOString(),
        holders: transfer.holders.map(peerBody),
      }
    }
    const sending = (serving: Serving): SendingBody => ({
      ...peerBody(serving),
      ...{ file: serving.name, sha256: serving.digest },
      startedAt: new Date(serving.startedAtMs).toISOString(),
    })
    const all = sync.transfers()
    return { receiving: all.receiving.map(receiving), sending: all.sending.map(sending) }
  }

  return {
    transfers: bodies,
    summary(): TransfersSummaryBody {
      const { receiving, sending } = sync.transfers()
      return {
        receiving: receiving.length,
        sending: sending.length,
        doneBytes: sum(receiving, ({ doneBytes }) => doneBytes),
        totalBytes: sum(receiving, ({ ofBytes }) => ofBytes),
        receivedPerSecond: sum(receiving, ({ bytesPerSecond }) => bytesPerSecond),
        sentPerSecond: sum(sending, ({ bytesPerSecond }) => bytesPerSecond),
      }
    },
  }
}
