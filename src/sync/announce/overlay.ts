import { MeshError } from '../../errors/index.ts'
import { sleep, watch } from '../async.ts'
import { ANNOUNCE_STALL_MS, HELLO_TIMEOUT_MS, MAX_FRAME_BYTES } from '../limits.ts'
import { KEPT_NEIGHBOUR_RANK, MAX_INBOUND_NEIGHBOURS, NEIGHBOUR_BACKOFF_MS } from '../limits.ts'
import { REFUSED_NEIGHBOUR_MS, TARGET_NEIGHBOURS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { decodeAnnounce, encodeAnnounce } from './messages.ts'
import { createOutbox } from './outbox.ts'
import { rankPeers } from './rank.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { FrameStream, ProtocolInit, Transport } from '../../transport/index.ts'
import type { Cancel, Clock } from '../../util/index.ts'
import type { AnnounceMessage, Parcel, Refusal } from './messages.ts'
import type { Outbox } from './outbox.ts'

export const ANNOUNCE_PROTOCOL = '/mesh/announce/1'
/** Two: while one replaces another that the other side has not noticed to be dead. */
export const ANNOUNCE_INIT: ProtocolInit = { maxFrameBytes: MAX_FRAME_BYTES, maxStreamsPerPeer: 2 }

/** A stable graph over the connected peers, along which announcements go. */
export interface Overlay {
  start(): void
  stop(): Promise<void>
  neighbours(): readonly PeerId[]
  /** Queues for every neighbour but one. */
  send(parcel: Parcel, except: PeerId | undefined): void
  /** Serves {@link ANNOUNCE_PROTOCOL}. */
  serve(stream: FrameStream): Promise<void>
}

export interface OverlayInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  /** Takes one message; a rejection ends the link. */
  readonly onMessage: (message: AnnounceMessage, from: PeerId) => Promise<void>
  /** A link has come up; announcements before it may have been missed. */
  readonly onLink: (peer: PeerId) => void
  /** Announcements for this neighbour were dropped. */
  readonly onOverflow: (peer: PeerId) => void
  readonly onSent: (records: number) => void
  /** A link that we opened ended with this error; of others the transport takes care. */
  readonly onFault: (peer: PeerId, error: unknown) => void
}

interface Link {
  readonly peer: PeerId
  readonly stream: FrameStream
  /** Whether we picked this neighbour, or it us. */
  readonly picked: boolean
  readonly outbox: Outbox
  /** We are done with it and have ended our side. */
  released: boolean
}

/** Wait before neighbours are picked anew, so that a burst of connections is one occasion. */
const SETTLE_MS = 5

