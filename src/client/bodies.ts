import { boolean, hasMember, list, nullable, number, object, oneOf, text } from './shape.ts'
import type {
  BlocksBody,
  BlocksGcBody,
  BlocksProgressBody,
  BlocksReportBody,
  BlocksScrubBody,
  BlocksSummaryBody,
  BlocksVerifyLine,
  CertificateBody,
  CertificatesBody,
  ConfigurationEventBody,
  EventBody,
  FaultBody,
  FileBody,
  FileEventBody,
  FileChangeBody,
  FilesBody,
  FileStateBody,
  GapBody,
  HealthBody,
  HealthEventBody,
  HealthWarningBody,
  ExplainBody,
  HistoryBody,
  HistoryVersionBody,
  PeerBody,
  PeerEventBody,
  PeersBody,
  PeerVersionBody,
  RoundBody,
  RoundsBody,
  PreviewBody,
  PublicStatusBody,
  ReasonBody,
  ReceivingBody,
  RefusedEventBody,
  RevocationBody,
  SendingBody,
  SpreadBody,
  StatusBody,
  StoredBody,
  StreamStartBody,
  TransferEventBody,
  TransferPeerBody,
  TransfersBody,
  TransfersSummaryBody,
  TrustBody,
  VersionBody,
  WorkerBody,
} from '../api/index.ts'
import type { Shape } from './shape.ts'

const versionMembers = {
  id: text,
  version: number,
  time: text,
  expires: text,
  replaces: nullable(text),
  content: nullable(
    object<NonNullable<VersionBody['content']>>({
      sha256: text,
      sizeBytes: number,
      blocks: nullable(text),
    }),
  ),
  signers: list(text),
}

const version = object<VersionBody>(versionMembers)

const FILE_STATES = [
  ...(['shown', 'missing', 'too-large', 'too-old', 'deleted', 'expired', 'none'] as const),
] as const

const warning = object<HealthWarningBody>({
  code: text,
  subject: text,
  severity: oneOf('warning', 'error'),
  message: text,
  since: text,
})

const file = object<FileBody>({
  name: text,
  state: oneOf(...FILE_STATES),
  current: nullable(version),
  conflict: boolean,
  shownAt: nullable(text),
})

export const filesBody = object<FilesBody>({ networkId: text, files: list(file) })

export const historyBody = object<HistoryBody>({
  name: text,
  versions: list(
    object<HistoryVersionBody>({
      ...versionMembers,
      wins: boolean,
      conflict: boolean,
      contentHere: boolean,
    }),
  ),
})

export const explainBody = object<ExplainBody>({
  name: text,
  state: oneOf(...FILE_STATES, 'not-configured'),
  answer: text,
  reasons: list(object<ReasonBody>({ code: text, message: text })),
  next: list(text),
  policy: nullable(
    object<NonNullable<ExplainBody['policy']>>({
      selector: text,
      signers: list(text),
      threshold: number,
      deleteSigners: list(text),
    }),
  ),
  current: nullable(version),
  peers: list(
    object<ExplainBody['peers'][number]>({
      peerId: text,
      name: nullable(text),
      wants: nullable(boolean),
      offersContent: boolean,
    }),
  ),
  refusals: list(
    object<ExplainBody['refusals'][number]>({
      version: number,
      code: text,
      message: text,
      signers: list(text),
      from: text,
      at: text,
    }),
  ),
})

export const storedBody = object<StoredBody>({
  name: text,
  outcome: oneOf('stored', 'known'),
  current: version,
})

export const healthBody = object<HealthBody>({
  status: oneOf('ok', 'degraded', 'starting', 'stopping'),
  // Over TCP only code and severity are told.
  warnings: list((value, path) => {
    if (hasMember(value, 'message')) return warning(value, path)
    const { code, severity } = object<Pick<HealthWarningBody, 'code' | 'severity'>>({
      code: text,
      severity: oneOf('warning', 'error'),
    })(value, path)
    return { code, severity, subject: '', message: '', since: '' }
  }),
})

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

export const blocksBody = object<BlocksBody>({
  storedBlocks: number,
  storedBytes: number,
  quotaBytes: number,
  cachedBlocks: number,
  cachedBytes: number,
  cacheBytes: number,
  unreferencedBlocks: number,
  unreferencedBytes: number,
  contents: number,
  contentBlocks: number,
  contentBytes: number,
  assemblies: number,
  damagedBlocks: number,
  scrub: object<BlocksScrubBody>({
    running: boolean,
    bytesPerSecond: number,
    checkedBlocks: number,
    checkedBytes: number,
    damagedBlocks: number,
    totalBytes: number,
    begunAt: nullable(text),
    endedAt: nullable(text),
  }),
})

export const blocksGcBody = object<BlocksGcBody>({
  removedBlocks: number,
  removedBytes: number,
  waitingBlocks: number,
  strayFiles: number,
  strayBytes: number,
  abandonedAssemblies: number,
})

