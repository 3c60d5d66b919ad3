import { isIP, isIPv4, isIPv6 } from 'node:net'
import { parsePeerId } from '../keys/index.ts'

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*\.?$/

/** A port in decimal; 0 only where a free one may be chosen. */
export const parsePort = (text: string, least: 0 | 1): number | undefined => {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined
  const port = Number(text)
  return port >= least && port <= 65_535 ? port : undefined
}

/** Whether `host` is an IP address or could be a name in DNS. */
export const isHost = (host: string): boolean => isIP(host) !== 0 || HOST_NAME.test(host)

/** `/ip4/…`, `/ip6/…` or `/dns/…` and the port as one multiaddr. */
export const toMultiaddr = (host: string, port: number): string =>
  `/${isIPv4(host) ? 'ip4' : isIPv6(host) ? 'ip6' : 'dns'}/${host}/tcp/${port}`

/** The host of a multiaddr that {@link parseAddress} made. */
export const hostOf = (address: string): string => address.split('/')[2] ?? ''

/** Whether only this machine can reach `host`. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))

export interface AddressKind {
  /** Listening needs an IP address, and may leave the choice of a port to the system. */
  readonly listen: boolean
  /** Whether `/p2p/<peer id>` follows: who answers there has to be known beforehand. */
  readonly peerId: boolean
}

const hostFits = (protocol: string | undefined, host: string, kind: AddressKind): boolean => {
  if (protocol === 'ip4') return isIPv4(host)
  if (protocol === 'ip6') return isIPv6(host)
  const isName = protocol === 'dns' || protocol === 'dns4' || protocol === 'dns6'
  return isName && !kind.listen && isIP(host) === 0 && HOST_NAME.test(host)
}

/** `HOST:PORT` and `[IPV6]:PORT`, the spelling of data-mesher and of most other programs. */
const fromHostPort = (text: string, kind: AddressKind): string | undefined => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/[\]]+)):(\d+)$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = parsePort(match?.[3] ?? '', kind.listen ? 0 : 1)
  if (port === undefined || !isHost(host) || (kind.listen && isIP(host) === 0)) return undefined
  if (match?.[1] !== undefined && !isIPv6(host)) return undefined
  return toMultiaddr(host, port)
}

/**
 * The multiaddr that `text` means: a TCP multiaddr, or `HOST:PORT` where no peer id belongs to it. `undefined` for anything else;
 * transport knows more kinds than a configuration can use.
 */
export const parseAddress = (text: string, kind: AddressKind): string | undefined => {
  if (!text.startsWith('/')) return kind.peerId ? undefined : fromHostPort(text, kind)
  const [, protocol, host = '', tcp, port = '', p2p, peerId = '', ...rest] = text.split('/')
  if (tcp !== 'tcp' || parsePort(port, kind.listen ? 0 : 1) === undefined) return undefined
  if (!hostFits(protocol, host, kind) || rest.length > 0) return undefined
  if (!kind.peerId) return p2p === undefined ? text : undefined
  return p2p === 'p2p' && parsePeerId(peerId) !== undefined ? text : undefined
}
