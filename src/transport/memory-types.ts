import type { PeerId } from '../keys/index.ts'
import type { Logger } from '../observe/index.ts'
import type { MemoryLink } from './memory-links.ts'
import type { Transport } from './types.ts'

export interface MemoryNetworkInit extends MemoryLink {
  /** Bytes in flight in each direction of a stream. @default 256 KiB */
  readonly windowBytes?: number
  /** Sees every frame as it is sent, and its bytes, which are not to be changed. */
  readonly onFrame?: (frame: MemoryFrame, bytes: Uint8Array) => void
}

export interface MemoryFrame {
  readonly from: PeerId
  readonly to: PeerId
  readonly protocol: string
  readonly sizeBytes: number
}

export interface MemoryTransportInit {
  readonly peerId: PeerId
  /** Node name, as its certificate would give it. */
  readonly name?: string
  readonly logger: Logger
  /** Any multiaddr that ends in `/p2p/<peerId>`. @default `/memory/<number>/p2p/<peerId>` */
  readonly address?: string
}

/** A network of transports inside one process. */
export interface MemoryNetwork {
  createTransport(init: MemoryTransportInit): Transport
  /**
   * Only peers of one group can reach each other from now on; a peer in no group reaches nobody.
   * Connections across are silent for `detectMs`, as an unplugged cable is, and then end (at once
   * without it); what was sent meanwhile arrives if the partition ends before that.
   */
  partition(groups: readonly (readonly PeerId[])[], options?: { detectMs?: number }): void
  /**
   * A node dies without a word: nothing that is on its way from it or to it arrives any more, and
   * its peers notice after `detectMs` (at once without it), or when it connects anew. Its transport
   * is of no use afterwards; make another with the same peer id.
   */
  kill(peer: PeerId, options?: { detectMs?: number }): void
  /** Ends the partition. Nobody is connected again by that: dialling is the peers' own business. */
  heal(): void
  /** Changes one link, both ways; what is not named stays. */
  setLink(a: PeerId, b: PeerId, link: MemoryLink): void
}
