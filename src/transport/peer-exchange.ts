import { isMeshError, MeshError } from '../errors/index.ts'
import { createTokenBuckets, sha256 } from '../util/index.ts'
import { parsePeerAddress, readLocation } from './address.ts'
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_EXCHANGED_PEERS,
  MAX_KNOWN_PEERS,
  MAX_PEER_EXCHANGE_BYTES,
  MAX_PEER_EXCHANGES_PER_MINUTE,
  MAX_REMEMBERED_BUDGETS,
  PEER_EXCHANGE_TIMEOUT_MS,
} from './limits.ts'
import { decodePeerExchange, encodePeerExchange } from './peer-exchange-codec.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'
import type { AddressBook } from './address-book.ts'
import type { PeerExchange } from './peer-exchange-codec.ts'
import type { FrameStream, Peer, ProtocolInit, Transport } from './types.ts'

/** Wire format: docs/protocols/peers.md. */
export const PEERS_PROTOCOL = '/mesh/peers/1'
const PEERS_INIT: ProtocolInit = { maxFrameBytes: MAX_PEER_EXCHANGE_BYTES, maxStreamsPerPeer: 2 }

/** What an answer can be that no honest peer sends. */
const FAULTS: ReadonlySet<string> = new Set(['ERR_PROTOCOL_MALFORMED', 'ERR_LIMIT_EXCEEDED'])

/** Hex digits by which it is remembered what was told; two that are alike cost one peer a rumour. */
const TOLD_DIGITS = 12

/** How often it is looked whether a peer that waits may be answered. */
const BUDGET_RETRY_MS = 1_000

/** What addresses are taken to mean; the memory transport has its own kind. */
export interface AddressRules {
  /** Splits an address from its peer id. @throws MeshError `ERR_ADDRESS_INVALID` */
  parse(address: string): { readonly peer: PeerId; readonly location: string }
  /** Whether a location that `informer` told us of can be meant for us. */
  isUsable(location: string, informer?: Peer): boolean
}

/** Addresses of TCP: what is on a machine's own loopback is told to, and by, that machine only. */
export const tcpAddressRules: AddressRules = {
  parse: parsePeerAddress,
  isUsable(location, informer) {
    const found = readLocation(location)
    if (found === undefined) return false
    if (found.reach === 'other' || informer === undefined) return true
    const near = readLocation(informer.address.replace(/\/p2p\/.*$/, ''))
    return near?.reach === found.reach
  },
}

/** Both sides say where they can be reached, and where others can: a request and its answer. */
export interface PeerExchanger {
  /**
   * Whether anybody new was heard of. Only what has changed since the two last told each other is told;
   * `anew`: we have forgotten what the peer told us, or have had no luck with it.
   */
  ask(peer: Peer, options: { anew: boolean; signal: AbortSignal }): Promise<boolean>
  /** The peer is gone; when it comes back it is told everything. */
  forget(peer: PeerId): void
}

