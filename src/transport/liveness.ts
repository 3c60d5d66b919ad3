import { isMeshError, MeshError } from '../errors/index.ts'
import { equalBytes } from '../util/index.ts'
import { MAX_PING_MISSES, PING_BYTES, PING_INTERVAL_MS, PING_TIMEOUT_MS } from './limits.ts'
import type { PeerId } from '../keys/index.ts'
import type { Worker, Workers } from '../observe/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { FrameStream, ProtocolInit } from './types.ts'

/** Wire format: docs/protocols/peers.md. */
export const PING_PROTOCOL = '/mesh/ping/1'
export const PING_INIT: ProtocolInit = { maxFrameBytes: PING_BYTES, maxStreamsPerPeer: 2 }
/** A measured round trip is good for this long, even if the peer's own pings prove it alive. */
const ROUND_TRIP_TTL_MS = 60_000

/** What liveness needs of a connection. */
export interface LivenessLink {
  /** Equal for the same connection. */
  readonly key: object
  readonly peer: PeerId
  /** Monotonic time of the last bytes from it. */
  heardMs(): number
  open(signal: AbortSignal): Promise<FrameStream>
  /** It does not answer any more. */
  cut(reason: MeshError): void
}

interface Watch {
  stream?: FrameStream
  misses: number
  measuredMs?: number
}

/** Answers pings until the peer ends. */
export const answerPings = async (stream: FrameStream): Promise<void> => {
  for (let ping = await stream.receive(); ping !== undefined; ping = await stream.receive()) {
    if (ping.length !== PING_BYTES) {
      throw new MeshError(
        'ERR_PROTOCOL_MALFORMED',
        `a ping has ${PING_BYTES} bytes, not ${ping.length}`,
      )
    }
    await stream.send(ping)
  }
}

/**
 * Finds connections that are dead without having ended. Anything heard from a peer proves it alive,
 * its own pings too, so between two idle nodes only one of them pings at a time.
 */
export const startLiveness = (
  { clock, random, workers }: { clock: Clock; random: Random; workers: Workers },
  init: {
    links(): Iterable<LivenessLink>
    onRoundTrip(peer: PeerId, roundTripMs: number): void
    /** After each round. */
    onRound(): void
  },
): Worker => {
  // By link: a new connection of the same peer starts afresh.
  const watches = new WeakMap<object, Watch>()

  const echo = async (link: LivenessLink, watch: Watch, signal: AbortSignal): Promise<void> => {
    watch.stream ??= await link.open(signal)
    const { stream } = watch
    const startedMs = clock.monotonicMs()
    const ping = random.bytes(PING_BYTES)
    const onAbort = (): void => stream.abort(new MeshError('ERR_ABORTED', 'liveness is stopping'))
    signal.addEventListener('abort', onAbort, { once: true })
    const ask = async (): Promise<Uint8Array | undefined> => {
      await stream.send(ping)
      return stream.receive({ timeoutMs: PING_TIMEOUT_MS })
    }
    const answer = await ask().finally(() => signal.removeEventListener('abort', onAbort))
    if (answer === undefined || !equalBytes(answer, ping)) {
      throw new MeshError('ERR_PROTOCOL_MALFORMED', `${link.peer} answered a ping wrongly`)
    }
    watch.measuredMs = clock.monotonicMs()
    init.onRoundTrip(link.peer, watch.measuredMs - startedMs)
  }

  const isNeeded = (link: LivenessLink, watch: Watch): boolean => {
    const nowMs = clock.monotonicMs()
    const silentMs = nowMs - link.heardMs()
    const measuredMs = watch.measuredMs ?? Number.NEGATIVE_INFINITY
    return silentMs >= PING_INTERVAL_MS / 2 || nowMs - measuredMs >= ROUND_TRIP_TTL_MS
  }

  const check = async (link: LivenessLink, signal: AbortSignal): Promise<void> => {
    const watch = watches.get(link.key) ?? { misses: 0 }
    watches.set(link.key, watch)
    if (!isNeeded(link, watch)) {
      watch.misses = 0
      return
    }
    const startedMs = clock.monotonicMs()
    try {
      await echo(link, watch, signal)
      watch.misses = 0
    } catch (error) {
      // A late answer would be taken for the answer to the next ping.
      watch.stream?.abort(error instanceof Error ? error : new Error(String(error)))
      delete watch.stream
      if (signal.aborted) return
      // Busy with something large, perhaps, but not dead.
      watch.misses = link.heardMs() > startedMs ? 0 : watch.misses + 1
      if (watch.misses < MAX_PING_MISSES) return
      const cause = isMeshError(error) ? error.message : String(error)
      link.cut(
        new MeshError(
          'ERR_TIMEOUT',
          `${link.peer} left ${MAX_PING_MISSES} pings unanswered: ${cause}`,
        ),
      )
    }
  }

  const worker = workers.add({
    name: 'liveness',
    intervalMs: PING_INTERVAL_MS,
    async run(signal) {
      const links = [...init.links()]
      await Promise.all(links.map((link) => check(link, signal)))
      init.onRound()
      if (links.some((link) => (watches.get(link.key)?.misses ?? 0) > 0)) worker.wake(1_000)
    },
  })
  return worker
}
