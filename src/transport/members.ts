import { MeshError, toMeshError } from '../errors/index.ts'
import { withDeadline } from './deadline.ts'
import { CONNECTION_CLOSE_TIMEOUT_MS, MAX_CONNECTIONS_PER_PEER } from './limits.ts'
import { SIMULTANEOUS_DIAL_MS } from './limits.ts'
import type { Connection } from '@libp2p/interface'
import type { PeerId } from '../keys/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Cancel, Clock } from '../util/index.ts'
import type { Membership } from './membership.ts'
import type { Session } from './session.ts'
import type { FrameStream, Peer } from './types.ts'

/** One connection to a member. */
export interface Link {
  readonly connection: Connection
  readonly session: Session
  /** Monotonic. */
  readonly openedMs: number
  /** Streams that are cut with it. */
  readonly streams: Set<FrameStream>
}

interface Member {
  readonly peer: PeerId
  readonly connectedAtMs: number
  readonly links: Link[]
  /** Incoming streams by protocol. */
  readonly incoming: Map<string, number>
  roundTripMs?: number
}

/** Who is connected, over which connections: two peers may have several, and are one member. */
export interface Members {
  readonly connectionCount: number
  /** A connection has been admitted. */
  add(connection: Connection, session: Session): void
  /** A connection has ended. */
  remove(connection: Connection): void
  linkOf(connection: Connection): Link | undefined
  /** The connection to use: both sides choose the same one. */
  preferred(peer: PeerId): Link | undefined
  peer(id: PeerId): Peer | undefined
  peers(): readonly Peer[]
  setRoundTrip(peer: PeerId, roundTripMs: number): void
  /** Takes a place for an incoming stream, at most `max` of them. */
  takeStream(peer: PeerId, protocol: string, max: number): (() => void) | undefined
  /** Ends all connections to a peer in good order (their streams are cut). */
  close(peer: PeerId, reason: MeshError): Promise<void>
  /** Ends them at once. */
  cut(peer: PeerId, reason: MeshError): void
  /** Judges everybody again, and closes the connections of those without a right. */
  judge(membership: Membership): void
  /** Closes spare connections that carry nothing. */
  trim(): void
  stop(): void
}

/** The multiplexer says good-bye in doing so, and throws if it no longer can. */
export const abortConnection = (connection: Connection, reason: Error): void => {
  try {
    connection.abort(reason)
  } catch {
    // It is over already.
  }
}

