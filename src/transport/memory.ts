import { EventEmitter } from 'node:events'
import { MeshError, toMeshError } from '../errors/index.ts'
import { createBlameBook } from './blame.ts'
import { STREAM_CLOSE_TIMEOUT_MS, STREAM_OPEN_TIMEOUT_MS } from './limits.ts'
import { connect, cross, disconnect, hangUp, unreachable } from './memory-connection.ts'
import { createMemoryLinks } from './memory-links.ts'
import { createLane, createMemoryStream } from './memory-stream.ts'
import type { ErrorCode } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Connection, Node, Served } from './memory-connection.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { MemoryNetwork, MemoryNetworkInit } from './memory-types.ts'
import type { Peer, ProtocolInit } from './types.ts'

/** What a handler may say that is the peer's fault; as the libp2p transport has it. */
const HANDLER_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PROTOCOL_MALFORMED',
  'ERR_LIMIT_EXCEEDED',
  'ERR_SIGNATURE_INVALID',
  'ERR_PEER_MISBEHAVED',
])
const DEFAULT_WINDOW_BYTES = 256 * 2 ** 10

/** The peer id at the end of a multiaddr. */
const peerOf = (address: string): PeerId => {
  const found = /^\/[ -~]{1,255}\/p2p\/([1-9A-HJ-NP-Za-km-z]{1,64})$/.exec(address)?.[1]
  if (found !== undefined) return found as PeerId
  throw new MeshError(
    'ERR_ADDRESS_INVALID',
    `${JSON.stringify(address.slice(0, 80))} is not an address: /memory/1/p2p/12D3Koo…`,
  )
}

/**
 * The in-memory twin of the libp2p transport: same contract, no sockets, time and chance from
 * outside; with a virtual clock and a seeded generator the same run comes out every time.
 */
