import { MeshError } from '../errors/index.ts'
import { verifyCertificate } from '../keys/index.ts'
import type { Config } from '../config/index.ts'
import type { PublicKey } from '../keys/index.ts'
import type { Health } from '../observe/index.ts'
import type { Trust } from './trust.ts'

/** What a running daemon cannot change, by the name it has in the configuration file. */
const fixed: Readonly<Record<string, (config: Config) => unknown>> = {
  state_dir: ({ stateDir }) => stateDir,
  'network.id': ({ network }) => network.id,
  'network.identity_key': ({ network }) => network.identityKeyPath,
  'cluster.listen': ({ cluster }) => cluster.listen,
  'cluster.announce': ({ cluster }) => cluster.announce,
  'cluster.bootstrap_peers': ({ cluster }) => cluster.bootstrapPeers,
  'cluster.push_pull_interval': ({ cluster }) => cluster.pushPullIntervalMs,
  'cluster.max_connections': ({ cluster }) => cluster.maxConnections,
  'cluster.dht': ({ cluster }) => cluster.dht,
  'http.listen': ({ http }) => http.listen,
  'http.port': ({ http }) => http.port,
  'http.socket': ({ http }) => http.socketPath,
  'http.socket_mode': ({ http }) => http.socketMode,
  'http.allowed_hosts': ({ http }) => http.allowedHosts,
  'http.requests_per_second': ({ http }) => http.requestsPerSecond,
  'http.metrics': ({ http }) => http.metrics,
  'blocks.cache': ({ blocks }) => blocks.cacheBytes,
  'blocks.quota': ({ blocks }) => blocks.quotaBytes,
  'blocks.scrub_rate': ({ blocks }) => blocks.scrubBytesPerSecond,
}

const withTokens = (
  { tokenPath: _, ...http }: Config['http'],
  tokenPath: string | undefined,
): Config['http'] => ({ ...http, ...(tokenPath === undefined ? {} : { tokenPath }) })

/** A configuration as far as a running daemon can take it over. */
export interface Change {
  readonly config: Config
  /** Keys that differ and wait for a restart. */
  readonly waiting: readonly string[]
}

/**
 * What `next` changes of `running` without a restart. Neither do the last keys of a network go
 * before one: its listeners were chosen for a closed network and would stand open to everybody.
 */
export const takeOver = (running: Config, next: Config): Change => {
  const waiting = Object.entries(fixed)
    .filter(([, read]) => JSON.stringify(read(running)) !== JSON.stringify(read(next)))
    .map(([key]) => key)
  const { keys, pskPaths } = running.network
  const opens = keys.length > 0 && next.network.keys.length === 0
  // Whether there is any decides what the transport is made of.
  const hasPsk = pskPaths.length > 0
  const keepsPsks = hasPsk !== next.network.pskPaths.length > 0
  if (opens) waiting.push('network.keys')
  if (keepsPsks) waiting.push('network.psk')
  return {
    waiting,
    config: {
      ...{ ...next, stateDir: running.stateDir, blocks: running.blocks },
      cluster: { ...running.cluster, bandwidth: next.cluster.bandwidth },
      // The tokens are read again; everything else of it waits.
      http: withTokens(running.http, next.http.tokenPath),
      network: {
        ...next.network,
        id: running.network.id,
        identityKeyPath: running.network.identityKeyPath,
        keys: opens ? keys : next.network.keys,
        pskPaths: keepsPsks ? pskPaths : next.network.pskPaths,
      },
    },
  }
}

/** Keeps the health warning about keys that wait for a restart true. */
export const warnOfRestart = (
  { health }: { health: Health },
  path: string,
  keys: readonly string[],
): void => {
  health.clear('restart-needed', path)
  if (keys.length === 0) return
  health.raise({
    code: 'restart-needed',
    subject: path,
    severity: 'warning',
    message: `changes of ${keys.join(', ')} take effect when the daemon is restarted`,
  })
}

/**
 * Refuses a configuration under which this node would lose its own place in the network.
 *
 * @throws MeshError `ERR_CERTIFICATE_*`
 */
export const checkNewCertificate = (
  { network }: Config,
  { certificate }: Trust,
  { key, nowMs }: { key: PublicKey; nowMs: number },
): void => {
  if (network.keys.length === 0) return
  if (typeof certificate === 'string') {
    verifyCertificate(certificate, { network: network.id, networkKeys: network.keys, key, nowMs })
    return
  }
  throw new MeshError(
    'ERR_CERTIFICATE_MISSING',
    certificate === undefined
      ? 'network.keys asks for certificates, and network.certificate names none for this node'
      : `the certificate cannot be read: ${certificate.message}`,
  )
}
