/**
 * Sync: moves what this node has to the peers that want it, and the other way round.
 *
 * Promises: what was accepted here reaches every reachable peer that wants it, by announcement at
 * once and by push-pull in the end; nothing is relayed before its form and signatures are checked;
 * each exchange has a limit in bytes, time and count. It alone joins domain and transport.
 *
 * Create it before the transport is started: it registers its protocols when it is made.
 *
 * @packageDocumentation
 */
export { createSync } from './sync.ts'
export { locateContents } from './collections/shelf.ts'
export type { EngineComponents, EngineInit, SyncInit } from './sync.ts'
export { outcomeOf } from './push-pull/tally.ts'
export type { Agreement, Mark } from './push-pull/agreements.ts'
export type { Has, PeerKnowledge } from './push-pull/knowledge.ts'
export type { RoundReport } from './push-pull/reports.ts'
export type { RoundCounts, RoundOutcome } from './push-pull/tally.ts'
export type { Engine, Serving, Sync, SyncAbout, SyncStatus } from './types.ts'
export type { Transfer, TransferPeer, Transfers } from './types.ts'
