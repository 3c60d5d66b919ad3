import { isMeshError, MeshError } from '../errors/index.ts'
import { compareStatements } from '../statement/index.ts'
import {
  CERTIFICATES_FILE,
  decodeCertificates,
  decodeHeartbeat,
  decodeRevocations,
  HEARTBEAT_FILE,
  isRevokedBy,
  REVOKED_FILE,
  revokedError,
  trustFiles,
  wrongNetwork,
} from '../trust/index.ts'
import { concatBytes } from '../util/index.ts'
import { createHeartbeatWatch } from './heartbeat-watch.ts'
import { createTrustStore } from './trust-store.ts'
import type { TrustBody } from '../api/index.ts'
import type { FilePolicy, Files, FileView, OpenFile } from '../files/index.ts'
import type { NodeCertificate, PublicKey } from '../keys/index.ts'
import type { Health, Logger, Worker, Workers } from '../observe/index.ts'
import type { FileName, NetworkId } from '../statement/index.ts'
import type { Store } from '../store/index.ts'
import type { CertificateList, Heartbeat, Revocation, RevocationList } from '../trust/index.ts'
import type { Clock } from '../util/index.ts'
import type { Part } from './lifecycle.ts'
import type { KeptFile } from './trust-store.ts'

/** Everybody on the machine may read them: they hold no secret, and other programs may want them. */
const MODE = 0o644
/** They are read when they change; this is for what was missed. */
const TRUST_INTERVAL_MS = 60_000

/** The network's own files, which every node of a network with network keys wants. */
export const trustPolicies = (networkKeys: readonly PublicKey[]): FilePolicy[] =>
  networkKeys.length === 0
    ? []
    : trustFiles.map((file) => ({ ...file, signers: networkKeys, mode: MODE }))

/** A policy as far as who was revoked decides about it: what the revoked published counts no more. */
export const withRevoked = (policy: FilePolicy, list: RevocationList | undefined): FilePolicy => {
  if (policy.self === undefined || list === undefined) return policy
  const entries = [...list.revocations].map(
    ([key, { certificates }]) => [key, certificates] as const,
  )
  return { ...policy, self: { ...policy.self, revoked: new Map(entries) } }
}

/**
 * The revocations that were in force when this node last stopped. They are needed before the files
 * start, let alone can be read: nothing of a revoked node may be shown meanwhile.
 */
export const keptRevocations = (
  components: { readonly store: Store; readonly logger: Logger },
  { network, networkKeys }: { network: NetworkId; networkKeys: readonly PublicKey[] },
): RevocationList | undefined => {
  const file = createTrustStore(components).file(REVOKED_FILE)
  if (file === undefined || !isSignedBy(file, networkKeys)) return undefined
  try {
    const list = decodeRevocations(file.content)
    return list.network === network ? list : undefined
  } catch (error) {
    if (isMeshError(error, 'ERR_TRUST_MALFORMED')) return undefined
    throw error
  }
}

/** What the network's own files say now. */
export interface TrustFiles extends Part {
  /** The newest certificate listed for a key; not verified. */
  known(key: PublicKey): string | undefined
  /** Certificates for our own key that have come through the mesh; not verified. */
  own(): readonly string[]
  revocation(key: PublicKey): Revocation | undefined
  /** @throws MeshError `ERR_CERTIFICATE_REVOKED` */
  checkRevoked(certificate: NodeCertificate): void
  /** Why no certificate of a key counts any more. */
  keyRevoked(key: PublicKey): MeshError | undefined
  listed(): CertificateList | undefined
  revocations(): RevocationList | undefined
  /** `null` without network keys. */
  status(): TrustBody | null
  /** Keeps our own certificate for the next start. */
  keepOwn(certificate: string): Promise<void>
  /** Looks again, as after a reload. */
  refresh(): Promise<void>
}

export interface TrustFilesComponents {
  readonly files: Files
  /** Open. */
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly health: Health
  readonly workers: Workers
}

