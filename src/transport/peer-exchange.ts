import { isMeshError, MeshError } from '../errors/index.ts'
import { createTokenBuckets, sha256 } from '../util/index.ts'
import { parsePeerAddress, readLocation } from './address.ts'
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_EXCHANGED_PEERS,
  MAX_PEER_EXCHANGE_BYTES,
  MAX_PEER_EXCHANGES_PER_MINUTE,
  MAX_REMEMBERED_BUDGETS,
  PEER_EXCHANGE_TIMEOUT_MS,
} from './limits.ts'
import { decodePeerExchange, encodePeerExchange } from './peer-exchange-codec.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock, Digest } from '../util/index.ts'
import type { AddressBook } from './address-book.ts'
import type { PeerExchange, PeerTelling } from './peer-exchange-codec.ts'
import type { FrameStream, Peer, ProtocolInit, Transport } from './types.ts'

/** Wire format: docs/protocols/peers.md. */
export const PEERS_PROTOCOL = '/mesh/peers/1'
const PEERS_INIT: ProtocolInit = { maxFrameBytes: MAX_PEER_EXCHANGE_BYTES, maxStreamsPerPeer: 2 }

/** What an answer can be that no honest peer sends. */
const FAULTS: ReadonlySet<string> = new Set(['ERR_PROTOCOL_MALFORMED', 'ERR_LIMIT_EXCEEDED'])

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

const isOf = <T extends PeerExchange['type']>(
  message: PeerExchange,
  type: T,
): message is Extract<PeerExchange, { type: T }> => message.type === type

/** Both sides say where they can be reached, and where others can: a request and its answer. */
export interface PeerExchanger {
  /**
   * Whether anybody new was heard of. What has not changed since the two last told each other is not
   * told again, unless it is wanted `anew`: then the peer tells of others, if it knows more than it may
   * tell at once.
   */
  ask(peer: Peer, options: { anew: boolean; signal: AbortSignal }): Promise<boolean>
  /** The peer is gone; when it comes back it is told, and tells, from the start. */
  forget(peer: PeerId): void
}

export const createPeerExchanger = (
  { transport, book, clock }: { transport: Transport; book: AddressBook; clock: Clock },
  init: {
    rules: AddressRules
    /** A peer has told its addresses, and of others; `news`: somebody was not known before. */
    onLearned(news: boolean): void
    /** The peers that a peer says it was connected to. */
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

  /** Digests of what connected peers have told last. */
  const heard = new Map<PeerId, Digest>()

  const compose = (to: Peer, { anew }: { anew: boolean }): PeerExchange => ({
    type: 'telling',
    own: transport
      .addresses()
      .map((address) => rules.parse(address).location)
      .filter((location) => rules.isUsable(location, to))
      .slice(0, MAX_ADDRESSES_PER_PEER),
    peers: book
      .sample(MAX_EXCHANGED_PEERS, { to: to.id, anew })
      .map(({ peer, locations }) => ({
        peer,
        locations: locations.filter((location) => rules.isUsable(location, to)),
      }))
      .filter(({ locations }) => locations.length > 0),
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

  const digestFor = (peer: Peer, wanted: boolean): PeerExchange => {
    const digest = sha256(encodePeerExchange(compose(peer, { anew: false })))
    return { type: 'digest', digest, wanted }
  }

  const take = (from: Peer, { own, peers }: PeerTelling): boolean => {
    const usable = (locations: readonly string[]): string[] =>
      locations.filter((location) => rules.isUsable(location, from))
    book.learn(from.id, withObserved(from, usable(own)))
    let news = false
    for (const { peer, locations } of peers) {
      if (peer !== from.id && book.hear(from.id, peer, usable(locations))) news = true
    }
    init.onTold?.(
      from.id,
      peers.map(({ peer }) => peer),
    )
    init.onLearned(news)
    return news
  }

  const connectedPeer = (id: PeerId): Peer => {
    const peer = transport.peers().find((each) => each.id === id)
    if (peer !== undefined) return peer
    throw new MeshError('ERR_STREAM_CLOSED', `${id} is not connected any more`)
  }

  const spend = (peer: PeerId): void => {
    if (budgetOf(peer).tryTake(1)) return
    throw new MeshError(
      'ERR_LIMIT_EXCEEDED',
      `${peer} asks for peers more than ${MAX_PEER_EXCHANGES_PER_MINUTE} times a minute`,
    )
  }

  const outOfPlace = ({ type }: PeerExchange): MeshError =>
    new MeshError('ERR_PROTOCOL_MALFORMED', `malformed peer exchange: ${type} out of place`)

  /** What one stream may ask for: each kind of message once. */
  const answer = async (stream: FrameStream): Promise<void> => {
    spend(stream.peer)
    const seen = new Set<PeerExchange['type']>()
    for (;;) {
      const frame = await stream.receive({ timeoutMs: PEER_EXCHANGE_TIMEOUT_MS })
      if (frame === undefined) return
      const message = decodePeerExchange(frame)
      if (seen.has(message.type)) throw outOfPlace(message)
      seen.add(message.type)
      const peer = connectedPeer(stream.peer)
      if (message.type === 'digest') {
        const wanted = heard.get(peer.id) !== message.digest
        await stream.send(encodePeerExchange(digestFor(peer, wanted)))
      } else if (message.type === 'get') {
        await stream.send(encodePeerExchange(compose(peer, message)))
      } else {
        heard.set(peer.id, sha256(frame))
        take(peer, message)
      }
    }
  }

  transport.handle(PEERS_PROTOCOL, PEERS_INIT, answer)

  const receive = async <T extends PeerExchange['type']>(
    stream: FrameStream,
    type: T,
  ): Promise<{ message: Extract<PeerExchange, { type: T }>; digest: Digest }> => {
    const frame = await stream.receive({ timeoutMs: PEER_EXCHANGE_TIMEOUT_MS })
    if (frame === undefined) {
      throw new MeshError('ERR_STREAM_CLOSED', `${stream.peer} did not tell its peers`)
    }
    const message = decodePeerExchange(frame)
    if (!isOf(message, type)) throw outOfPlace(message)
    return { message, digest: sha256(frame) }
  }

  /** Both sides' digests first, and then what is news to either. */
  const exchange = async (stream: FrameStream, peer: Peer, anew: boolean): Promise<boolean> => {
    await stream.send(encodePeerExchange(digestFor(peer, false)))
    const { digest, wanted } = (await receive(stream, 'digest')).message
    if (wanted) await stream.send(encodePeerExchange(compose(peer, { anew: false })))
    if (!anew && heard.get(peer.id) === digest) return false
    await stream.send(encodePeerExchange({ type: 'get', anew }))
    const told = await receive(stream, 'telling')
    // What was told anew is a part of more: its digest would only hide the rest.
    if (told.digest === digest) heard.set(connectedPeer(peer.id).id, digest)
    return take(peer, told.message)
  }

  return {
    forget: (peer) => void heard.delete(peer),
    async ask(peer, { anew, signal }) {
      const stream = await transport.open(peer.id, PEERS_PROTOCOL, PEERS_INIT, { signal })
      const onAbort = (): void => stream.abort(new MeshError('ERR_ABORTED', 'peering is stopping'))
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        const news = await exchange(stream, peer, anew)
        await stream.close()
        return news
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error))
        stream.abort(reason)
        if (isMeshError(error) && FAULTS.has(error.code)) transport.blame(peer.id, error)
        throw error
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
  }
}