export const createMemoryNetwork = (
  components: { clock: Clock; random: Random },
  init: MemoryNetworkInit = {},
): MemoryNetwork => {
  const { clock, random } = components
  const nodes = new Map<PeerId, Node>()
  const numbers = new Map<PeerId, number>()
  const links = createMemoryLinks(random, init)
  let partitions = 0

  /** Waits for `until`; rejects as soon as `signal` aborts, or if it takes too long. */
  const wait = async (
    what: string,
    signal: AbortSignal | undefined,
    until: (resolve: () => void) => void,
  ): Promise<void> => {
    const cancelled = (): MeshError => new MeshError('ERR_ABORTED', `${what} was cancelled`)
    if (signal?.aborted) throw cancelled()
    const done = Promise.withResolvers<void>()
    const onAbort = (): void => done.reject(cancelled())
    signal?.addEventListener('abort', onAbort)
    const cancel = clock.schedule(STREAM_OPEN_TIMEOUT_MS, () =>
      done.reject(new MeshError('ERR_TIMEOUT', `${what} took too long`)),
    )
    until(done.resolve)
    try {
      await done.promise
    } finally {
      cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** One round trip. */
  const travel = (a: PeerId, b: PeerId, what: string, signal?: AbortSignal): Promise<void> =>
    wait(what, signal, (resolve) => {
      const delayMs = links.delayMs(a, b) + links.delayMs(b, a)
      if (delayMs <= 0) resolve()
      else clock.schedule(delayMs, resolve)
    })

  const avoids = (node: Node, peer: PeerId): boolean =>
    node.blame.avoidedUntilMs(peer) !== undefined

  const dial = async (from: Node, address: string, signal?: AbortSignal): Promise<Peer> => {
    const target = peerOf(address)
    if (target === from.peerId) throw unreachable(`${address} is this node itself`)
    if (!from.started) throw unreachable('this transport is not running')
    await travel(from.peerId, target, `dialling ${address}`, signal)
    const known = from.connections.get(target)
    if (known !== undefined) return known.peer
    const to = nodes.get(target)
    const there = to?.started === true && to.address === address
    if (!from.started || !there || !links.reachable(from.peerId, target)) {
      throw unreachable(`nobody answers at ${address}`)
    }
    if (avoids(from, target) || avoids(to, from.peerId)) {
      throw new MeshError('ERR_PEER_REFUSED', `${target} is avoided for a while after faults`)
    }
    const { latencyMs = 0 } = links.link(from.peerId, target)
    return connect(from, to, { atMs: clock.nowMs(), roundTripMs: 2 * latencyMs })
  }

  const blame = (node: Node, peer: PeerId, error: MeshError): void => {
    const { faults, avoid } = node.blame.note(peer, error)
    node.logger.warn({ peer, faults, error }, 'a peer broke the rules')
    if (avoid) hangUp(node, peer, `${peer} is avoided after faults`)
  }

  /** Lets the peer end its side after ours; what it still sends is read and thrown away. */
  const finish = async (stream: MemoryStream): Promise<void> => {
    await stream.close()
    if (stream.signal.aborted) return
    const cancel = clock.schedule(STREAM_CLOSE_TIMEOUT_MS, () =>
      stream.abort(new MeshError('ERR_TIMEOUT', 'the peer did not end its side')),
    )
    stream.signal.addEventListener('abort', cancel, { once: true })
    for (let more: unknown = true; more !== undefined; more = await stream.receive());
  }

  const serve = async (node: Node, served: Served, stream: MemoryStream): Promise<void> => {
    try {
      await served.handler(stream)
      await finish(stream)
    } catch (error) {
      const { peer, protocol } = stream
      const failure = toMeshError(error)
      stream.abort(failure)
      node.logger.debug({ peer, protocol, error: failure }, 'a stream was given up')
      if (HANDLER_FAULTS.has(failure.code)) blame(node, peer, failure)
    }
  }

  const makeEnd = (
    connection: Connection,
    { from, to, protocol }: { from: Node; to: Node; protocol: string },
    limits: ProtocolInit,
  ): MemoryStream => {
    const lane = createLane(clock, () => links.delayMs(from.peerId, to.peerId))
    const end = createMemoryStream({
      peer: to.peerId,
      protocol,
      limits,
      clock,
      // What was on its way when the connection broke is lost.
      lane: (run) =>
        lane(() =>
          cross(connection, {
            links,
            run() {
              if (connection.open) run()
            },
          }),
        ),
      windowBytes: init.windowBytes ?? DEFAULT_WINDOW_BYTES,
      sent(bytes) {
        const sizeBytes = bytes.length
        init.onFrame?.({ from: from.peerId, to: to.peerId, protocol, sizeBytes }, bytes)
        return links.breaks(from.peerId, to.peerId)
      },
    })
    connection.streams.add(end)
    end.signal.addEventListener('abort', () => connection.streams.delete(end))
    return end
  }

  const open = async (
    from: Node,
    peer: PeerId,
    protocol: string,
    limits: ProtocolInit,
    signal?: AbortSignal,
  ): Promise<MemoryStream> => {
    const entry = from.connections.get(peer)
    if (entry === undefined) throw unreachable(`${peer} is not connected`)
    await travel(from.peerId, peer, `opening ${protocol}`, signal)
    const { connection } = entry
    await wait(`opening ${protocol}`, signal, (resolve) =>
      cross(connection, { links, run: resolve }),
    )
    const to = nodes.get(peer)
    const refuse = (why: string): MeshError =>
      new MeshError('ERR_STREAM_CLOSED', `${peer} ${why} ${protocol}`)
    if (!connection.open || to === undefined) throw unreachable(`${peer} is not connected any more`)
    const served = to.handlers.get(protocol)
    if (served === undefined) throw refuse('does not speak')
    const key = `${from.peerId} ${protocol}`
    const count = to.inbound.get(key) ?? 0
    if (count >= served.init.maxStreamsPerPeer) throw refuse('takes no more streams of')
    const near = makeEnd(connection, { from, to, protocol }, limits)
    const far = makeEnd(connection, { from: to, to: from, protocol }, served.init)
    near.join(far)
    far.join(near)
    to.inbound.set(key, count + 1)
    far.signal.addEventListener('abort', () => to.inbound.set(key, (to.inbound.get(key) ?? 1) - 1))
    void serve(to, served, far)
    return near
  }

  const createTransport: MemoryNetwork['createTransport'] = (own) => {
    const { peerId, name, logger } = own
    const number = numbers.get(peerId) ?? numbers.size + 1
    numbers.set(peerId, number)
    const node: Node = {
      peerId,
      name,
      address: own.address ?? `/memory/${number}/p2p/${peerId}`,
      logger,
      events: new EventEmitter(),
      handlers: new Map(),
      connections: new Map(),
      inbound: new Map(),
      blame: createBlameBook({ clock }),
      started: false,
      dead: false,
    }
    return {
      peerId,
      events: node.events,
      async start() {
        nodes.set(peerId, node)
        node.started = true
      },
      async stop() {
        node.started = false
        for (const peer of [...node.connections.keys()]) hangUp(node, peer, 'stopping')
        if (nodes.get(peerId) === node) nodes.delete(peerId)
      },
      handle(protocol, init, handler) {
        node.handlers.set(protocol, { init, handler })
      },
      open: (peer, protocol, limits, options) =>
        open(node, peer, protocol, limits, options?.signal),
      dial: (address, options) => dial(node, address, options?.signal),
      async hangUp(peer) {
        hangUp(node, peer, `${peerId} hung up`)
      },
      peers: () => [...node.connections.values()].map(({ peer }) => peer),
      addresses: () => (node.started ? [node.address] : []),
      blame: (peer, error) => blame(node, peer, error),
      avoidedUntilMs: (peer) => node.blame.avoidedUntilMs(peer),
    }
  }

  return {
    createTransport,
    partition(groups, { detectMs } = {}) {
      const number = ++partitions
      links.setGroups(groups)
      const cut = (): void => {
        if (number !== partitions) return
        for (const node of nodes.values()) {
          for (const peer of [...node.connections.keys()]) {
            if (!links.reachable(node.peerId, peer))
              hangUp(node, peer, 'the network is partitioned')
          }
        }
      }
      if (detectMs === undefined) cut()
      else clock.schedule(detectMs, cut)
    },
    kill(peer, { detectMs } = {}) {
      const node = nodes.get(peer)
      if (node === undefined) return
      node.dead = true
      node.started = false
      nodes.delete(peer)
      node.events.removeAllListeners()
      const broken = [...node.connections.values()].map(({ connection }) => connection)
      for (const { held } of broken) held.length = 0
      const notice = (): void => {
        for (const connection of broken) disconnect(connection, `${peer} is silent`)
      }
      if (detectMs === undefined) notice()
      else clock.schedule(detectMs, notice)
    },
    heal() {
      partitions++
      links.setGroups(undefined)
      for (const node of nodes.values()) {
        for (const { connection } of node.connections.values()) {
          for (const release of connection.held.splice(0)) release()
        }
      }
    },
    setLink: links.set,
  }
}
