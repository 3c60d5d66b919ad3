import { isMeshError, MeshError, toMeshError } from '../../errors/index.ts'
import { watch } from '../async.ts'
import { MAX_ROUND_MS } from '../limits.ts'
import { beginRound } from './beginner.ts'
import { createChannel, PUSH_PULL_INIT, PUSH_PULL_PROTOCOL } from './channel.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { Transport } from '../../transport/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { Channel } from './channel.ts'
import type { Replica } from './replica.ts'
import type { RoundReport } from './reports.ts'

/** The rounds that this node begins, on streams that it keeps. */
export interface Rounds {
  /** One round a peer at a time; who asks for another one meanwhile gets the one under way. */
  begin(peer: PeerId): Promise<void>
  /** Waits for the one under way, however it ends. */
  settled(peer: PeerId): Promise<void>
  start(): void
  /** Ends all that are under way. */
  stop(reason: MeshError): Promise<void>
}

export interface RoundsInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly intake: Intake
  readonly replicas: readonly Replica[]
  readonly report: (report: RoundReport) => void
  /** A record of this peer was news. */
  readonly onTaken: (peer: PeerId) => void
  readonly onFault: (peer: PeerId, error: unknown) => void
  /** There is more to be had than one round moves. */
  readonly onIncomplete: (peer: PeerId) => void
  /** Well or not. */
  readonly onEnded: (peer: PeerId) => void
}

export const createRounds = (init: RoundsInit): Rounds => {
  const { transport, clock, random, logger, intake, replicas, report, onTaken } = init
  const kept = new Map<PeerId, Channel>()
  const rounds = new Map<PeerId, Promise<void>>()
  let controller = new AbortController()

  const openChannel = async (peer: PeerId, signal: AbortSignal): Promise<Channel> => {
    const channel = createChannel(
      await transport.open(peer, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT, { signal }),
    )
    if (signal.aborted) {
      channel.stream.abort(new MeshError('ERR_ABORTED', 'sync stops'))
      throw new MeshError('ERR_ABORTED', 'sync stops')
    }
    kept.set(peer, channel)
    const forget = (): void => {
      if (kept.get(peer) === channel) kept.delete(peer)
    }
    channel.stream.signal.addEventListener('abort', forget, { once: true })
    return channel
  }

  /** `channel`: as far as the round came; none if it did not begin. */
  const reportFailure = (peer: PeerId, channel: Channel | undefined, error: unknown): void => {
    const { bytes = 0, sentBytes = 0 } = channel ?? {}
    report({
      ...{ peer, atMs: clock.nowMs(), begunBy: 'us', equal: false, bytes, sentBytes },
      ...{ differences: 0, received: 0, sent: 0, error: toMeshError(error).message },
    })
  }

  const exchange = async (channel: Channel): Promise<boolean> => {
    const { peer } = channel.stream
    let total = { equal: true, differences: 0, received: 0, sent: 0, incomplete: false }
    channel.reset()
    for (const replica of replicas) {
      const result = await beginRound(channel, {
        ...{ replica, intake, clock, random },
        onTaken: () => onTaken(peer),
      })
      total = {
        equal: total.equal && result.equal,
        differences: total.differences + result.differences,
        received: total.received + result.received,
        sent: total.sent + result.sent,
        incomplete: total.incomplete || result.incomplete,
      }
    }
    const { incomplete, ...result } = total
    const { bytes, sentBytes } = channel
    report({ peer, atMs: clock.nowMs(), begunBy: 'us', ...result, bytes, sentBytes })
    if (!result.equal) logger.debug({ peer, ...result, bytes }, 'reconciled')
    return incomplete
  }

  const attempt = async (channel: Channel): Promise<boolean> => {
    const { stream } = channel
    try {
      return await watch(
        { clock, limitMs: MAX_ROUND_MS, giveUp: (why) => stream.abort(why) },
        `a round with ${stream.peer}`,
        () => exchange(channel),
      )
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      stream.abort(reason)
      throw error
    }
  }

  const runRound = async (peer: PeerId): Promise<void> => {
    const { signal } = controller
    const reused = kept.get(peer)
    let channel = reused
    const onFresh = async (): Promise<boolean> => {
      channel = undefined
      channel = await openChannel(peer, signal)
      return attempt(channel)
    }
    try {
      const incomplete = await (reused === undefined
        ? onFresh()
        : attempt(reused).catch((error: unknown) => {
            // The peer may have ended a stream that was idle; a fresh one settles it.
            if (signal.aborted || !isMeshError(error, 'ERR_STREAM_CLOSED')) throw error
            return onFresh()
          }))
      if (incomplete) init.onIncomplete(peer)
    } catch (error) {
      if (!signal.aborted) {
        reportFailure(peer, channel, error)
        init.onFault(peer, error)
      }
      throw error
    } finally {
      init.onEnded(peer)
    }
  }

  const begin = (peer: PeerId): Promise<void> => {
    const current = rounds.get(peer)
    if (current !== undefined) return current
    const promise = runRound(peer).finally(() => rounds.delete(peer))
    rounds.set(peer, promise)
    return promise
  }

  return {
    begin,
    async settled(peer) {
      await rounds.get(peer)?.catch(() => undefined)
    },
    start() {
      controller = new AbortController()
    },
    async stop(reason) {
      controller.abort()
      for (const { stream } of kept.values()) stream.abort(reason)
      await Promise.allSettled(rounds.values())
    },
  }
}
