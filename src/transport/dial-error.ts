import { isMeshError, MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Handshake } from './handshakes.ts'

const SOCKET_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to its network',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known to the name servers',
  EAI_AGAIN: 'the name servers do not answer',
  EACCES: 'the system does not allow it (a firewall?)',
}

const HUNG_UP = /EOF|reset|clos/i

/** Node puts the errors of several tried addresses into one; libp2p does too. */
const firstCode = (error: unknown): string | undefined => {
  if (error instanceof AggregateError) return error.errors.map(firstCode).find(Boolean)
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string' && error.code in SOCKET_ERRORS) {
    return error.code
  }
  return firstCode(error.cause)
}

interface Attempt {
  readonly address: string
  readonly peer: PeerId
  /** How far it came; `undefined` if there was no connection. */
  readonly handshake: Handshake | undefined
  readonly timedOut: boolean
  readonly hasPsk: boolean
}

/** What went wrong in an attempt to connect, for people, whatever libp2p made of it. */
export const explainDialError = (error: unknown, attempt: Attempt): MeshError => {
  const { address, peer, handshake, timedOut, hasPsk } = attempt
  const data = { address, peer }
  const make = (code: ConstructorParameters<typeof MeshError>[0], why: string): MeshError =>
    new MeshError(code, `${address}: ${why}`, { cause: error, data })

  const known = handshake?.error ?? (isMeshError(error) ? error : undefined)
  if (known !== undefined && known.code !== 'ERR_INTERNAL') {
    return new MeshError(known.code, `${address}: ${known.message}`, {
      cause: known.cause,
      data: { ...known.data, ...data },
    })
  }
  if (handshake === undefined) {
    const code = firstCode(error)
    if (code !== undefined) return make('ERR_PEER_UNREACHABLE', SOCKET_ERRORS[code] ?? code)
    const text = error instanceof Error ? error.message : String(error)
    return timedOut
      ? make('ERR_PEER_UNREACHABLE', 'it does not answer')
      : make('ERR_PEER_UNREACHABLE', text)
  }
  if (timedOut)
    return make('ERR_TIMEOUT', 'it accepts connections, but does not finish the handshake')
  const hungUp = HUNG_UP.test(error instanceof Error ? error.message : String(error))
  if (hasPsk && handshake.stage === 'protected' && hungUp) {
    return make(
      'ERR_PSK_MISMATCH',
      'it hung up on our pre-shared key; compare the psk files of both nodes',
    )
  }
  return hungUp
    ? make('ERR_PEER_REFUSED', 'it hung up during the handshake without a reason')
    : make('ERR_PROTOCOL_MALFORMED', 'it does not speak the handshake of mesh')
}
