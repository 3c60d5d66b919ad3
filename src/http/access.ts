import { isIP } from 'node:net'
import { MeshError } from '../errors/index.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1', 'ip6-localhost']

/** Host of a `Host` field, without port and brackets, in lower case; `undefined` if malformed. */
const hostOf = (field: string): string | undefined => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::\d{1,5})?$/.exec(field)
  // A name may end with the root's dot, an address may not.
  return (match?.[1] ?? match?.[2]?.replace(/\.$/, ''))?.toLowerCase()
}

/**
 * Whether a request over TCP is addressed to a name of ours. A web page can make a browser send
 * requests to any address under a name of the page's own (DNS rebinding); such a name is not ours.
 * The address on which the connection came in needs no configuring: a name is what rebinding takes.
 */
export const createHostCheck = (names: readonly string[]) => {
  const allowed = new Set([...LOOPBACK_NAMES, ...names].map((name) => name.toLowerCase()))
  return (field: string | undefined, localAddress: string | undefined): void => {
    const host = field === undefined ? undefined : hostOf(field)
    if (host !== undefined) {
      const address = localAddress?.replace(/^::ffff:/, '').toLowerCase()
      if (allowed.has(host) || (isIP(host) !== 0 && host === address)) return
    }
    throw new MeshError(
      'ERR_REQUEST_FORBIDDEN',
      `requests for the host ${JSON.stringify((field ?? '').slice(0, 100))} are not answered; ` +
        'add it to http.allowed_hosts if it is a name of this machine',
    )
  }
}

/** A request as its host is judged. */
interface Addressed {
  readonly url?: string | undefined
  readonly rawHeaders: readonly string[]
  readonly headers: { readonly host?: string | undefined }
}

/**
 * Every host that a request names: its `Host` field, and the one in its target if that is an
 * absolute address, which counts for more than the field (RFC 9112, 3.2.2).
 *
 * @throws MeshError `ERR_REQUEST_MALFORMED`: two fields, of which each reader would take another
 */
export const hostsOf = ({ url = '', rawHeaders, headers }: Addressed): (string | undefined)[] => {
  const fields = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host')
  if (fields.length > 1) {
    throw new MeshError('ERR_REQUEST_MALFORMED', `a request has one Host, not ${fields.length}`)
  }
  if (url.startsWith('/')) return [headers.host]
  // `*`, as in OPTIONS, names nobody else.
  return url === '*' ? [headers.host] : [headers.host, /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]]
}

/** Others may read the file on this machine, so anybody who reaches a listener may. */
export const isWorldReadable = ({ mode }: { readonly mode: number }): boolean =>
  (mode & 0o004) !== 0

/** For what only the unix socket answers. */
export const socketOnly = (what: string, socketPath: string): MeshError =>
  new MeshError(
    'ERR_REQUEST_FORBIDDEN',
    `${what} only on the unix socket of the daemon, which is ${socketPath}, or with a bearer token (http.token_file)`,
    { data: { socket: socketPath } },
  )
