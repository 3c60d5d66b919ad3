import { createHolders } from './holders.ts'
import { PLACES_LOOK_INTERVAL_MS } from './limits.ts'
import { createReaders } from './readers.ts'
import { createTurnedAway } from './turned-away.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Cancel, Clock } from '../util/index.ts'

/**
 * Keeps a server at so many connections. A newcomer takes the place of the one that has waited
 * longest without asking anything whole: were newcomers turned away instead, whoever opens enough
 * connections and sends a byte at a time would keep everybody else out. If all have asked, it takes
 * the place of the one that takes least of its answer, if that is next to nothing: or whoever asks for
 * large files and does not read them would. If all are served and take what they asked for, whoever
 * holds most places gives one to a newcomer with fewer; else the newcomer is told to come again.
 *
 * Answers with what has to see each request before anybody else: whether it was answered so.
 */
export const limitConnections = (
  server: Server,
  init: {
    readonly maxConnections: number
    readonly clock: Clock
    /** Somebody without a place was told so. */
    readonly onTurnedAway?: (method: string) => void
  },
): ((request: IncomingMessage, response: ServerResponse) => boolean) => {
  const { maxConnections, clock, onTurnedAway: onAnswer = () => {} } = init
  const turnedAway = createTurnedAway({ clock, maxConnections, onAnswer })
  const open = new Set<Socket>()
  /** In the order in which they began to wait. */
  const waiting = new Set<Socket>()
  const underWay = new WeakMap<Socket, number>()
  const readers = createReaders({ clock })
  const holders = createHolders()
  let looking: Cancel | undefined

  const leave = (socket: Socket): void => {
    open.delete(socket)
    waiting.delete(socket)
    readers.remove(socket)
    holders.remove(socket)
  }

  /** While half of the places are taken. */
  const look = (): void => {
    looking = undefined
    if (open.size * 2 < maxConnections) return
    readers.look()
    looking = clock.schedule(PLACES_LOOK_INTERVAL_MS, look)
  }

  const evict = (socket: Socket | undefined): boolean => {
    if (socket === undefined) return false
    leave(socket)
    socket.destroy()
    return true
  }

  server.on('connection', (socket: Socket) => {
    open.add(socket)
    waiting.add(socket)
    holders.add(socket)
    socket.once('close', () => leave(socket))
    if (looking === undefined) look()
    if (open.size <= maxConnections) return
    const [longest] = waiting
    if (longest !== socket && evict(longest)) return
    // All others are being answered: one that does not listen goes, or else the newcomer itself.
    readers.look()
    if (evict(readers.worst())) return
    if (evict(holders.excess(socket))) return
    leave(socket)
    turnedAway.add(socket)
  })

  const onRequest = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    waiting.delete(socket)
    const count = underWay.get(socket) ?? 0
    underWay.set(socket, count + 1)
    if (count === 0 && open.has(socket)) readers.add(socket)
    response.once('close', () => {
      const left = (underWay.get(socket) ?? 1) - 1
      underWay.set(socket, left)
      if (left > 0 || !open.has(socket)) return
      readers.remove(socket)
      waiting.add(socket)
    })
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  return turnedAway.answer
}
