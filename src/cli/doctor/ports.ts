import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { reporter } from './finding.ts'
import { endpointOf, tryConnect, tryListen } from './probe.ts'
import type { Config } from '../../config/index.ts'
import type { PeerBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'
import type { Endpoint } from './probe.ts'

const isLoopback = (host: string): boolean =>
  host === '::1' || host === 'localhost' || host.startsWith('127.')
const ANY: readonly string[] = ['0.0.0.0', '::']

/** What stands in http.listen: addresses, or interfaces by name. */
const addressesOf = (entry: string): readonly string[] =>
  isIP(entry) !== 0 || entry === 'localhost'
    ? [entry]
    : (networkInterfaces()[entry] ?? [])
        .map(({ address }) => address)
        // As the daemon, which cannot serve these by an address alone.
        .filter((address) => !/^fe[89ab]/i.test(address))

/** Who can reach what listens there, as far as this machine can say. */
const reachableBy = (host: string): string => {
  if (isLoopback(host)) return 'this machine only'
  if (!ANY.includes(host)) return `whoever reaches ${host}`
  const family = host === '::' ? 'IPv6' : 'IPv4'
  const addresses = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter((each) => !each.internal && each.family === family)
    .map(({ address }) => address)
  return addresses.length === 0
    ? `nobody else now: this machine has no ${family} address`
    : `whoever reaches ${addresses.slice(0, 4).join(', ')}`
}

const examineOne = async (
  what: string,
  endpoint: Endpoint,
  isRunning: boolean,
  context: Context,
): Promise<Finding> => {
  const report = reporter('ports')
  const { host, port } = endpoint
  const shown = `${what} ${host.includes(':') ? `[${host}]` : host}:${port}`
  const who = `for ${reachableBy(host)}`
  if (port === 0) {
    const message = `is of a port that the system chooses at each start, ${who}`
    return report(
      'note',
      shown,
      message,
      'mesh status says which; set one, if others are to find it',
    )
  }
  if (!isRunning) {
    const why = await tryListen(endpoint)
    return why === undefined
      ? report('ok', shown, `is free, ${who}`)
      : report('error', shown, `cannot be listened on: ${why}`, `ss -ltnp 'sport = :${port}'`)
  }
  const local = {
    ...endpoint,
    host: host === '::' ? '::1' : host === '0.0.0.0' ? '127.0.0.1' : host,
  }
  const why = await tryConnect(local, context)
  const next =
    'see the log of the daemon (journalctl -u mesh); was it started before the configuration changed?'
  return why === undefined
    ? report('ok', shown, `is listened on, ${who}`)
    : report('error', shown, `does not answer: ${why}`, next)
}

const examineHttp = async (
  entry: string,
  { http, isRunning }: { http: Config['http']; isRunning: boolean },
  context: Context,
): Promise<Finding[]> => {
  const addresses = addressesOf(entry)
  if (addresses.length > 0) {
    const { port } = http
    return Promise.all(
      addresses.map((host) =>
        examineOne('http', { host, port, peerId: undefined }, isRunning, context),
      ),
    )
  }
  const message =
    'no interface of this machine has that name and an address now: HTTP is not served there until one has'
  const next = `ip address show dev ${entry}, which knows alternative names too`
  return [reporter('ports')('warning', `http ${entry}`, message, next)]
}

/** Whether the ports are free, or answer if the daemon runs, and who can reach them. */
export const examinePorts = async (
  { cluster, http }: Config,
  { isRunning, peers }: { isRunning: boolean; peers: readonly PeerBody[] | undefined },
  context: Context,
): Promise<Finding[]> => {
  const report = reporter('ports')
  const listening = cluster.listen.flatMap((address) => endpointOf(address) ?? [])
  const findings = await Promise.all([
    ...listening.map((each) => examineOne('cluster', each, isRunning, context)),
  ])
  const served = http.listen.map((entry) => examineHttp(entry, { http, isRunning }, context))
  findings.push(...(await Promise.all(served)).flat())
  const open = listening.filter(({ host }) => !isLoopback(host))
  if (listening.length > 0 && open.length === 0 && cluster.bootstrapPeers.length > 0) {
    const message = 'is listened on for this machine only: other nodes cannot connect to this one'
    findings.push(report('note', 'cluster', message, 'set listen in [cluster], if they should'))
  }
  const inbound = peers?.filter(({ connected, direction }) => connected && direction === 'inbound')
  if (inbound !== undefined && open.length > 0) {
    const ports = [...new Set(open.map(({ port }) => port))].join(', ')
    findings.push(
      inbound.length > 0
        ? report('ok', 'cluster', `is reached by others: ${inbound.length} have connected to it`)
        : report(
            'note',
            'cluster',
            'no node is connected that came from outside; whether one could is not to be seen from here',
            `try from another node: nc -vz ADDRESS ${ports}`,
          ),
    )
  }
  return findings
}
