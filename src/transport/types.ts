import type { EventEmitter } from 'node:events'
import type { MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Faults } from './blame.ts'

/** Frames of bytes in order, both ways, over one stream of one protocol. */
export interface FrameStream {
  readonly peer: PeerId
  readonly protocol: string
  /** Aborted when the stream ends for whatever reason. */
  readonly signal: AbortSignal
  /**
   * Sends one frame, which may come in two parts so that nobody has to join them; resolves when there
   * is room for more, so awaiting it is back-pressure. The caller may use its bytes again at once.
   * @throws MeshError `ERR_STREAM_CLOSED`
   */
  send(frame: Uint8Array, rest?: Uint8Array): Promise<void>
  /**
   * The next frame, or `undefined` when the peer has ended its side in good order.
   * @throws MeshError `ERR_STREAM_CLOSED`, `ERR_TIMEOUT` after `timeoutMs`, `ERR_LIMIT_EXCEEDED` for
   * a frame above the protocol's `maxFrameBytes`
   */
  receive(options?: { timeoutMs?: number }): Promise<Uint8Array | undefined>
  /** Ends our side in good order; what was sent still arrives. */
  close(): Promise<void>
  /** Ends both sides at once. */
  abort(reason: Error): void
}

export interface ProtocolInit {
  /** Longest frame either side may send. */
  readonly maxFrameBytes: number
  /** Streams of this protocol that one peer may have open towards us. */
  readonly maxStreamsPerPeer: number
}

/** Serves one incoming stream. When it throws, the stream is aborted and the error counted. */
export type ProtocolHandler = (stream: FrameStream) => Promise<void>

/** A connected member. */
export interface Peer {
  readonly id: PeerId
  /** Node name from its certificate. */
  readonly name?: string
  /** Text of the certificate that admits it. */
  readonly certificate?: string
  /** Multiaddr of this connection. */
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  /** Wall clock, ms since the epoch. */
  readonly connectedAtMs: number
  /** Last measured round trip. */
  readonly roundTripMs?: number
}

export interface TransportEvents {
  connect: [Peer]
  disconnect: [Peer]
}

export interface Discoveries {
  /** Somebody says that `peer` can be reached at these multiaddrs (without its id). */
  peer: [{ readonly peer: PeerId; readonly locations: readonly string[] }]
}

export interface Transport {
  readonly peerId: PeerId
  readonly events: EventEmitter<TransportEvents>
  /** Peers that the transport has heard of by itself; there are none without a DHT. */
  readonly discoveries?: EventEmitter<Discoveries>
  start(): Promise<void>
  stop(): Promise<void>
  /** Call before `start`. Protocol ids are `/mesh/<noun>/<major>`. */
  handle(protocol: string, init: ProtocolInit, handler: ProtocolHandler): void
  /** Opens a stream to a connected peer. */
  open(
    peer: PeerId,
    protocol: string,
    init: ProtocolInit,
    options?: { signal?: AbortSignal },
  ): Promise<FrameStream>
  /** Connects to a multiaddr with a peer id; resolves with the member found there. */
  dial(address: string, options?: { signal?: AbortSignal }): Promise<Peer>
  /** Closes the connections to a peer. */
  hangUp(peer: PeerId): Promise<void>
  /** Members connected now; one entry a peer. */
  peers(): readonly Peer[]
  /** Multiaddrs (with our peer id) under which others can reach us. */
  addresses(): readonly string[]
  /**
   * Holds a fault against a peer: counted, logged with its name, and from the third within ten
   * minutes on (or at once for `ERR_SIGNATURE_INVALID`) it is disconnected and avoided for a while.
   */
  blame(peer: PeerId, error: MeshError): void
  /** Until when a peer is avoided (wall clock, ms since the epoch); `undefined`: it is welcome. */
  avoidedUntilMs?(peer: PeerId): number | undefined
  /** Why a peer is let in no more, whatever it shows: it was revoked. Nobody need dial it. */
  refusal?(peer: PeerId): MeshError | undefined
  /** What peers did wrong since the start, as far as it is remembered. */
  faults?(): ReadonlyMap<PeerId, Faults>
}
