import { isMeshError, MeshError } from '../errors/index.ts'
import {
  HANDSHAKE_TIMEOUT_MS,
  MAX_CONNECTIONS_PER_HOST_PER_SECOND,
  MAX_DIAL_OUTCOMES,
  MAX_PENDING_HANDSHAKES,
  MAX_PENDING_HANDSHAKES_PER_HOST,
} from './limits.ts'
import type { Connection, MessageStream, MultiaddrConnection } from '@libp2p/interface'
import type { Clock } from '../util/index.ts'
import type { Session } from './session.ts'

/** How far a connection has come. */
type Stage = 'connected' | 'protected' | 'negotiated' | 'secured' | 'admitted' | 'complete'

/** One connection on which nothing is served yet. */
export interface Handshake {
  readonly direction: 'inbound' | 'outbound'
  /** Multiaddr of the other side. */
  readonly address: string
  readonly host: string
  stage: Stage
  /** Why it fails, if one of our own steps knows. */
  error?: MeshError
}

/** Counts what strangers cost us, and remembers how far each connection has come. */
export interface Handshakes {
  /**
   * Takes note of a new connection.
   *
   * @throws MeshError `ERR_LIMIT_EXCEEDED`: too many at once, or from this host
   */
  begin(connection: MultiaddrConnection): void
  /** `outer` carries what goes over `inner`: they are one connection. */
  wrap(outer: MessageStream, inner: MessageStream): void
  reach(stream: MessageStream, stage: Stage): void
  fail(stream: MessageStream, error: MeshError): void
  /** Its other side has a right to be here. Until it has agreed on a multiplexer, too, it is pending. */
  admit(stream: MessageStream, session: Session): void
  /** libp2p has made a connection of it. */
  complete(connection: Pick<Connection, 'timeline'>): Session | undefined
  /** Ends everything that is not complete: what it was judged by holds no more. */
  cut(reason: MeshError): void
  /** Why the last connection to this address failed, as far as it is known here. */
  outcomeOf(address: string): Handshake | undefined
  readonly pending: number
}

/** What limits are counted by: an IPv4 address, or the /64 that one IPv6 customer usually has. */
export const hostOf = (remote: MultiaddrConnection['remoteAddr']): string => {
  const [first] = remote.getComponents()
  const host = first?.value ?? 'unknown'
  if (first?.name !== 'ip6') return host
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(host)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = host.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) while (groups.length < 4) groups.push('0')
  return `${groups.slice(0, 4).join(':')}::/64`
}

