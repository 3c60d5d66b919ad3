import { warning } from './health.ts'
import { array, boolean, integer, nullable, number, object, oneOf, string } from './json-schema.ts'
import type {
  BlocksSummaryBody,
  FileStateBody,
  PublicStatusBody,
  RoundsBody,
  StatusBody,
  TransfersSummaryBody,
  TrustBody,
  WorkerBody,
} from '../../api/index.ts'

const publicStatus = { version: string, networkId: string, peerId: string }

export const publicStatusSchema = object<PublicStatusBody>(publicStatus)

export const statusSchema = object<StatusBody>({
  ...publicStatus,
  certificate: nullable(
    object<NonNullable<StatusBody['certificate']>>({ name: string, expires: string }),
  ),
  trust: nullable(
    object<TrustBody>({
      certificates: object<TrustBody['certificates']>({
        version: nullable(integer),
        count: integer,
      }),
      revoked: object<TrustBody['revoked']>({ version: nullable(integer), count: integer }),
      heartbeat: nullable(
        object<NonNullable<TrustBody['heartbeat']>>({
          version: integer,
          expires: string,
          stale: boolean,
        }),
      ),
    }),
  ),
  startedAt: string,
  uptimeMs: number,
  addresses: array(string),
  urls: array(string),
  peersConnected: integer,
  files: object<Record<FileStateBody, number>>({
    shown: integer,
    missing: integer,
    'too-large': integer,
    'too-old': integer,
    deleted: integer,
    expired: integer,
    none: integer,
  }),
  catalogueDigest: string,
  sync: object<StatusBody['sync']>({
    neighbours: array(string),
    lastPushPullAt: nullable(string),
    lastRounds: object<StatusBody['sync']['lastRounds']>({
      equal: integer,
      differed: integer,
      failed: integer,
      none: integer,
    }),
    rounds: object<RoundsBody>({
      equal: integer,
      differed: integer,
      failed: integer,
      differences: integer,
      sentBytes: integer,
      receivedBytes: integer,
    }),
    fetching: array(string),
  }),
  blocks: object<BlocksSummaryBody>({
    storedBytes: integer,
    contentBytes: integer,
    damagedBlocks: integer,
    scrubbing: boolean,
  }),
  transfers: object<TransfersSummaryBody>({
    receiving: integer,
    sending: integer,
    doneBytes: integer,
    totalBytes: integer,
    receivedPerSecond: integer,
    sentPerSecond: integer,
  }),
  workers: array(
    object<WorkerBody>({
      name: string,
      state: oneOf('idle', 'running', 'stopped'),
      runs: integer,
      failures: integer,
      lastError: nullable(string),
      nextRunInMs: nullable(number),
    }),
  ),
  health: array(warning),
})
