import { isIP } from 'node:net'
import { reporter } from './finding.ts'
import { endpointOf, resolveHost, tryConnect } from './probe.ts'
import type { Config } from '../../config/index.ts'
import type { PeerBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'

interface Known {
  /** Of this node, if that is known. */
  readonly peerId: string | undefined
  /** `undefined`: no daemon tells. */
  readonly peers: readonly PeerBody[] | undefined
}

const examineOne = async (
  address: string,
  { peerId: own, peers }: Known,
  context: Context,
): Promise<Finding> => {
  const report = reporter('bootstrap')
  const endpoint = endpointOf(address)
  if (endpoint === undefined) return report('note', address, 'is of a kind that is not tried here')
  const { host, port, peerId } = endpoint
  if (peerId !== undefined && peerId === own) {
    return report('note', address, 'is this node itself, which does no harm')
  }
  const known = peers?.find((each) => each.peerId === peerId)
  if (known?.connected === true) return report('ok', address, 'is connected')
  if (isIP(host) === 0) {
    const found = await resolveHost(host, context)
    if (typeof found === 'string') {
      const next = `getent hosts ${host}; mend DNS, or write /ip4/ADDRESS`
      return report('error', address, `${host} has no address: ${found}`, next)
    }
  }
  const why = await tryConnect(endpoint, context)
  if (why !== undefined) {
    const next = `is the daemon there running, and TCP ${port} open? nc -vz ${host} ${port}`
    return report('error', address, `cannot be reached: ${why}`, next)
  }
  if (peers === undefined) return report('ok', address, 'takes a TCP connection')
  const reason = known?.lastError ?? 'the daemon has not said why'
  const next = 'do both nodes have the same pre-shared key and network, and is the peer id right?'
  return report('warning', address, `takes a TCP connection, but is no peer: ${reason}`, next)
}

/** Whether each bootstrap peer has an address, and answers. */
export const examineBootstrap = async (
  { cluster }: Config,
  known: Known,
  context: Context,
): Promise<Finding[]> => {
  if (cluster.bootstrapPeers.length === 0) {
    const report = reporter('bootstrap')
    const message = 'no bootstrap peer is configured: this node waits for others to connect'
    return [report('note', '', message, 'set bootstrap_peers in [cluster], unless it is the first')]
  }
  return Promise.all(cluster.bootstrapPeers.map((each) => examineOne(each, known, context)))
}
