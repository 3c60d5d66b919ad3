import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Keeps a server at so many connections. A newcomer takes the place of the one that has waited
 * longest without asking anything whole: were newcomers turned away instead, whoever opens enough
 * connections and sends a byte at a time would keep everybody else out.
 */
export const limitConnections = (server: Server, maxConnections: number): void => {
  const open = new Set<Socket>()
  /** In the order in which they began to wait. */
  const waiting = new Set<Socket>()
  const underWay = new WeakMap<Socket, number>()

  const leave = (socket: Socket): void => {
    open.delete(socket)
    waiting.delete(socket)
  }

  server.on('connection', (socket: Socket) => {
    open.add(socket)
    waiting.add(socket)
    socket.once('close', () => leave(socket))
    if (open.size <= maxConnections) return
    // If all others are being answered, that is the newcomer itself.
    const [longest] = waiting
    if (longest === undefined) return
    leave(longest)
    longest.destroy()
  })

  const onRequest = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    waiting.delete(socket)
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const left = (underWay.get(socket) ?? 1) - 1
      underWay.set(socket, left)
      if (left === 0 && open.has(socket)) waiting.add(socket)
    })
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
}
