import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Hands on so many requests of one connection before the first of them is answered. What comes after
 * is dropped, and the connection closed behind the last answer, as RFC 9112 (9.3.2) has clients expect
 * who send ahead: they ask again for what was not answered. All that arrives at once is parsed, and
 * would be worked on, in one turn of the event loop; meanwhile nobody else is even let in.
 */
export const limitPipelines = (
  handle: RequestListener,
  { maxUnanswered }: { maxUnanswered: number },
): RequestListener => {
  const unanswered = new WeakMap<Socket, number>()
  const closing = new WeakSet<Socket>()
  return (request, response) => {
    const { socket } = request
    if (closing.has(socket)) return
    const count = (unanswered.get(socket) ?? 0) + 1
    unanswered.set(socket, count)
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1))
    if (count === maxUnanswered) {
      closing.add(socket)
      response.shouldKeepAlive = false
    }
    handle(request, response)
  }
}
