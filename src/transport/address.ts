import { isIPv4, isIPv6 } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { MeshError } from '../errors/index.ts'
import { parsePeerId } from '../keys/index.ts'
import { MAX_ADDRESS_BYTES } from './limits.ts'
import type { PeerId } from '../keys/index.ts'

/** Where a peer can be reached, and who must answer there. */
export interface PeerAddress {
  readonly peer: PeerId
  /** Multiaddr without the peer id, as `/ip4/10.0.0.1/tcp/7946`. */
  readonly location: string
}

/** What a location points at, as far as that can be told without a name server. */
export type Reach = 'loopback' | 'link-local' | 'other'

interface Location {
  readonly host: string
  readonly reach: Reach
}

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/

const reachOfIp4 = (host: string): Reach | undefined => {
  const [a = 0, b = 0] = host.split('.').map(Number)
  if (a === 127) return 'loopback'
  if (a === 169 && b === 254) return 'link-local'
  // "This network", multicast and reserved addresses reach nobody.
  return a === 0 || a >= 224 ? undefined : 'other'
}

const reachOfIp6 = (host: string): Reach | undefined => {
  const groups = new URL(`http://[${host}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(groups)
  if (mapped !== null) {
    const [high, low] = mapped.slice(1).map((group) => Number.parseInt(group, 16))
    const bytes = [high, low].flatMap((group = 0) => [group >> 8, group & 0xff])
    return reachOfIp4(bytes.join('.'))
  }
  if (groups === '::1') return 'loopback'
  if (groups === '::') return undefined
  const first = Number.parseInt(groups.startsWith('::') ? '0' : (groups.split(':')[0] ?? '0'), 16)
  if ((first & 0xffc0) === 0xfe80) return 'link-local'
  return (first & 0xff00) === 0xff00 ? undefined : 'other'
}

const readHost = (kind: string, host: string): Location | undefined => {
  if (kind === 'ip4' && isIPv4(host)) {
    const reach = reachOfIp4(host)
    return reach === undefined ? undefined : { host, reach }
  }
  if (kind === 'ip6' && isIPv6(host) && !host.includes('%')) {
    const reach = reachOfIp6(host)
    return reach === undefined ? undefined : { host, reach }
  }
  if (!['dns', 'dns4', 'dns6'].includes(kind) || !HOST_NAME.test(host)) return undefined
  return { host, reach: /(^|\.)localhost\.?$/i.test(host) ? 'loopback' : 'other' }
}

/**
 * `/ip4|ip6|dns|dns4|dns6/<host>/tcp/<port>` and nothing else, that can be dialled: a port, and no
 * address that stands for all or for many. `undefined` for anything else.
 */
export const readLocation = (text: string): Location | undefined => {
  if (text.length > MAX_ADDRESS_BYTES) return undefined
  const match = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/([1-9]\d{0,4})$/.exec(text)
  const [, kind = '', host = '', port = ''] = match ?? []
  if (match === null || Number(port) > 65_535) return undefined
  return readHost(kind, host)
}

/**
 * A multiaddr that names a peer: `/ip4/10.0.0.1/tcp/7946/p2p/12D3KooW…`.
 *
 * @throws MeshError `ERR_ADDRESS_INVALID`
 */
export const parsePeerAddress = (text: string): PeerAddress => {
  const cut = text.lastIndexOf('/p2p/')
  const location = text.slice(0, Math.max(0, cut))
  const peer = cut < 0 ? undefined : parsePeerId(text.slice(cut + '/p2p/'.length))
  if (peer === undefined) {
    throw new MeshError(
      'ERR_ADDRESS_INVALID',
      `${JSON.stringify(text.slice(0, MAX_ADDRESS_BYTES))} does not end in /p2p/<peer id>; ` +
        'ask the other node for its address with `mesh status`',
    )
  }
  if (readLocation(location) === undefined) {
    throw new MeshError(
      'ERR_ADDRESS_INVALID',
      `${JSON.stringify(text.slice(0, MAX_ADDRESS_BYTES))} is not of the form ` +
        '/ip4|ip6|dns/<host>/tcp/<port>/p2p/<peer id>',
      { data: { peer } },
    )
  }
  return { peer, location }
}

/**
 * A multiaddr to listen on: as a location, but port 0 and the unspecified addresses are allowed.
 *
 * @throws MeshError `ERR_ADDRESS_INVALID`
 */
export const checkListenAddress = (text: string): string => {
  const match = /^\/(ip4|ip6)\/([^/]+)\/tcp\/(0|[1-9]\d{0,4})$/.exec(text)
  const [, kind, host = '', port = ''] = match ?? []
  const isHost = kind === 'ip4' ? isIPv4(host) : isIPv6(host) && !host.includes('%')
  const ok = match !== null && Number(port) <= 65_535 && isHost
  if (ok) return multiaddr(text).toString()
  throw new MeshError(
    'ERR_ADDRESS_INVALID',
    `cannot listen on ${JSON.stringify(text.slice(0, MAX_ADDRESS_BYTES))}; ` +
      'write /ip4/<address>/tcp/<port> or /ip6/<address>/tcp/<port>',
  )
}