export interface TrustFilesInit {
  readonly network: NetworkId
  /** Our own. */
  readonly key: PublicKey
  networkKeys(): readonly PublicKey[]
  /** Certificates or revocations have changed. */
  onChange(): Promise<void>
}

const isSignedBy = ({ signed }: KeptFile, keys: readonly PublicKey[]): boolean =>
  signed.signatures.some(({ key }) => keys.includes(key))

const readAll = async (file: OpenFile, signal: AbortSignal): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = []
  for await (const piece of file.stream({ signal })) pieces.push(Uint8Array.from(piece))
  return concatBytes(...pieces)
}

/**
 * Reads the network's own files whenever they change. The last revocations and certificates whose
 * content was here stay in force until something newer is here, over restarts too: missing content, a
 * damaged disk or an expiry must not give anybody a right back.
 */
export const createTrustFiles = (
  components: TrustFilesComponents,
  init: TrustFilesInit,
): TrustFiles => {
  const { files, logger, health, workers } = components
  const kept = createTrustStore(components)
  const heartbeat = createHeartbeatWatch(components)
  const names = new Set<FileName>(trustFiles.map(({ name }) => name))
  /** Statements that were read, so that nothing is read twice. */
  const read = new Map<FileName, string>()
  let certificates: CertificateList | undefined
  let revocations: RevocationList | undefined
  let ownKept: string | undefined
  let worker: Worker | undefined
  /** Something was read that those who asked to hear of it have not taken over yet. */
  let isNews = false
  let looking: Promise<void> = Promise.resolve()

  const shown = async (name: FileName, signal: AbortSignal): Promise<KeptFile | undefined> => {
    const file = await files.open(name, { signal })
    if (file === undefined) return undefined
    return { signed: file.record.signed, content: await readAll(file, signal) }
  }

  /** Whether nobody wants the file, or a network key has deleted it. */
  const isGone = (view: FileView | undefined): boolean =>
    view === undefined || view.winner?.signed.statement.content === 'deleted'

  /** What is shown and what was kept, the greater first, as far as a network key vouches for it. */
  const candidates = async (name: FileName, signal: AbortSignal): Promise<KeptFile[]> => {
    if (isGone(files.view(name))) return []
    const [now, before] = [await shown(name, signal), kept.file(name)]
    const old = before === undefined || !isSignedBy(before, init.networkKeys()) ? [] : [before]
    return [...(now === undefined ? [] : [now]), ...old].sort((a, b) =>
      compareStatements(b.signed, a.signed),
    )
  }

  const decodeOwn = <T extends { readonly network: NetworkId }>(
    name: FileName,
    { content }: KeptFile,
    decode: (bytes: Uint8Array) => T,
  ): T | MeshError => {
    try {
      const value = decode(content)
      return value.network === init.network ? value : wrongNetwork(name, value.network)
    } catch (error) {
      if (isMeshError(error, 'ERR_TRUST_MALFORMED')) return error
      throw error
    }
  }

  const warn = (name: FileName, error: MeshError | undefined): void => {
    if (error === undefined) {
      health.clear('trust-file-malformed', name)
      return
    }
    health.raise({
      code: 'trust-file-malformed',
      subject: name,
      severity: 'error',
      message: `the last good version stays in force: ${error.message}; bring an older version back with "mesh file restore ${name} --version … --force" (see mesh file history ${name}) and the network key`,
    })
  }

  /** Reads one file if it is another one than before; answers whether it is. */
  const update = async <T extends { readonly network: NetworkId }>(
    name: FileName,
    decode: (bytes: Uint8Array) => T,
    use: (value: T | undefined) => void,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const found = await candidates(name, signal)
    const ids = found.map(({ signed }) => signed.id).join(' ')
    if (read.get(name) === ids) return false
    let wrong: MeshError | undefined
    let good: { readonly file: KeptFile; readonly value: T } | undefined
    for (const file of found) {
      const value = decodeOwn(name, file, decode)
      if (!(value instanceof MeshError)) good = { file, value }
      else wrong ??= value
      if (good !== undefined) break
    }
    use(good?.value)
    if (name !== HEARTBEAT_FILE) await kept.keepFile(name, good?.file)
    read.set(name, ids)
    warn(name, wrong)
    if (good === undefined) return true
    const { version } = good.file.signed.statement
    logger.info({ name, version }, 'the network has new word')
    return true
  }

  const updates: readonly ((signal: AbortSignal) => Promise<boolean>)[] = [
    (signal) =>
      update(
        REVOKED_FILE,
        decodeRevocations,
        (value) => {
          revocations = value
        },
        signal,
      ),
    (signal) =>
      update(
        CERTIFICATES_FILE,
        decodeCertificates,
        (value) => {
          certificates = value
        },
        signal,
      ),
    async (signal) => {
      await update<Heartbeat>(HEARTBEAT_FILE, decodeHeartbeat, heartbeat.heard, signal)
      return false
    },
  ]

  /** Each file by itself: one that cannot be read must not keep word of a revocation from counting. */
  const look = async (signal: AbortSignal): Promise<void> => {
    const failures: unknown[] = []
    for (const update of updates) {
      try {
        if (await update(signal)) isNews = true
      } catch (error) {
        failures.push(error)
      }
    }
    const dueMs = heartbeat.check()
    if (dueMs !== undefined) worker?.wake(Math.max(1, dueMs))
    if (isNews) {
      await init.onChange()
      isNews = false
    }
    if (failures.length > 0) throw failures[0]
  }

  /** One look at a time: what an older one reads must not replace what a newer one has read. */
  const run = (signal: AbortSignal): Promise<void> => {
    const done = looking.then(() => look(signal))
    looking = done.catch(() => {})
    return done
  }

  const onFile = ({ name }: { name: FileName }): void => {
    if (names.has(name)) worker?.wake()
  }

  return {
    async start() {
      if (worker !== undefined) return
      ownKept = kept.own()
      isNews = true
      await run(new AbortController().signal)
      files.events.on('change', onFile)
      worker = workers.add({
        name: 'trust',
        intervalMs: TRUST_INTERVAL_MS,
        run: (signal) => run(signal),
      })
      // What changed while the first look was under way.
      worker.wake()
    },
    async stop() {
      files.events.off('change', onFile)
      await worker?.stop()
      worker = undefined
    },
    known: (key) => certificates?.certificates.get(key)?.text,
    own() {
      const listed = certificates?.certificates.get(init.key)?.text
      return [listed, ownKept].filter((each) => each !== undefined)
    },
    revocation: (key) => revocations?.revocations.get(key),
    checkRevoked(certificate) {
      const revocation = revocations?.revocations.get(certificate.key)
      if (revocation !== undefined && isRevokedBy(revocation, certificate)) {
        throw revokedError(certificate, revocation)
      }
    },
    keyRevoked(key) {
      const revocation = revocations?.revocations.get(key)
      if (revocation?.certificates !== 'all') return undefined
      const name = certificates?.certificates.get(key)?.certificate.name ?? revocation.name
      return revokedError({ name: name ?? 'a node of this key' }, revocation)
    },
    listed: () => certificates,
    revocations: () => revocations,
    status() {
      if (init.networkKeys().length === 0) return null
      const version = (name: FileName) => files.view(name)?.winner?.signed.statement.version ?? null
      const count = (map: ReadonlyMap<PublicKey, unknown> | undefined) => map?.size ?? 0
      return {
        certificates: {
          version: version(CERTIFICATES_FILE),
          count: count(certificates?.certificates),
        },
        revoked: { version: version(REVOKED_FILE), count: count(revocations?.revocations) },
        heartbeat: heartbeat.status(),
      }
    },
    async keepOwn(certificate) {
      if (certificate === ownKept) return
      await kept.keepOwn(certificate)
      ownKept = certificate
    },
    refresh: () => run(new AbortController().signal),
  }
}
