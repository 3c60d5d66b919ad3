import { lookup } from 'node:dns/promises'
import { createConnection, createServer, isIPv6 } from 'node:net'
import { describeSystemError, systemErrorCode } from '../../errors/index.ts'
import type { Context } from '../context.ts'

/** For each name that `mesh doctor` looks up. */
export const DNS_TIMEOUT_MS = 5_000
/** For each address that `mesh doctor` connects to. */
export const CONNECT_TIMEOUT_MS = 5_000

export interface Endpoint {
  readonly host: string
  readonly port: number
  /** `undefined`: not said. */
  readonly peerId: string | undefined
}

/** Host and port of a TCP multiaddr, as the configuration has checked it. */
export const endpointOf = (address: string): Endpoint | undefined => {
  const match = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)(?:\/p2p\/([^/]+))?$/.exec(
    address,
  )
  const [, host, port, peerId] = match ?? []
  return host === undefined ? undefined : { host, port: Number(port), peerId }
}

/** Resolves to what `task` does, or to `late` when time is up or somebody has pressed Ctrl-C. */
const within = <T>(
  timeoutMs: number,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
  task: Promise<T>,
  late: T,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const cancel = clock.schedule(timeoutMs, () => resolve(late))
    signal.addEventListener('abort', () => resolve(late), { once: true })
    task.then(resolve, reject).finally(cancel)
  })

/** Addresses that a name stands for, or why it stands for none. */
export const resolveHost = (
  host: string,
  context: Pick<Context, 'clock' | 'signal'>,
): Promise<readonly string[] | string> =>
  within<readonly string[] | string>(
    DNS_TIMEOUT_MS,
    context,
    lookup(host, { all: true }).then(
      (found) => found.map(({ address }) => address),
      (error: unknown) => {
        const code = systemErrorCode(error)
        return code === 'ENOTFOUND' ? 'there is no such name in DNS' : `DNS fails (${code})`
      },
    ),
    `DNS has not answered within ${DNS_TIMEOUT_MS / 1000} s`,
  )

const connectWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there, or a firewall refuses',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
}

/** Why no TCP connection comes about; `undefined`: one did. */
export const tryConnect = async (
  { host, port }: Endpoint,
  context: Pick<Context, 'clock' | 'signal'>,
): Promise<string | undefined> => {
  const socket = createConnection({ host, port })
  const outcome = new Promise<string | undefined>((resolve) => {
    socket.once('connect', () => resolve(undefined))
    socket.once('error', (error) =>
      resolve(connectWords[systemErrorCode(error)] ?? describeSystemError(error)),
    )
  })
  const late = `nothing has answered within ${CONNECT_TIMEOUT_MS / 1000} s; a firewall may swallow it`
  try {
    return await within<string | undefined>(CONNECT_TIMEOUT_MS, context, outcome, late)
  } finally {
    socket.destroy()
  }
}

/** Why nobody can listen there; `undefined`: it is free. */
export const tryListen = ({ host, port }: Endpoint): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => {
      const code = systemErrorCode(error)
      if (code === 'EADDRINUSE') return resolve('another program listens there')
      if (code === 'EADDRNOTAVAIL') return resolve('this machine has no such address')
      resolve(describeSystemError(error))
    })
    server.listen({ host, port, exclusive: true, ipv6Only: isIPv6(host) }, () =>
      server.close(() => resolve(undefined)),
    )
  })
