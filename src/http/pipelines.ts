import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Pipeline {
  /** Handed on or waiting. */
  unanswered: number
  readonly waiting: (() => void)[]
}

/**
 * Node makes an error for each request that is left when its connection ends; where hundreds were sent
 * ahead, the stacks that nobody reads were half of what such a connection costs.
 */
const endWithoutStacks = (socket: Socket): void => {
  socket.prependOnceListener('close', () => {
    const limit = Error.stackTraceLimit
    const restore = (): void => {
      Error.stackTraceLimit = limit
    }
    Error.stackTraceLimit = 0
    socket.once('close', restore)
    // Another listener may throw before that.
    process.nextTick(restore)
  })
}

/**
 * Hands on the requests of one connection one after the other, each when the one before it was answered
 * and others had their turn; so many may wait. What comes after is dropped, and the connection closed
 * behind the last answer, as RFC 9112 (9.3.2) has clients expect who send ahead: they ask again for what
 * was not answered. All that arrives at once is parsed, and would be worked on, in one turn of the
 * event loop; meanwhile nobody else is even let in.
 */
export const limitPipelines = (
  handle: RequestListener,
  { maxUnanswered }: { maxUnanswered: number },
): RequestListener => {
  const pipelines = new WeakMap<Socket, Pipeline>()
  const closing = new WeakSet<Socket>()

  const begin = (pipeline: Pipeline, request: IncomingMessage, response: ServerResponse): void => {
    response.once('close', () => {
      pipeline.unanswered--
      const next = pipeline.waiting.shift()
      if (next !== undefined) setImmediate(next)
    })
    // Nobody hears the answers to what is left of a connection that is gone.
    if (!request.socket.destroyed) handle(request, response)
  }

  return (request, response) => {
    const { socket } = request
    if (closing.has(socket)) return
    const pipeline = pipelines.get(socket) ?? { unanswered: 0, waiting: [] }
    pipelines.set(socket, pipeline)
    pipeline.unanswered++
    if (pipeline.unanswered === maxUnanswered) {
      closing.add(socket)
      endWithoutStacks(socket)
      response.shouldKeepAlive = false
    }
    if (pipeline.unanswered === 1) begin(pipeline, request, response)
    else pipeline.waiting.push(() => begin(pipeline, request, response))
  }
}
