import { PROBLEM_MEDIA_TYPE } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { hasBodyLeft, lingering } from './linger.ts'
import { MAX_TURNED_AWAY, MAX_TURNED_AWAY_BODY_BYTES, RETRY_AFTER_SECONDS } from './limits.ts'
import { TURN_AWAY_MS } from './limits.ts'
import { toProblem } from './problem.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../util/index.ts'

/**
 * Clients for whom there is no place, while they are told so. Few at a time, for a short while, and
 * without anything of what a request costs otherwise, so that telling them is not what takes the daemon
 * down: one too many ends the oldest.
 */
export interface TurnedAway {
  /** Has no place; whatever it asks is answered 503, once. */
  add(socket: Socket): void
  /** Answers the request, if it is of one of them. */
  answer(request: IncomingMessage, response: ServerResponse): boolean
}

export interface TurnedAwayInit {
  readonly clock: Clock
  /** Places of those who are served. */
  readonly maxConnections: number
  /** Somebody was told. */
  readonly onAnswer?: (method: string) => void
}

const busy = (maxConnections: number): string => {
  const message = `all ${maxConnections} connections of this listener are in use; try again in ${RETRY_AFTER_SECONDS} s (TCP and the unix socket have places of their own)`
  const data = { retryAfterSeconds: RETRY_AFTER_SECONDS }
  const { body } = toProblem(new MeshError('ERR_DAEMON_BUSY', message, { data }), '')
  return `${JSON.stringify(body)}\n`
}

export const createTurnedAway = ({
  clock,
  maxConnections,
  onAnswer = () => {},
}: TurnedAwayInit): TurnedAway => {
  const text = busy(maxConnections)
  /** In the order in which they came; those who were answered included, until they are gone. */
  const sockets = new Set<Socket>()
  const answered = new WeakSet<Socket>()
  return {
    add(socket) {
      const [oldest] = sockets
      if (oldest !== undefined && sockets.size >= MAX_TURNED_AWAY) {
        sockets.delete(oldest)
        oldest.destroy()
      }
      sockets.add(socket)
      const cancel = clock.schedule(TURN_AWAY_MS, () => socket.destroy())
      socket.once('close', () => {
        cancel()
        sockets.delete(socket)
      })
    },
    answer(request, response) {
      const { socket } = request
      if (!sockets.has(socket)) return false
      // What else came in the same packet is not looked at: the connection ends with the first answer.
      if (answered.has(socket)) return true
      answered.add(socket)
      onAnswer(request.method ?? '')
      response.writeHead(503, {
        'Content-Type': PROBLEM_MEDIA_TYPE,
        'Content-Length': Buffer.byteLength(text),
        'Retry-After': RETRY_AFTER_SECONDS,
        'X-Content-Type-Options': 'nosniff',
        Connection: 'close',
      })
      if (request.method === 'HEAD') response.end()
      else if (hasBodyLeft(request)) {
        const maxBytes = MAX_TURNED_AWAY_BODY_BYTES
        lingering(text, request, clock, { maxBytes }).pipe(response)
      } else response.end(text)
      return true
    },
  }
}
