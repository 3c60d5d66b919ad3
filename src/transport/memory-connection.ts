import { MeshError } from '../errors/index.ts'
import type { EventEmitter } from 'node:events'
import type { PeerId } from '../keys/index.ts'
import type { Logger } from '../observe/index.ts'
import type { BlameBook } from './blame.ts'
import type { MemoryLinks } from './memory-links.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { Peer, ProtocolHandler, ProtocolInit, TransportEvents } from './types.ts'

export interface Served {
  readonly init: ProtocolInit
  readonly handler: ProtocolHandler
}

export interface Connection {
  readonly ends: readonly [Node, Node]
  readonly streams: Set<MemoryStream>
  /** What waits for the end of a partition. */
  readonly held: (() => void)[]
  open: boolean
}

/** One transport as the network sees it. */
export interface Node {
  readonly peerId: PeerId
  readonly name: string | undefined
  readonly address: string
  readonly logger: Logger
  readonly events: EventEmitter<TransportEvents>
  readonly handlers: Map<string, Served>
  readonly connections: Map<PeerId, { connection: Connection; peer: Peer }>
  readonly inbound: Map<string, number>
  readonly blame: BlameBook
  started: boolean
  /** Killed: nothing that it sends or waits for arrives any more. */
  dead: boolean
}

export const unreachable = (what: string, cause?: unknown): MeshError =>
  new MeshError('ERR_PEER_UNREACHABLE', what, { cause })

/** Breaks it on both sides at once. */
export const disconnect = (connection: Connection, why: string): void => {
  if (!connection.open) return
  connection.open = false
  const [a, b] = connection.ends
  for (const release of connection.held.splice(0)) release()
  for (const stream of connection.streams) {
    stream.arriveReset()
    stream.abort(unreachable(why))
  }
  for (const [node, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const entry = node.connections.get(other.peerId)
    node.connections.delete(other.peerId)
    if (entry !== undefined) node.events.emit('disconnect', entry.peer)
  }
}

export const hangUp = (node: Node, peer: PeerId, why: string): void => {
  const entry = node.connections.get(peer)
  if (entry !== undefined) disconnect(entry.connection, why)
}

/** Tells both of it, as they see each other. */
export const connect = (
  from: Node,
  to: Node,
  { atMs, roundTripMs }: { atMs: number; roundTripMs: number },
): Peer => {
  // One of a former life that the other side still believes in.
  hangUp(to, from.peerId, `${from.peerId} has connected anew`)
  const connection: Connection = { ends: [from, to], streams: new Set(), held: [], open: true }
  const describe = (node: Node, direction: Peer['direction']): Peer => ({
    id: node.peerId,
    ...(node.name === undefined ? {} : { name: node.name }),
    address: node.address,
    direction,
    connectedAtMs: atMs,
    roundTripMs,
  })
  const seenFrom = describe(to, 'outbound')
  const seenTo = describe(from, 'inbound')
  from.connections.set(to.peerId, { connection, peer: seenFrom })
  to.connections.set(from.peerId, { connection, peer: seenTo })
  to.events.emit('connect', seenTo)
  from.events.emit('connect', seenFrom)
  return seenFrom
}

/** Runs something that crosses the connection, now, when a partition ends, or when it breaks. */
export const cross = (
  { ends: [a, b], held, open }: Connection,
  { links, run }: { links: Pick<MemoryLinks, 'reachable'>; run: () => void },
): void => {
  if (a.dead || b.dead) return
  if (!open || (held.length === 0 && links.reachable(a.peerId, b.peerId))) run()
  else held.push(run)
}