export const createMembers = (
  { clock, logger }: { clock: Clock; logger: Logger },
  init: {
    readonly own: PeerId
    membership(): Membership
    onConnect(peer: Peer): void
    onDisconnect(peer: Peer): void
  },
): Members => {
  const members = new Map<PeerId, Member>()
  const links = new Map<Connection, Link>()
  const expiries = new Map<Link, Cancel>()

  const describe = (member: Member): Peer | undefined => {
    const link = choose(member)
    if (link === undefined) return undefined
    const { connection, session } = link
    return {
      id: member.peer,
      ...(session.admission.name === undefined ? {} : { name: session.admission.name }),
      ...(session.admission.certificate === undefined
        ? {}
        : { certificate: session.admission.certificate }),
      address: connection.remoteAddr.toString(),
      direction: connection.direction,
      connectedAtMs: member.connectedAtMs,
      ...(member.roundTripMs === undefined ? {} : { roundTripMs: member.roundTripMs }),
    }
  }

  /** Dialled by the peer with the smaller id, then the newest. */
  const choose = (member: Member): Link | undefined => {
    const wanted = init.own < member.peer ? 'outbound' : 'inbound'
    const rank = (link: Link): number =>
      (link.connection.status === 'open' ? 2 : 0) + (link.connection.direction === wanted ? 1 : 0)
    return member.links.toSorted((a, b) => rank(b) - rank(a) || b.openedMs - a.openedMs)[0]
  }

  const cutStreams = (link: Link, reason: Error): void => {
    for (const stream of [...link.streams]) stream.abort(reason)
  }

  const cutLink = (link: Link, reason: MeshError): void => {
    cutStreams(link, reason)
    abortConnection(link.connection, reason)
  }

  const closeLink = async (link: Link, reason: MeshError): Promise<void> => {
    // libp2p would end the streams in good order, and what was cut short would look complete.
    cutStreams(link, reason)
    const deadline = { timeoutMs: CONNECTION_CLOSE_TIMEOUT_MS, what: 'closing a connection' }
    try {
      await withDeadline({ clock }, deadline, (signal) => link.connection.close({ signal }))
    } catch {
      abortConnection(link.connection, reason)
    }
  }

  const armExpiry = (link: Link): void => {
    expiries.get(link)?.()
    expiries.delete(link)
    const { expiresAtMs } = link.session.admission
    if (expiresAtMs === undefined) return
    // The wall clock may have been set meanwhile: what has really expired is asked then.
    const judgeAgain = (): void => judgeLink(link, init.membership())
    expiries.set(link, clock.schedule(Math.max(0, expiresAtMs - clock.nowMs()), judgeAgain))
  }

  const judgeLink = (link: Link, membership: Membership): void => {
    const { session } = link
    try {
      session.admission = membership.admit(session.certificate, session.peer)
      armExpiry(link)
    } catch (error) {
      const reason = toMeshError(error)
      const { peer } = session
      logger.info({ peer, code: reason.code }, `connection closed: ${reason.message}`)
      void closeLink(link, reason)
    }
  }

  /** A peer dials only when it believes that it is not connected: what we still hold is dead. */
  const dropStale = (member: Member, connection: Connection): void => {
    if (connection.direction !== 'inbound') return
    const youngAfterMs = clock.monotonicMs() - SIMULTANEOUS_DIAL_MS
    for (const link of [...member.links]) {
      if (link.openedMs > youngAfterMs) continue
      const reason = new MeshError('ERR_STREAM_CLOSED', `${member.peer} has connected again`)
      cutLink(link, reason)
      drop(link)
    }
  }

  /** Every place that it takes beyond these is one that another member cannot have. */
  const dropSpare = (member: Member): void => {
    const oldest = member.links.toSorted((a, b) => a.openedMs - b.openedMs)
    for (const link of oldest.slice(0, -MAX_CONNECTIONS_PER_PEER)) {
      const what = `${member.peer} has more than ${MAX_CONNECTIONS_PER_PEER} connections`
      cutLink(link, new MeshError('ERR_LIMIT_EXCEEDED', what))
      drop(link)
    }
  }

  const drop = (link: Link): void => {
    expiries.get(link)?.()
    expiries.delete(link)
    if (!links.delete(link.connection)) return
    const { peer } = link.session
    const member = members.get(peer)
    if (member === undefined) return
    const snapshot = describe(member)
    const at = member.links.indexOf(link)
    if (at >= 0) member.links.splice(at, 1)
    const reason = new MeshError('ERR_STREAM_CLOSED', `the connection to ${peer} has ended`)
    cutStreams(link, reason)
    if (member.links.length > 0) return
    members.delete(peer)
    if (snapshot !== undefined) init.onDisconnect(snapshot)
  }

  return {
    get connectionCount() {
      return links.size
    },
    add(connection, session) {
      const { peer } = session
      const old = members.get(peer)
      if (old !== undefined) dropStale(old, connection)
      const known = members.get(peer)
      const member: Member = known ?? {
        peer,
        connectedAtMs: clock.nowMs(),
        links: [],
        incoming: new Map(),
      }
      const link = {
        connection,
        session,
        openedMs: clock.monotonicMs(),
        streams: new Set<FrameStream>(),
      }
      member.links.push(link)
      links.set(connection, link)
      members.set(peer, member)
      armExpiry(link)
      dropSpare(member)
      const snapshot = describe(member)
      if (known === undefined && snapshot !== undefined) init.onConnect(snapshot)
    },
    remove(connection) {
      const link = links.get(connection)
      if (link !== undefined) drop(link)
    },
    linkOf: (connection) => links.get(connection),
    preferred(peer) {
      const member = members.get(peer)
      return member === undefined ? undefined : choose(member)
    },
    peer(id) {
      const member = members.get(id)
      return member === undefined ? undefined : describe(member)
    },
    peers: () => [...members.values()].flatMap((member) => describe(member) ?? []),
    setRoundTrip(peer, roundTripMs) {
      const member = members.get(peer)
      if (member !== undefined) member.roundTripMs = roundTripMs
    },
    takeStream(peer, protocol, max) {
      const incoming = members.get(peer)?.incoming
      const count = incoming?.get(protocol) ?? 0
      if (incoming === undefined || count >= max) return undefined
      incoming.set(protocol, count + 1)
      return () => incoming.set(protocol, (incoming.get(protocol) ?? 1) - 1)
    },
    async close(peer, reason) {
      const own = members.get(peer)?.links ?? []
      await Promise.all([...own].map((link) => closeLink(link, reason)))
    },
    cut(peer, reason) {
      for (const link of [...(members.get(peer)?.links ?? [])]) cutLink(link, reason)
    },
    judge(membership) {
      for (const link of [...links.values()]) judgeLink(link, membership)
    },
    trim() {
      const oldMs = clock.monotonicMs() - SIMULTANEOUS_DIAL_MS
      for (const member of members.values()) {
        const keep = choose(member)
        for (const link of [...member.links]) {
          if (link === keep || link.openedMs > oldMs || link.connection.streams.length > 0) continue
          void closeLink(
            link,
            new MeshError('ERR_STREAM_CLOSED', 'a spare connection is not needed'),
          )
        }
      }
    },
    stop() {
      const reason = new MeshError('ERR_ABORTED', 'this node is stopping')
      for (const link of [...links.values()]) cutStreams(link, reason)
      for (const cancel of expiries.values()) cancel()
      expiries.clear()
    },
  }
}
