import { dirname, join } from 'node:path'
import { parseNetworkId } from '../statement/index.ts'
import { DEFAULT_SOCKET_PATH, MAX_SOCKET_PATH_BYTES } from '../api/index.ts'
import { formatSize } from '../util/index.ts'
import { hostOf, isLoopback, toMultiaddr } from './address.ts'
import { resolvePath, resolveSecretPath } from './secret.ts'
import type { Finding } from './problems.ts'
import type { Document } from './schema/index.ts'
import type { Config, ConfigEnvironment } from './types.ts'

/** Id of a network that nobody named: one machine, or a first try. */
export const DEFAULT_NETWORK_ID = 'local'

/** Whether joining takes a key of any kind. */
const isClosed = ({ network }: Document): boolean =>
  network.keys.length > 0 || network.psk.length > 0

const listenAddresses = (document: Document): readonly string[] => {
  const { listen, port, allow_open_network: allowed } = document.cluster
  if (listen !== undefined) return [...new Set(listen)]
  const hosts = isClosed(document) || allowed ? ['0.0.0.0', '::'] : ['127.0.0.1', '::1']
  return hosts.map((host) => toMultiaddr(host, port))
}

const resolveNetwork = (
  { network }: Document,
  stateDir: string,
  path: string,
  environment: ConfigEnvironment,
): Config['network'] => {
  const secret = (each: string): string => resolveSecretPath(each, path, environment)
  const { certificate, identity_key: identityKey } = network
  return {
    id: network.id ?? parseNetworkId(DEFAULT_NETWORK_ID),
    keys: [...new Set(network.keys)],
    pskPaths: [...new Set(network.psk.map(secret))],
    ...(certificate === undefined ? {} : { certificatePath: secret(certificate) }),
    identityKeyPath:
      identityKey === undefined ? join(stateDir, 'identity.key') : secret(identityKey),
  }
}

const socketPath = (
  { http }: Document,
  stateDir: string,
  path: string,
  environment: ConfigEnvironment,
): string => {
  if (http.socket !== undefined) return resolvePath(http.socket, path)
  return environment.exists(dirname(DEFAULT_SOCKET_PATH))
    ? DEFAULT_SOCKET_PATH
    : join(stateDir, 'mesh.sock')
}

const resolveBandwidth = ({
  max_upload: upload,
  max_upload_per_peer: uploadPerPeer,
  max_download: download,
  max_download_per_peer: downloadPerPeer,
}: Document['cluster']): Config['cluster']['bandwidth'] => ({
  ...(upload === undefined ? {} : { upload }),
  ...(uploadPerPeer === undefined ? {} : { uploadPerPeer }),
  ...(download === undefined ? {} : { download }),
  ...(downloadPerPeer === undefined ? {} : { downloadPerPeer }),
})

/** Fills in what depends on other keys or on the machine. */
export const resolveDocument = (
  document: Document,
  path: string,
  environment: ConfigEnvironment,
): Omit<Config, 'files'> => {
  const { cluster, http, blocks } = document
  const stateDir = resolvePath(document.state_dir, path)
  return {
    path,
    logLevel: document.log_level,
    stateDir,
    network: resolveNetwork(document, stateDir, path, environment),
    cluster: {
      listen: listenAddresses(document),
      announce: [...new Set(cluster.announce)],
      bootstrapPeers: [...new Set(cluster.bootstrap_peers)],
      pushPullIntervalMs: cluster.push_pull_interval,
      maxConnections: cluster.max_connections,
      bandwidth: resolveBandwidth(cluster),
      allowOpenNetwork: cluster.allow_open_network,
      dht: { enabled: cluster.dht.enabled },
    },
    hooks: {
      ...(document.hooks.directory === undefined
        ? {}
        : { directory: resolvePath(document.hooks.directory, path) }),
      timeoutMs: document.hooks.timeout,
      allowRoot: document.hooks.allow_root,
    },
    http: {
      listen: [...new Set(http.listen)],
      port: http.port,
      socketPath: socketPath(document, stateDir, path, environment),
      socketMode: http.socket_mode,
      allowedHosts: [...new Set(http.allowed_hosts)],
      metrics: http.metrics,
      requestsPerSecond: http.requests_per_second,
      ...(http.token_file === undefined
        ? {}
        : { tokenPath: resolveSecretPath(http.token_file, path, environment) }),
    },
    blocks: {
      cacheBytes: blocks.cache,
      quotaBytes: blocks.quota,
      scrubBytesPerSecond: blocks.scrub_rate,
    },
  }
}

/** What is wrong between keys that are each right by themselves. */
export const findContradictions = (
  document: Document,
  config: Omit<Config, 'files'>,
): Finding[] => {
  const findings: Finding[] = []
  const { network, cluster } = document
  if (isClosed(document) && network.id === undefined) {
    const message = `is required with keys or psk; write the id that "mesh generate network" printed`
    findings.push({ path: ['network', 'id'], message })
  }
  if (!isClosed(document) && !cluster.allow_open_network) {
    for (const [index, address] of (cluster.listen ?? []).entries()) {
      if (isLoopback(hostOf(address))) continue
      const message =
        'anybody could join here: set network.keys or network.psk, or allow_open_network = true'
      findings.push({ path: ['cluster', 'listen', index], message })
    }
  }
  if (Buffer.byteLength(config.http.socketPath) > MAX_SOCKET_PATH_BYTES) {
    const message = `${config.http.socketPath} is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that a socket's path may have`
    findings.push({ path: ['http', 'socket'], message })
  }
  if (config.blocks.cacheBytes > config.blocks.quotaBytes) {
    const message = `is more than blocks.quota (${formatSize(config.blocks.quotaBytes)}), which the cache is a part of`
    findings.push({ path: ['blocks', 'cache'], message })
  }
  const ports = config.cluster.listen.map((address) => Number(address.split('/')[4]))
  if (config.http.port !== 0 && config.http.listen.length > 0 && ports.includes(config.http.port)) {
    const message = `${config.http.port} is the port of the cluster too`
    findings.push({ path: ['http', 'port'], message })
  }
  return findings
}

/** What is allowed but probably not meant. */
export const findDoubts = (config: Config): readonly string[] => {
  const { network, cluster, files } = config
  const doubts: string[] = []
  if (network.keys.length > 0 && network.certificatePath === undefined) {
    doubts.push('network.keys is set but network.certificate is not: peers will refuse this node')
  }
  if (network.keys.length === 0 && network.certificatePath !== undefined) {
    doubts.push('network.certificate is set but network.keys is not: peers are let in without one')
  }
  if (network.keys.length === 0 && network.pskPaths.length === 0 && cluster.allowOpenNetwork) {
    doubts.push('the network is open: anybody who reaches this node can read what it distributes')
  }
  if (cluster.listen.length === 0 && cluster.bootstrapPeers.length === 0) {
    doubts.push('cluster.listen and cluster.bootstrap_peers are empty: this node meets nobody')
  }
  if (files.length === 0) doubts.push('no files are configured: this node keeps and shows nothing')
  return doubts
}