export const createPeerExchanger = (
  { transport, book, clock }: { transport: Transport; book: AddressBook; clock: Clock },
  init: {
    rules: AddressRules
    /** A peer has told its addresses, and of others; `news`: somebody was not known before. */
    onLearned(news: boolean): void
    /** Peers that a peer says it was connected to, and has not said so before. */
    onTold?(from: PeerId, peers: readonly PeerId[]): void
  },
): PeerExchanger => {
  const { rules } = init
  // Kept beyond disconnection: a peer that comes back at once has spent what it has spent.
  const budgetOf = createTokenBuckets<PeerId>(
    { clock },
    {
      perSecond: MAX_PEER_EXCHANGES_PER_MINUTE / 60,
      burst: MAX_PEER_EXCHANGES_PER_MINUTE,
      maxKeys: MAX_REMEMBERED_BUDGETS,
    },
  )

  /** Of connected peers: what they were told, as short digests. */
  const told = new Map<PeerId, Set<string>>()

  const toldTo = (peer: PeerId): Set<string> => {
    const known = told.get(peer)
    // More than there can be, so that what is gone since weighs nothing.
    const kept = known === undefined || known.size > MAX_KNOWN_PEERS ? new Set<string>() : known
    told.set(peer, kept)
    return kept
  }

  /** Peers that `to` was not told of yet, or at other addresses. */
  const news = (to: Peer): PeerExchange['peers'] => {
    const before = toldTo(to.id)
    const peers: { peer: PeerId; locations: string[] }[] = []
    for (const { peer, locations } of book.shuffled()) {
      if (peers.length === MAX_EXCHANGED_PEERS) break
      const usable = locations.filter((location) => rules.isUsable(location, to)).sort()
      if (peer === to.id || usable.length === 0) continue
      const entry = sha256(`${peer} ${usable.join(' ')}`).slice(0, TOLD_DIGITS)
      if (before.has(entry)) continue
      before.add(entry)
      peers.push({ peer, locations: usable })
    }
    return peers
  }

  const compose = (to: Peer, anew: boolean): PeerExchange => ({
    anew,
    own: transport
      .addresses()
      .map((address) => rules.parse(address).location)
      .filter((location) => rules.isUsable(location, to))
      .slice(0, MAX_ADDRESSES_PER_PEER),
    peers: news(to),
  })

  /**
   * A node behind address translation knows its port, but not the address that others see: what it
   * says is completed with the one that we see.
   */
  const withObserved = (from: Peer, locations: readonly string[]): string[] => {
    const [, kind, host] = from.address.split('/')
    const port = locations.at(0)?.split('/').at(-1)
    const observed = `/${kind}/${host}/tcp/${port}`
    const isNew =
      port !== undefined && !locations.some((each) => each.startsWith(`/${kind}/${host}/`))
    return isNew && rules.isUsable(observed, from) ? [...locations, observed] : [...locations]
  }

  const take = (from: Peer, { own, peers }: PeerExchange): boolean => {
    const usable = (locations: readonly string[]): string[] =>
      locations.filter((location) => rules.isUsable(location, from))
    book.learn(from.id, withObserved(from, usable(own)))
    let found = false
    for (const { peer, locations } of peers) {
      if (peer !== from.id && book.hear(from.id, peer, usable(locations))) found = true
    }
    init.onTold?.(
      from.id,
      peers.map(({ peer }) => peer),
    )
    init.onLearned(found)
    return found
  }

  const connectedPeer = (id: PeerId): Peer => {
    const peer = transport.peers().find((each) => each.id === id)
    if (peer !== undefined) return peer
    throw new MeshError('ERR_STREAM_CLOSED', `${id} is not connected any more`)
  }

  /**
   * Whoever asks too often waits. It is no fault: a node that dies again and again at its start asks
   * each time, and were it avoided for that, it would be cut off for minutes when it is well again.
   */
  const spend = async ({ peer, signal }: FrameStream): Promise<void> => {
    while (!budgetOf(peer).tryTake(1)) {
      if (signal.aborted) throw new MeshError('ERR_STREAM_CLOSED', `${peer} asks no more`)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          cancel()
          signal.removeEventListener('abort', wake)
          resolve()
        }
        const cancel = clock.schedule(BUDGET_RETRY_MS, wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }

  const answer = async (stream: FrameStream): Promise<void> => {
    await spend(stream)
    const request = await stream.receive({ timeoutMs: PEER_EXCHANGE_TIMEOUT_MS })
    if (request === undefined) return
    const message = decodePeerExchange(request)
    const peer = connectedPeer(stream.peer)
    if (message.anew) told.delete(peer.id)
    await stream.send(encodePeerExchange(compose(peer, false)))
    take(peer, message)
  }

  transport.handle(PEERS_PROTOCOL, PEERS_INIT, answer)

  return {
    forget: (peer) => void told.delete(peer),
    async ask(peer, { anew, signal }) {
      const stream = await transport.open(peer.id, PEERS_PROTOCOL, PEERS_INIT, { signal })
      const onAbort = (): void => stream.abort(new MeshError('ERR_ABORTED', 'peering is stopping'))
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        await stream.send(encodePeerExchange(compose(connectedPeer(peer.id), anew)))
        const response = await stream.receive({ timeoutMs: PEER_EXCHANGE_TIMEOUT_MS })
        if (response === undefined) {
          throw new MeshError('ERR_STREAM_CLOSED', `${peer.id} did not tell its peers`)
        }
        const found = take(peer, decodePeerExchange(response))
        await stream.close()
        return found
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error))
        stream.abort(reason)
        // It may not have read what it was told.
        told.delete(peer.id)
        if (isMeshError(error) && FAULTS.has(error.code)) transport.blame(peer.id, error)
        throw error
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}
