import { boolean, hasMember, list, nullable, number, object, oneOf, text } from '../shape.ts'
import { warning } from './health.ts'
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
import type { Shape } from '../shape.ts'

const publicStatus = { version: text, networkId: text, peerId: text }

const fullStatus = object<StatusBody>({
  ...publicStatus,
  certificate: nullable(
    object<NonNullable<StatusBody['certificate']>>({ name: text, expires: text }),
  ),
  trust: nullable(
    object<TrustBody>({
      certificates: object<TrustBody['certificates']>({ version: nullable(number), count: number }),
      revoked: object<TrustBody['revoked']>({ version: nullable(number), count: number }),
      heartbeat: nullable(
        object<NonNullable<TrustBody['heartbeat']>>({
          version: number,
          expires: text,
          stale: boolean,
        }),
      ),
    }),
  ),
  startedAt: text,
  uptimeMs: number,
  addresses: list(text),
  urls: list(text),
  peersConnected: number,
  files: object<Record<FileStateBody, number>>({
    shown: number,
    missing: number,
    'too-large': number,
    'too-old': number,
    deleted: number,
    expired: number,
    none: number,
  }),
  catalogueDigest: text,
  sync: object<StatusBody['sync']>({
    neighbours: list(text),
    lastPushPullAt: nullable(text),
    lastRounds: object<StatusBody['sync']['lastRounds']>({
      equal: number,
      differed: number,
      failed: number,
      none: number,
    }),
    rounds: object<RoundsBody>({
      equal: number,
      differed: number,
      failed: number,
      differences: number,
      sentBytes: number,
      receivedBytes: number,
    }),
    fetching: list(text),
  }),
  blocks: object<BlocksSummaryBody>({
    storedBytes: number,
    contentBytes: number,
    damagedBlocks: number,
    scrubbing: boolean,
  }),
  transfers: object<TransfersSummaryBody>({
    receiving: number,
    sending: number,
    doneBytes: number,
    totalBytes: number,
    receivedPerSecond: number,
    sentPerSecond: number,
  }),
  workers: list(
    object<WorkerBody>({
      name: text,
      state: oneOf('idle', 'running', 'stopped'),
      runs: number,
      failures: number,
      lastError: nullable(text),
      nextRunInMs: nullable(number),
    }),
  ),
  health: list(warning),
})

export const statusBody: Shape<StatusBody | PublicStatusBody> = (value, path) =>
  hasMember(value, 'startedAt')
    ? fullStatus(value, path)
    : object<PublicStatusBody>(publicStatus)(value, path)
