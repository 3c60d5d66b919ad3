import { publicKeyFromPeerId } from '../keys/index.ts'
import { trustFiles as reservedFiles } from '../trust/index.ts'
import { outcomeOf } from '../sync/index.ts'
import { revokedError } from '../trust/index.ts'
import { compareText, formatTimestamp } from '../util/index.ts'
import { listCertificates } from './certificates.ts'
import { summarizeBlocks } from './blocks.ts'
import { reachOf } from './reach.ts'
import { createTransfers } from './transfers.ts'
import type { CertificatesBody, HealthWarningBody } from '../api/index.ts'
import type { PeerBody, PeersBody, RoundBody, StatusBody } from '../api/index.ts'
import type { Blocks } from '../blocks/index.ts'
import type { Files } from '../files/index.ts'
import type { NodeCertificate, PeerId, PublicKey } from '../keys/index.ts'
import type { Health, Workers } from '../observe/index.ts'
import type { Reach } from '../http/index.ts'
import type { FileName, NetworkId } from '../statement/index.ts'
import type { RoundReport, Sync } from '../sync/index.ts'
import type { Faults, Peering, Transport } from '../transport/index.ts'
import type { Clock } from '../util/index.ts'
import type { TrustFiles } from './trust-files.ts'

/** What a daemon's words about itself are made of. */
export interface StatusSources {
  readonly version: string
  readonly networkId: NetworkId
  /** As they are configured now. */
  networkKeys(): readonly PublicKey[]
  readonly clock: Clock
  readonly health: Health
  readonly workers: Workers
  readonly files: Files
  readonly blocks: Pick<Blocks, 'stat'>
  readonly transport: Transport
  readonly peering: Peering
  readonly sync: Sync
  readonly trustFiles: Pick<TrustFiles, 'status' | 'revocation' | 'listed' | 'revocations'>
  certificate(): NodeCertificate | undefined
  /** Of the HTTP API over TCP. */
  urls(): readonly string[]
  /** Text of the certificate that we show, or why there is none. */
  ownCertificate(): string | Error | undefined
}

const isoTime = (timeMs: number | undefined): string | null =>
  timeMs === undefined ? null : new Date(timeMs).toISOString()

/** By counting, not by looking: there may be a million. */
const countStates = (files: Files): StatusBody['files'] => {
  const counts = { ...files.counts() }
  // The network's own files count from when there is one.
  for (const { name } of reservedFiles) {
    if (files.view(name)?.state === 'none') counts.none--
  }
  return counts
}

/** What is wrong now, as the API tells it. */
export const warningBodies = (health: Health): HealthWarningBody[] =>
  health.list().map(({ sinceMs, ...warning }) => ({
    ...warning,
    since: new Date(sinceMs).toISOString(),
  }))

const roundBody = (round: RoundReport | undefined): RoundBody | null => {
  if (round === undefined) return null
  const { peer: _, sentBytes: _sent, atMs, error = null, ...rest } = round
  return { ...rest, at: new Date(atMs).toISOString(), error }
}

/** What the last round with each connected peer came to. */
const countLastRounds = (
  peers: readonly { id: PeerId }[],
  rounds: readonly RoundReport[],
): StatusBody['sync']['lastRounds'] => {
  const outcomes = new Map(rounds.map((round) => [round.peer, outcomeOf(round)]))
  const counts = { equal: 0, differed: 0, failed: 0, none: 0 }
  for (const { id } of peers) counts[outcomes.get(id) ?? 'none']++
  return counts
}

/** Peers that are here first; by name, those without one last. */
const byStanding = (a: PeerBody, b: PeerBody): number =>
  Number(b.connected) - Number(a.connected) ||
  Number(a.name === null) - Number(b.name === null) ||
  compareText(a.name ?? '', b.name ?? '') ||
  compareText(a.peerId, b.peerId)

/** Answers GET /status and GET /peers. */
export const createStatus = (sources: StatusSources) => {
  const { clock, health, workers, files, blocks, transport, peering, sync, trustFiles } = sources
  const transfers = createTransfers({ sync, transport })
  const startedAt = new Date(clock.nowMs()).toISOString()
  const startedMs = clock.monotonicMs()

  return {
    status(): StatusBody {
      const certificate = sources.certificate()
      const { neighbours, lastPushPull, fetching, rounds, counts } = sync.status()
      return {
        version: sources.version,
        networkId: sources.networkId,
        peerId: transport.peerId,
        certificate:
          certificate === undefined
            ? null
            : { name: certificate.name, expires: formatTimestamp(certificate.expires) },
        trust: trustFiles.status(),
        startedAt,
        uptimeMs: Math.round(clock.monotonicMs() - startedMs),
        addresses: transport.addresses(),
        urls: sources.urls(),
        peersConnected: transport.peers().length,
        files: countStates(files),
        catalogueDigest: files.digest(),
        sync: {
          neighbours,
          lastPushPullAt: isoTime(lastPushPull?.atMs),
          lastRounds: countLastRounds(transport.peers(), rounds),
          rounds: { ...counts.pushPulls },
          fetching,
        },
        transfers: transfers.summary(),
        blocks: summarizeBlocks(blocks),
        workers: workers.list().map(({ lastError, nextRunInMs, ...worker }) => ({
          ...worker,
          lastError: lastError ?? null,
          nextRunInMs: nextRunInMs === undefined ? null : Math.round(nextRunInMs),
        })),
        health: warningBodies(health),
      }
    },
    peers(): PeersBody {
      const { neighbours: told, rounds } = sync.status()
      const neighbours = new Set(told)
      const lastRounds = new Map(rounds.map((round) => [round.peer, round]))
      const known = new Map(peering.status().map((each) => [each.peerId, each]))
      const connected = new Map(transport.peers().map((peer) => [peer.id, peer]))
      // Some of those at fault were never dialled, and have no address here.
      const faults = transport.faults?.() ?? new Map<PeerId, Faults>()
      const ids = [...new Set([...connected.keys(), ...known.keys(), ...faults.keys()])]
      return {
        peers: ids
          .map((peerId): PeerBody => {
            const peer = connected.get(peerId)
            const revocation = trustFiles.revocation(publicKeyFromPeerId(peerId))
            const why =
              revocation === undefined || peer !== undefined
                ? known.get(peerId)?.lastError
                : revokedError({ name: revocation.name ?? peerId }, revocation).message
            return {
              peerId,
              name:
                peer?.name ??
                known.get(peerId)?.name ??
                faults.get(peerId)?.name ??
                revocation?.name ??
                null,
              connected: peer !== undefined,
              address: peer?.address ?? known.get(peerId)?.address ?? null,
              direction: peer?.direction ?? null,
              connectedAt: isoTime(peer?.connectedAtMs),
              roundTripMs: peer?.roundTripMs ?? null,
              neighbour: neighbours.has(peerId),
              avoidedUntil: isoTime(transport.avoidedUntilMs?.(peerId)),
              faults: Object.entries(faults.get(peerId)?.counts ?? {}).map(([code, count]) => ({
                code,
                count,
              })),
              revokedAt: isoTime(revocation?.revokedAt),
              lastError: why ?? null,
              lastRound: roundBody(lastRounds.get(peerId)),
              told: known.get(peerId)?.told ?? null,
            }
          })
          .sort(byStanding),
      }
    },
    transfers: transfers.transfers,
    certificates: (): CertificatesBody => listCertificates(sources),
    reach: (name: FileName): Reach => reachOf({ sync, transport, peering, transfers }, name),
  }
}