export const createOverlay = (init: OverlayInit): Overlay => {
  const { transport, clock, logger } = init
  const links = new Map<PeerId, Link>()
  const opening = new Set<PeerId>()
  /** Peers that are not asked before a (monotonic) time, and how long they were not asked last. */
  const avoided = new Map<PeerId, { untilMs: number; forMs: number }>()
  const work = new Set<Promise<unknown>>()
  let controller = new AbortController()
  let timer: { cancel: Cancel; dueMs: number } | undefined
  let running = false

  /** Waited for when stopping; must not reject. */
  const track = (promise: Promise<unknown>): void => {
    work.add(promise)
    void promise.finally(() => work.delete(promise))
  }

  const schedule = (delayMs: number): void => {
    if (!running) return
    const dueMs = clock.monotonicMs() + delayMs
    if (timer !== undefined && timer.dueMs <= dueMs) return
    timer?.cancel()
    timer = { dueMs, cancel: clock.schedule(delayMs, pick) }
  }

  const avoid = (peer: PeerId, forMs: number): void => {
    avoided.set(peer, { untilMs: clock.monotonicMs() + forMs, forMs })
    schedule(forMs)
  }

  const fail = (peer: PeerId): void => {
    const { forMs = NEIGHBOUR_BACKOFF_MS / 2 } = avoided.get(peer) ?? {}
    avoid(peer, Math.min(forMs * 2, REFUSED_NEIGHBOUR_MS))
  }

  /** Has a stream end when the overlay stops. */
  const bind = (stream: FrameStream): void => {
    const { signal } = controller
    const onAbort = (): void => stream.abort(new MeshError('ERR_ABORTED', 'sync stops'))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    const forget = (): void => signal.removeEventListener('abort', onAbort)
    stream.signal.addEventListener('abort', forget, { once: true })
  }

  /** Serves a link until it ends; rejects with why, unless it ended in good order. */
  const run = async (stream: FrameStream, picked: boolean): Promise<void> => {
    const { peer } = stream
    const outbox = createOutbox({
      clock,
      send: (frame) =>
        watch(
          { clock, limitMs: ANNOUNCE_STALL_MS, giveUp: (why) => stream.abort(why) },
          `an announcement to ${peer}`,
          () => stream.send(frame),
        ),
      onSent: init.onSent,
      onOverflow: () => init.onOverflow(peer),
    })
    const link: Link = { peer, stream, picked, outbox, released: false }
    links.get(peer)?.stream.abort(new MeshError('ERR_STREAM_CLOSED', 'a newer link replaces it'))
    links.set(peer, link)
    logger.debug({ peer, picked }, 'neighbour joined')
    init.onLink(peer)
    try {
      for (;;) {
        const frame = await stream.receive()
        if (frame === undefined) break
        const message = decodeAnnounce(frame)
        if (message.type !== 'items' && message.type !== 'have') {
          throw malformed(`${message.type} in the middle of a stream`)
        }
        await init.onMessage(message, peer)
      }
      avoided.delete(peer)
      await stream.close()
    } finally {
      outbox.close()
      if (links.get(peer) === link) links.delete(peer)
      logger.debug({ peer, picked }, 'neighbour left')
      schedule(SETTLE_MS)
    }
  }

  const hello = async (peer: PeerId): Promise<void> => {
    const { signal } = controller
    const stream = await transport.open(peer, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, { signal })
    bind(stream)
    try {
      await stream.send(encodeAnnounce({ type: 'hello' }))
      const frame = await stream.receive({ timeoutMs: HELLO_TIMEOUT_MS })
      if (frame === undefined) throw new MeshError('ERR_STREAM_CLOSED', `${peer} did not answer`)
      const answer = decodeAnnounce(frame)
      if (answer.type === 'welcome') {
        opening.delete(peer)
        return await run(stream, true)
      }
      if (answer.type !== 'refusal') throw malformed(`${answer.type} in answer to hello`)
      if (answer.reason === 'full') avoid(peer, REFUSED_NEIGHBOUR_MS)
      // Joined already: its stream to us is on the way or here; look again a little later.
      else avoid(peer, NEIGHBOUR_BACKOFF_MS)
      await stream.close()
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  const join = async (peer: PeerId): Promise<void> => {
    opening.add(peer)
    try {
      await hello(peer)
    } catch (error) {
      if (controller.signal.aborted) return
      fail(peer)
      init.onFault(peer, error)
    } finally {
      opening.delete(peer)
      schedule(SETTLE_MS)
    }
  }

  /** Ends a link that we picked and no longer need; the other side may pick us in turn. */
  const release = (link: Link): void => {
    link.released = true
    link.outbox.close()
    const end = async (): Promise<void> => {
      await link.stream.close()
      if (link.stream.signal.aborted) return
      const { signal } = controller
      await sleep(clock, HELLO_TIMEOUT_MS, signal).catch(() => undefined)
      link.stream.abort(new MeshError('ERR_TIMEOUT', 'the neighbour did not let go'))
    }
    track(end().catch(() => undefined))
  }

  /** Brings the links in line with who is connected. */
  function pick(): void {
    timer = undefined
    if (!running) return
    const nowMs = clock.monotonicMs()
    const ranked = rankPeers(
      transport.peerId,
      transport.peers().map(({ id }) => id),
    )
    const willing = ranked.filter(
      (peer) => links.has(peer) || (avoided.get(peer)?.untilMs ?? 0) <= nowMs,
    )
    for (const peer of willing.slice(0, TARGET_NEIGHBOURS)) {
      if (!links.has(peer) && !opening.has(peer)) track(join(peer))
    }
    for (const peer of willing.slice(KEPT_NEIGHBOUR_RANK)) {
      const link = links.get(peer)
      if (link?.picked === true && !link.released) release(link)
    }
    for (const [peer, { untilMs }] of avoided) {
      if (!ranked.includes(peer)) avoided.delete(peer)
      else if (untilMs > nowMs) schedule(untilMs - nowMs)
    }
  }

  /** Whether to take a peer that asks to be a neighbour. */
  const judge = (peer: PeerId): Refusal | undefined => {
    // Both ask at once: the stream of the lesser peer id stays.
    if (opening.has(peer) && transport.peerId < peer) return 'joined'
    const inbound = [...links.values()].filter((link) => !link.picked && link.peer !== peer)
    return inbound.length >= MAX_INBOUND_NEIGHBOURS ? 'full' : undefined
  }

  const welcome = async (stream: FrameStream): Promise<void> => {
    bind(stream)
    const frame = await stream.receive({ timeoutMs: HELLO_TIMEOUT_MS })
    if (frame === undefined) return
    if (decodeAnnounce(frame).type !== 'hello') throw malformed('a stream without a hello')
    const reason = judge(stream.peer)
    if (reason !== undefined) return stream.send(encodeAnnounce({ type: 'refusal', reason }))
    await stream.send(encodeAnnounce({ type: 'welcome' }))
    await run(stream, false)
  }

  const onPeers = (): void => schedule(SETTLE_MS)

  return {
    start() {
      if (running) return
      running = true
      controller = new AbortController()
      transport.events.on('connect', onPeers)
      transport.events.on('disconnect', onPeers)
      schedule(SETTLE_MS)
    },

    async stop() {
      running = false
      transport.events.off('connect', onPeers)
      transport.events.off('disconnect', onPeers)
      timer?.cancel()
      timer = undefined
      controller.abort()
      await Promise.allSettled(work)
      avoided.clear()
    },

    neighbours: () => [...links.keys()].sort(),

    send(parcel, except) {
      for (const { peer, outbox, released } of links.values()) {
        if (peer !== except && !released) outbox.push(parcel)
      }
    },

    async serve(stream) {
      if (!running) throw new MeshError('ERR_ABORTED', 'sync is not running')
      const serving = welcome(stream)
      track(serving.catch(() => undefined))
      await serving
    },
  }
}
