import type {
  BlocksBody,
  BlocksGcBody,
  BlocksScrubBody,
  BlocksSummaryBody,
  CertificateBody,
  CertificatesBody,
  ConfigurationEventBody,
  EventsBody,
  FileEventBody,
  GapBody,
  HealthEventBody,
  PeerEventBody,
  RefusedEventBody,
  ReceivingBody,
  SendingBody,
  TransferEventBody,
  TransferPeerBody,
  TransfersBody,
  TransfersSummaryBody,
  FaultBody,
  FileBody,
  FileChangeBody,
  FilesBody,
  FileStateBody,
  HealthBody,
  HealthWarningBody,
  ExplainBody,
  HistoryBody,
  HistoryVersionBody,
  PeerBody,
  PeersBody,
  PeerVersionBody,
  RoundBody,
  RoundsBody,
  PreviewBody,
  PublicStatusBody,
  ReasonBody,
  RevocationBody,
  SpreadBody,
  StatusBody,
  StoredBody,
  TrustBody,
  VersionBody,
  WorkerBody,
} from '../api/index.ts'

/** JSON Schema of a value, as far as we need it. */
type Schema = Readonly<Record<string, unknown>>

const string: Schema = { type: 'string' }
const integer: Schema = { type: 'integer' }
const number: Schema = { type: 'number' }
const boolean: Schema = { type: 'boolean' }
const nullable = (schema: Schema): Schema => ({ ...schema, nullable: true })
const array = (items: Schema): Schema => ({ type: 'array', items })
const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values })

/** An object with exactly the members of `T`: one forgotten here does not compile. */
const object = <T>(properties: { readonly [K in keyof T]-?: Schema }): Schema => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
})

const version = {
  id: string,
  version: integer,
  time: string,
  expires: string,
  replaces: nullable(string),
  content: nullable(
    object<NonNullable<VersionBody['content']>>({
      sha256: string,
      sizeBytes: integer,
      blocks: nullable(string),
    }),
  ),
  signers: array(string),
}

const FILE_STATES = [
  ...['shown', 'missing', 'too-large', 'too-old', 'deleted', 'expired', 'none'],
] as const

const warning = object<HealthWarningBody>({
  code: string,
  subject: string,
  severity: oneOf('warning', 'error'),
  message: string,
  since: string,
})

const file = object<FileBody>({
  name: string,
  state: oneOf(...FILE_STATES),
  current: nullable(object<VersionBody>(version)),
  conflict: boolean,
  shownAt: nullable(string),
})

export const filesSchema = object<FilesBody>({ networkId: string, files: array(file) })

export const historySchema = object<HistoryBody>({
  name: string,
  versions: array(
    object<HistoryVersionBody>({
      ...version,
      wins: boolean,
      conflict: boolean,
      contentHere: boolean,
    }),
  ),
})

const reason = object<ReasonBody>({ code: string, message: string })

export const explainSchema = object<ExplainBody>({
  name: string,
  state: oneOf(...FILE_STATES, 'not-configured'),
  answer: string,
  reasons: array(reason),
  next: array(string),
  policy: nullable(
    object<NonNullable<ExplainBody['policy']>>({
      selector: string,
      signers: array(string),
      threshold: integer,
      deleteSigners: array(string),
    }),
  ),
  current: nullable(object<VersionBody>(version)),
  peers: array(
    object<ExplainBody['peers'][number]>({
      peerId: string,
      name: nullable(string),
      wants: nullable(boolean),
      offersContent: boolean,
    }),
  ),
  refusals: array(
    object<ExplainBody['refusals'][number]>({
      version: integer,
      code: string,
      message: string,
      signers: array(string),
      from: string,
      at: string,
    }),
  ),
})

export const storedSchema = object<StoredBody>({
  name: string,
  outcome: oneOf('stored', 'known'),
  current: object<VersionBody>(version),
})

export const healthSchema = object<HealthBody>({
  status: oneOf('ok', 'degraded', 'starting', 'stopping'),
  warnings: array(warning),
})

const transferPeer = {
  peerId: string,
  name: nullable(string),
  bytes: integer,
  bytesPerSecond: integer,
}

export const transfersSchema = object<TransfersBody>({
  receiving: array(
    object<ReceivingBody>({
      name: string,
      sha256: string,
      state: oneOf('searching', 'listing', 'fetching', 'finishing'),
      doneBytes: integer,
      totalBytes: integer,
      localBytes: integer,
      bytesPerSecond: integer,
      leftMs: nullable(integer),
      startedAt: string,
      holders: array(object<TransferPeerBody>(transferPeer)),
    }),
  ),
  sending: array(
    object<SendingBody>({ ...transferPeer, file: string, sha256: string, startedAt: string }),
  ),
})

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

