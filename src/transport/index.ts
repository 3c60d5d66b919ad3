/**
 * Transport: members of the network, connected to each other, exchanging frames on streams.
 *
 * Promises: whoever appears in here has proved its key and its right to be in the network before
 * any protocol was spoken; every frame, stream, connection and rate has a limit; a peer's mistake
 * ends its stream or its connection and never us. The libp2p transport and its in-memory twin pass
 * the same contract suite.
 *
 * @packageDocumentation
 */
export type { Faults } from './blame.ts'
export type { FrameStream, Peer, ProtocolHandler, ProtocolInit, Transport } from './types.ts'
export type { TransportEvents } from './types.ts'
export { createMemoryNetwork } from './memory.ts'
export type { MemoryLink } from './memory-links.ts'
export type { MemoryNetwork, MemoryNetworkInit, MemoryTransportInit } from './memory-types.ts'
export { createLibp2pTransport } from './libp2p-transport.ts'
export { createMembership } from './membership.ts'
export { createPeering } from './peering.ts'
export type {
  Libp2pTransport,
  Libp2pTransportComponents,
  Libp2pTransportInit,
  TransportCounts,
} from './libp2p-transport.ts'
export type { AddressRules } from './peer-exchange.ts'
export type { Peering, PeeringComponents, PeeringInit } from './peering.ts'
export type { PeerStatus } from './peering-status.ts'
export type { Admission, Membership, MembershipInit } from './membership.ts'
