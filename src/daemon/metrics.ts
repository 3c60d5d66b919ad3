import { parseTimestamp } from '../util/index.ts'
import { MAX_NAMED_PEERS } from './limits.ts'
import type { HealthWarningBody, PeersBody, StatusBody } from '../api/index.ts'
import type { Blocks } from '../blocks/index.ts'
import type { Hooks } from '../hooks/index.ts'
import type { MetricInit, Reading, Workers } from '../observe/index.ts'
import type { Sync } from '../sync/index.ts'
import type { Libp2pTransport } from '../transport/index.ts'

/** Where the numbers are. */
export interface MetricSources {
  readonly hooks: Pick<Hooks, 'counts'>
  readonly sync: Pick<Sync, 'status'>
  readonly workers: Pick<Workers, 'list'>
  readonly transport: Pick<Libp2pTransport, 'counts' | 'faults'>
  status(): StatusBody
  peers(): PeersBody
  readonly blocks: Pick<Blocks, 'stat'>
  warnings(): readonly HealthWarningBody[]
}

/** Of counts by code, of which there are few. */
const byCode = (counts: Readonly<Partial<Record<string, number>>>): Reading[] =>
  Object.entries(counts).map(([code, value = 0]) => ({ value, labels: { code } }))

/** A time as seconds since the epoch; none for what is no time, as `never`. */
const seconds = (time: string | null | undefined): number | undefined => {
  const timeMs = time === null || time === undefined ? undefined : parseTimestamp(time)
  return timeMs === undefined ? undefined : timeMs / 1000
}

const countBy = <T>(
  items: Iterable<T>,
  labelsOf: (item: T) => Readonly<Record<string, string>>,
): Reading[] => {
  const found = new Map<string, { value: number; labels: Readonly<Record<string, string>> }>()
  for (const item of items) {
    const labels = labelsOf(item)
    const key = JSON.stringify(labels)
    const entry = found.get(key) ?? { value: 0, labels }
    entry.value++
    found.set(key, entry)
  }
  return [...found.values()]
}