export const spreadSchema = object<SpreadBody>({
  peers: array(
    object<SpreadBody['peers'][number]>({
      peerId: string,
      name: nullable(string),
      connected: boolean,
      comparedAt: nullable(string),
    }),
  ),
  files: array(
    object<SpreadBody['files'][number]>({
      name: string,
      version: nullable(integer),
      peers: array(
        object<PeerVersionBody>({
          has: oneOf('same', 'before', 'refuses', 'other', 'unwanted', 'unknown'),
          version: nullable(integer),
        }),
      ),
    }),
  ),
  next: nullable(string),
})

export const certificatesSchema = object<CertificatesBody>({
  networkId: string,
  certificates: array(
    object<CertificateBody>({
      name: string,
      peerId: string,
      issued: string,
      expires: string,
      namespaces: array(string),
      sources: array(oneOf('own', 'listed', 'connected')),
      revokedAt: nullable(string),
      text: string,
    }),
  ),
  revoked: array(
    object<RevocationBody>({
      name: nullable(string),
      peerId: string,
      certificates: string,
      revokedAt: string,
    }),
  ),
})

export const previewSchema = object<PreviewBody>({
  refused: nullable(string),
  restartNeeded: array(string),
  changes: array(
    object<FileChangeBody>({
      name: string,
      kind: oneOf('withdrawn', 'reverted', 'advanced', 'added', 'policy'),
      before: nullable(integer),
      after: nullable(integer),
      removedSigners: array(string),
      addedSigners: array(string),
    }),
  ),
})

const place = { cursor: string, at: string }

const gap = object<GapBody>({ ...place, type: oneOf('gap'), missed: nullable(integer) })

const event: Schema = {
  oneOf: [
    object<FileEventBody>({
      ...place,
      type: oneOf(
        ...['file-shown', 'file-changed', 'file-deleted'],
        ...['file-expired', 'file-conflict', 'file-withdrawn'],
      ),
      name: string,
      file: nullable(file),
    }),
    object<RefusedEventBody>({
      ...place,
      type: oneOf('file-refused'),
      name: string,
      version: integer,
      code: string,
      message: string,
      signers: array(string),
      from: string,
      suppressed: integer,
    }),
    object<PeerEventBody>({
      ...place,
      type: oneOf('peer-connected', 'peer-gone'),
      peerId: string,
      peerName: nullable(string),
      address: nullable(string),
    }),
    object<HealthEventBody>({
      ...place,
      type: oneOf('health-raised', 'health-cleared'),
      code: string,
      subject: string,
      severity: oneOf('warning', 'error'),
      message: string,
    }),
    object<TransferEventBody>({
      ...place,
      type: oneOf('transfer'),
      name: string,
      direction: oneOf('receiving', 'sending'),
      phase: oneOf('begun', 'progress', 'done', 'failed'),
      doneBytes: integer,
      totalBytes: integer,
      peerId: nullable(string),
    }),
    object<ConfigurationEventBody>({
      ...place,
      type: oneOf('configuration-reloaded'),
      applied: boolean,
      restartNeeded: array(string),
    }),
  ],
}

export const eventsSchema = object<EventsBody>({
  cursor: string,
  gap: nullable(gap),
  events: array(event),
})

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

export const blocksSchema = object<BlocksBody>({
  storedBlocks: integer,
  storedBytes: integer,
  quotaBytes: integer,
  cachedBlocks: integer,
  cachedBytes: integer,
  cacheBytes: integer,
  unreferencedBlocks: integer,
  unreferencedBytes: integer,
  contents: integer,
  contentBlocks: integer,
  contentBytes: integer,
  assemblies: integer,
  damagedBlocks: integer,
  scrub: object<BlocksScrubBody>({
    running: boolean,
    bytesPerSecond: integer,
    checkedBlocks: integer,
    checkedBytes: integer,
    damagedBlocks: integer,
    totalBytes: integer,
    begunAt: nullable(string),
    endedAt: nullable(string),
  }),
})

export const blocksGcSchema = object<BlocksGcBody>({
  removedBlocks: integer,
  removedBytes: integer,
  waitingBlocks: integer,
  strayFiles: integer,
  strayBytes: integer,
  abandonedAssemblies: integer,
})