export const createHandshakes = (
  { clock }: { clock: Clock },
  init: {
    /** An inbound connection has ended without becoming a member's. */
    onFailed(handshake: Handshake, error: MeshError): void
  },
): Handshakes => {
  const records = new WeakMap<object, { handshake: Handshake; root: MultiaddrConnection }>()
  const sessions = new WeakMap<object, { session: Session; handshake: Handshake }>()
  const pending = new Set<Handshake>()
  /** In both directions. */
  const unfinished = new Map<Handshake, MultiaddrConnection>()
  const outcomes = new Map<string, Handshake>()
  const perHost = new Map<string, number>()
  const thisSecond = { startedMs: 0, counts: new Map<string, number>() }

  const limit = (what: string, host: string): MeshError =>
    new MeshError('ERR_LIMIT_EXCEEDED', `${host} ${what}`, { data: { host } })

  const checkRate = (host: string): void => {
    const nowMs = clock.monotonicMs()
    if (nowMs - thisSecond.startedMs >= 1_000) {
      thisSecond.startedMs = nowMs
      thisSecond.counts.clear()
    }
    const count = (thisSecond.counts.get(host) ?? 0) + 1
    thisSecond.counts.set(host, count)
    if (count > MAX_CONNECTIONS_PER_HOST_PER_SECOND) {
      throw limit(
        `opens more than ${MAX_CONNECTIONS_PER_HOST_PER_SECOND} connections a second`,
        host,
      )
    }
  }

  const checkInbound = (host: string): void => {
    checkRate(host)
    if ((perHost.get(host) ?? 0) >= MAX_PENDING_HANDSHAKES_PER_HOST) {
      throw limit(`has ${MAX_PENDING_HANDSHAKES_PER_HOST} handshakes pending`, host)
    }
    if (pending.size >= MAX_PENDING_HANDSHAKES) {
      throw limit(`comes while ${MAX_PENDING_HANDSHAKES} handshakes are pending`, host)
    }
  }

  const finish = (handshake: Handshake): void => {
    if (!pending.delete(handshake)) return
    const left = (perHost.get(handshake.host) ?? 1) - 1
    if (left === 0) perHost.delete(handshake.host)
    else perHost.set(handshake.host, left)
  }

  const guess = ({ address, stage }: Handshake): MeshError => {
    const data = { address }
    return stage === 'secured' || stage === 'admitted'
      ? new MeshError('ERR_STREAM_CLOSED', 'it hung up before it was a member', { data })
      : new MeshError('ERR_PROTOCOL_MALFORMED', 'it did not speak the handshake of mesh', { data })
  }

  const find = (stream: object): { handshake: Handshake; root: MultiaddrConnection } => {
    const record = records.get(stream)
    if (record !== undefined) return record
    throw new MeshError('ERR_INTERNAL', 'a connection that nobody has begun')
  }

  return {
    begin(connection) {
      const { direction, remoteAddr } = connection
      const host = hostOf(remoteAddr)
      const address = remoteAddr.toString()
      const handshake: Handshake = { direction, address, host, stage: 'connected' }
      records.set(connection, { handshake, root: connection })
      connection.addEventListener('close', ({ error }) => {
        unfinished.delete(handshake)
        if (isMeshError(error)) handshake.error ??= error
      })
      if (direction === 'outbound') {
        unfinished.set(handshake, connection)
        outcomes.set(address, handshake)
        // Whoever dials takes its outcome out again; the service of the DHT does not.
        const oldest = outcomes.keys().next()
        if (outcomes.size > MAX_DIAL_OUTCOMES && oldest.done !== true) outcomes.delete(oldest.value)
        return
      }
      checkInbound(host)
      unfinished.set(handshake, connection)
      pending.add(handshake)
      perHost.set(host, (perHost.get(host) ?? 0) + 1)
      const silence = new MeshError('ERR_TIMEOUT', 'it was silent during the handshake')
      const cancel = clock.schedule(HANDSHAKE_TIMEOUT_MS, () => {
        if (handshake.stage !== 'complete') connection.abort(silence)
      })
      connection.addEventListener('close', () => {
        cancel()
        finish(handshake)
        if (handshake.stage === 'complete') return
        init.onFailed(handshake, handshake.error ?? guess(handshake))
      })
    },
    wrap(outer, inner) {
      const record = find(inner)
      record.handshake.stage = 'protected'
      records.set(outer, record)
    },
    reach(stream, stage) {
      find(stream).handshake.stage = stage
    },
    fail(stream, error) {
      const { handshake } = find(stream)
      handshake.error ??= error
    },
    admit(stream, session) {
      const { handshake, root } = find(stream)
      handshake.stage = 'admitted'
      // libp2p hands the same timeline object on to the connection that it makes of `root`.
      sessions.set(root.timeline, { session, handshake })
    },
    complete(connection) {
      const found = sessions.get(connection.timeline)
      if (found === undefined) return undefined
      found.handshake.stage = 'complete'
      unfinished.delete(found.handshake)
      finish(found.handshake)
      return found.session
    },
    cut(reason) {
      for (const connection of [...unfinished.values()]) connection.abort(reason)
    },
    outcomeOf(address) {
      const handshake = outcomes.get(address)
      outcomes.delete(address)
      return handshake
    },
    get pending() {
      return pending.size
    },
  }
}
