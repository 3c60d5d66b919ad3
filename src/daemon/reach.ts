import type { Reach } from '../http/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Sync } from '../sync/index.ts'
import type { Peering, PeerStatus, Transport } from '../transport/index.ts'
import type { createTransfers } from './transfers.ts'

interface Sources {
  readonly sync: Pick<Sync, 'about'>
  readonly transport: Pick<Transport, 'peers'>
  readonly peering: Pick<Peering, 'status'>
  readonly transfers: Pick<ReturnType<typeof createTransfers>, 'transfers'>
}

/** Configured ones first, then who was connected last. */
const byWeight = (a: PeerStatus, b: PeerStatus): number =>
  Number(b.bootstrap) - Number(a.bootstrap) || (b.lastConnectedMs ?? 0) - (a.lastConnectedMs ?? 0)

/** Who else has to do with a name, as GET /explain tells it. */
export const reachOf = (
  { sync, transport, peering, transfers }: Sources,
  name: FileName,
): Reach => {
  const { wants, missing } = sync.about(name)
  const holders = new Set(missing?.holders)
  const connected = transport.peers()
  const isConnected = new Set<string>(connected.map(({ id }) => id))
  return {
    peers: connected.map(({ id, name }) => ({
      peerId: id,
      name: name ?? null,
      wants: wants.get(id) ?? null,
      offersContent: holders.has(id),
    })),
    unreachable: peering
      .status()
      .filter(({ peerId }) => !isConnected.has(peerId))
      // Who was only heard of may not even be there.
      .filter(({ bootstrap, lastConnectedMs }) => bootstrap || lastConnectedMs !== undefined)
      .toSorted(byWeight)
      .map(({ peerId, name, lastError }) => ({
        peerId,
        name: name ?? null,
        lastError: lastError ?? null,
      })),
    lastError: missing?.lastError,
    arriving: transfers
      .transfers()
      .receiving.find((each) => each.name === name && each.bytesPerSecond > 0),
  }
}
