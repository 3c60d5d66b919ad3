import { createTokenBucket } from '../util/index.ts'
import {
  MAX_REMEMBERED_REFUSALS,
  REFUSALS_LOGGED_BURST,
  REFUSALS_LOGGED_PER_MINUTE,
} from './limits.ts'
import type { ErrorCode, MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Clock } from '../util/index.ts'

/**
 * Says who is refused when that is news. A node with a wrong key comes back for as long as it runs,
 * every few seconds, and says nothing new by it.
 */
export interface RefusalLog {
  /** A connection of `address` was refused. */
  refused(address: string, error: MeshError): void
  /** A member is connected: should it be refused again, that is news. */
  admitted(peer: PeerId): void
}

/** The peer, if it had proved its key; else the machine, without the port that changes each time. */
const whoOf = (address: string, { data }: MeshError): string =>
  typeof data.peer === 'string' ? data.peer : address.split('/').slice(0, 3).join('/')

export const createRefusalLog = ({
  clock,
  logger,
}: {
  clock: Clock
  logger: Logger
}): RefusalLog => {
  const allowed = createTokenBucket(
    { clock },
    { perSecond: REFUSALS_LOGGED_PER_MINUTE / 60, burst: REFUSALS_LOGGED_BURST },
  )
  /** What each of them was told to be refused for; who came longest ago is first. */
  const told = new Map<string, Set<ErrorCode>>()

  return {
    refused(address, error) {
      const { code, message, data } = error
      const who = whoOf(address, error)
      const codes = told.get(who) ?? new Set()
      told.delete(who)
      told.set(who, codes)
      const oldest = told.keys().next()
      if (told.size > MAX_REMEMBERED_REFUSALS && !oldest.done) told.delete(oldest.value)
      const isTold = !codes.has(code) && allowed.tryTake(1)
      if (isTold) codes.add(code)
      const log = isTold ? logger.info : logger.debug
      log({ address, code, ...data }, `connection refused: ${message}`)
    },
    admitted: (peer) => void told.delete(peer),
  }
}