const checked = {
  checkedBlocks: number,
  checkedBytes: number,
  damagedBlocks: number,
  totalBytes: number,
}

const verifyLines: { readonly [T in BlocksVerifyLine['type']]: Shape<BlocksVerifyLine> } = {
  progress: object<BlocksProgressBody>({ type: oneOf('progress'), ...checked }),
  report: object<BlocksReportBody>({ type: oneOf('report'), ...checked, contradictions: number }),
  problem: object<Extract<BlocksVerifyLine, { type: 'problem' }>>({
    type: oneOf('problem'),
    code: text,
    detail: text,
  }),
}

/** A line of POST /blocks/verify. */
export const blocksVerifyLine: Shape<BlocksVerifyLine> = (value, path) => {
  const { type } = object<Pick<BlocksVerifyLine, 'type'>>({
    type: oneOf('progress', 'report', 'problem'),
  })(value, path)
  return verifyLines[type](value, path)
}

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

export const spreadBody = object<SpreadBody>({
  peers: list(
    object<SpreadBody['peers'][number]>({
      peerId: text,
      name: nullable(text),
      connected: boolean,
      comparedAt: nullable(text),
    }),
  ),
  files: list(
    object<SpreadBody['files'][number]>({
      name: text,
      version: nullable(number),
      peers: list(
        object<PeerVersionBody>({
          has: oneOf('same', 'before', 'refuses', 'other', 'unwanted', 'unknown'),
          version: nullable(number),
        }),
      ),
    }),
  ),
  next: nullable(text),
})

export const certificatesBody = object<CertificatesBody>({
  networkId: text,
  certificates: list(
    object<CertificateBody>({
      name: text,
      peerId: text,
      issued: text,
      expires: text,
      namespaces: list(text),
      sources: list(oneOf('own', 'listed', 'connected')),
      revokedAt: nullable(text),
      text,
    }),
  ),
  revoked: list(
    object<RevocationBody>({
      name: nullable(text),
      peerId: text,
      certificates: text,
      revokedAt: text,
    }),
  ),
})

export const previewBody = object<PreviewBody>({
  refused: nullable(text),
  restartNeeded: list(text),
  changes: list(
    object<FileChangeBody>({
      name: text,
      kind: oneOf('withdrawn', 'reverted', 'advanced', 'added', 'policy'),
      before: nullable(number),
      after: nullable(number),
      removedSigners: list(text),
      addedSigners: list(text),
    }),
  ),
})

const place = { cursor: text, at: text }

export const gapBody = object<GapBody>({
  ...place,
  type: oneOf('gap'),
  missed: nullable(number),
})

export const streamStartBody = object<StreamStartBody>({
  ...place,
  type: oneOf('start'),
  networkId: text,
})

const fileEvent = object<FileEventBody>({
  ...place,
  type: oneOf(
    ...(['file-shown', 'file-changed', 'file-deleted', 'file-expired'] as const),
    ...(['file-conflict', 'file-withdrawn'] as const),
  ),
  name: text,
  file: nullable(file),
})

/** By what each has and the others have not. */
export const eventBody: Shape<EventBody> = (value, path) => {
  const family = typeOf(value)?.split('-')[0]
  if (typeOf(value) === 'file-refused') return refusedEvent(value, path)
  if (family === 'peer') return peerEvent(value, path)
  if (family === 'health') return healthEvent(value, path)
  if (family === 'transfer') return transferEvent(value, path)
  if (family === 'configuration') return configurationEvent(value, path)
  return fileEvent(value, path)
}

const typeOf = (value: unknown): string | undefined => {
  const found = typeof value === 'object' && value !== null && 'type' in value ? value.type : ''
  return typeof found === 'string' ? found : undefined
}

const refusedEvent = object<RefusedEventBody>({
  ...place,
  type: oneOf('file-refused'),
  name: text,
  version: number,
  code: text,
  message: text,
  signers: list(text),
  from: text,
  suppressed: number,
})

const peerEvent = object<PeerEventBody>({
  ...place,
  type: oneOf('peer-connected', 'peer-gone'),
  peerId: text,
  peerName: nullable(text),
  address: nullable(text),
})

const healthEvent = object<HealthEventBody>({
  ...place,
  type: oneOf('health-raised', 'health-cleared'),
  code: text,
  subject: text,
  severity: oneOf('warning', 'error'),
  message: text,
})

const transferEvent = object<TransferEventBody>({
  ...place,
  type: oneOf('transfer'),
  name: text,
  direction: oneOf('receiving', 'sending'),
  phase: oneOf('begun', 'progress', 'done', 'failed'),
  doneBytes: number,
  totalBytes: number,
  peerId: nullable(text),
})

const configurationEvent = object<ConfigurationEventBody>({
  ...place,
  type: oneOf('configuration-reloaded'),
  applied: boolean,
  restartNeeded: list(text),
})

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