/** What the daemon as a whole tells Prometheus; `docs/metrics.md` has the same list. */
export const daemonMetrics = (sources: MetricSources): readonly MetricInit[] => {
  const { sync, workers, transport, blocks, status, peers, warnings } = sources
  const counts = () => sync.status().counts
  const gauge = (name: string, help: string, read: MetricInit['read'], labels?: string[]) =>
    ({ type: 'gauge', name, help, read, ...(labels && { labels }) }) as const
  const counter = (name: string, help: string, read: MetricInit['read'], labels?: string[]) =>
    ({ type: 'counter', name, help, read, ...(labels && { labels }) }) as const

  return [
    gauge(
      'mesh_build_info',
      'Always 1; which version runs.',
      () => [{ value: 1, labels: { version: status().version } }],
      ['version'],
    ),
    gauge('mesh_peers_connected', 'Members of the mesh connected now.', () => {
      return status().peersConnected
    }),
    gauge('mesh_peers_known', 'Members of the mesh known, connected or not.', () => {
      return peers().peers.length
    }),
    gauge('mesh_peers_avoided', 'Peers that are avoided after faults.', () => {
      return peers().peers.filter((peer) => peer.avoidedUntil !== null).length
    }),
    counter(
      'mesh_peer_faults_total',
      'Faults of peers, by error code.',
      () => byCode(transport.counts().faults),
      ['code'],
    ),
    gauge(
      'mesh_faulty_peer_faults',
      'Faults of the 32 peers that were last at fault.',
      () =>
        [...(transport.faults?.() ?? [])]
          .slice(-MAX_NAMED_PEERS)
          .map(([peer, { name, counts }]) => ({
            value: Object.values(counts).reduce((sum, count) => sum + count, 0),
            labels: { peer, name: name ?? '' },
          })),
      ['peer', 'name'],
    ),
    counter(
      'mesh_connections_refused_total',
      'Connections that did not come about, by error code.',
      () => byCode(transport.counts().refused),
      ['code'],
    ),
    gauge(
      'mesh_files',
      'Files that this node is configured for, by state.',
      () => Object.entries(status().files).map(([state, value]) => ({ value, labels: { state } })),
      ['state'],
    ),
    gauge('mesh_files_fetching', 'Files whose content is being fetched.', () => {
      return sync.status().fetching.length
    }),
    gauge('mesh_sync_neighbours', 'Peers that announcements go to.', () => {
      return sync.status().neighbours.length
    }),
    counter('mesh_announcements_sent_total', 'Records announced to neighbours.', () => {
      return counts().announcementsSent
    }),
    counter('mesh_announcements_received_total', 'Records that neighbours announced.', () => {
      return counts().announcementsReceived
    }),
    counter('mesh_announcements_relayed_total', 'Records passed on that are not kept here.', () => {
      return counts().relayed
    }),
    counter('mesh_announcements_refused_total', 'Announced records that were refused.', () => {
      return counts().refused
    }),
    counter(
      'mesh_push_pulls_total',
      'Push-pull rounds that ended, whoever began them.',
      () => {
        const { equal, differed, failed } = counts().pushPulls
        return Object.entries({ equal, differed, failed }).map(([outcome, value]) => ({
          value,
          labels: { outcome },
        }))
      },
      ['outcome'],
    ),
    counter(
      'mesh_push_pull_differences_total',
      'Records that either side lacked, as push-pull found them.',
      () => counts().pushPulls.differences,
    ),
    counter(
      'mesh_push_pull_bytes_total',
      'Bytes of push-pull frames, records included.',
      () => [
        { value: counts().pushPulls.sentBytes, labels: { direction: 'sent' } },
        { value: counts().pushPulls.receivedBytes, labels: { direction: 'received' } },
      ],
      ['direction'],
    ),
    gauge(
      'mesh_push_pull_peers',
      'Connected peers by what the last round with them came to.',
      () =>
        Object.entries(status().sync.lastRounds).map(([outcome, value]) => ({
          value,
          labels: { outcome },
        })),
      ['outcome'],
    ),
    gauge('mesh_push_pull_last_timestamp_seconds', 'When the last push-pull ended.', () => {
      const last = sync.status().lastPushPull
      return last === undefined ? undefined : last.atMs / 1000
    }),
    counter('mesh_content_fetches_total', 'Contents fetched from peers.', () => {
      return counts().contentFetches
    }),
    counter('mesh_content_fetch_failures_total', 'Attempts to fetch content that failed.', () => {
      return counts().contentFailures
    }),
    counter(
      'mesh_block_bytes_total',
      'Bytes of blocks: verified ones that came, and all that went.',
      () => [
        { value: counts().blockBytesSent, labels: { direction: 'sent' } },
        { value: counts().blockBytesReceived, labels: { direction: 'received' } },
      ],
      ['direction'],
    ),
    gauge(
      'mesh_transfers',
      'Contents on their way now; each peer that gets one counts.',
      () => {
        const { receiving, sending } = status().transfers
        return [
          { value: sending, labels: { direction: 'sent' } },
          { value: receiving, labels: { direction: 'received' } },
        ]
      },
      ['direction'],
    ),
    counter(
      'mesh_hook_runs_total',
      'Hooks that ended, by outcome.',
      () => {
        const { succeeded, failed, timedOut } = sources.hooks.counts()
        return [
          { value: succeeded, labels: { outcome: 'succeeded' } },
          { value: failed, labels: { outcome: 'failed' } },
          { value: timedOut, labels: { outcome: 'timed-out' } },
        ]
      },
      ['outcome'],
    ),
    gauge('mesh_hooks_running', 'Hooks that run now.', () => sources.hooks.counts().running),
    gauge('mesh_hooks_waiting', 'Files whose hook waits for its turn.', () => {
      return sources.hooks.counts().waiting
    }),
    gauge(
      'mesh_blocks_stored',
      'Blocks in the store itself, by why they are there.',
      () => {
        const { storedBlocks, cachedBlocks, unreferencedBlocks } = blocks.stat()
        return [
          { value: storedBlocks - cachedBlocks - unreferencedBlocks, labels: { kept: 'pinned' } },
          { value: cachedBlocks, labels: { kept: 'cache' } },
          { value: unreferencedBlocks, labels: { kept: 'unreferenced' } },
        ]
      },
      ['kept'],
    ),
    gauge('mesh_blocks_stored_bytes', 'Bytes of blocks in the store itself.', () => {
      return blocks.stat().storedBytes
    }),
    gauge('mesh_blocks_quota_bytes', 'Room for them.', () => blocks.stat().quotaBytes),
    gauge('mesh_blocks_content_bytes', 'Bytes of files that serve their own blocks.', () => {
      return blocks.stat().contentBytes
    }),
    gauge('mesh_blocks_damaged', 'Blocks that were found wrong and are not replaced yet.', () => {
      return blocks.stat().damagedBlocks
    }),
    gauge('mesh_blocks_scrubbed_bytes', 'Checked by the scrub under way, else the last.', () => {
      return blocks.stat().scrub.checkedBytes
    }),
    gauge(
      'mesh_blocks_scrub_end_timestamp_seconds',
      'When the last check of all blocks ended.',
      () => {
        const { endedAtMs } = blocks.stat().scrub
        return endedAtMs === undefined ? undefined : endedAtMs / 1000
      },
    ),
    gauge(
      'mesh_health_warnings',
      'What is wrong now, by code.',
      () => countBy(warnings(), ({ code, severity }) => ({ code, severity })),
      ['code', 'severity'],
    ),
    counter(
      'mesh_worker_runs_total',
      'Runs of each background worker.',
      () => workers.list().map(({ name, runs }) => ({ value: runs, labels: { worker: name } })),
      ['worker'],
    ),
    counter(
      'mesh_worker_failures_total',
      'Runs of each background worker that failed.',
      () =>
        workers.list().map(({ name, failures }) => ({
          value: failures,
          labels: { worker: name },
        })),
      ['worker'],
    ),
    gauge('mesh_certificate_expiry_timestamp_seconds', "When this node's certificate ends.", () => {
      return seconds(status().certificate?.expires)
    }),
    gauge('mesh_heartbeat_expiry_timestamp_seconds', "When the network's heartbeat ends.", () => {
      return seconds(status().trust?.heartbeat?.expires)
    }),
  ]
}
