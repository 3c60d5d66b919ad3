import { createServer } from 'node:http'
import { MeshError } from '../errors/index.ts'
import {
  HEADERS_TIMEOUT_MS,
  INTERFACE_CHECK_INTERVAL_MS,
  IDLE_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  LINGER_MS,
  MAX_CONNECTIONS,
  MAX_HEADER_BYTES,
  MAX_PIPELINED_REQUESTS,
  MAX_REQUESTS_PER_CONNECTION,
  STOP_GRACE_MS,
} from './limits.ts'
import { createInterfaceWatch } from './interface-watch.ts'
import { isAddress } from './interfaces.ts'
import { limitPipelines } from './pipelines.ts'
import { limitConnections } from './places.ts'
import { rawProblem } from './problem.ts'
import { listenOnSocket } from './unix-socket.ts'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Worker } from '../observe/index.ts'
import type { Clock } from '../util/index.ts'
import type { HttpInit, HttpServices } from './services.ts'

/** Servers of node:http that hand their requests to one listener function. */
export interface Listeners {
  /** @throws MeshError `ERR_LISTEN_FAILED` */
  open(): Promise<void>
  /** Takes no more connections; ends those under way when `graceMs` are over. */
  close(): Promise<void>
  urls(): readonly string[]
  /** Whether the request came in over the unix socket. */
  isLocal(request: IncomingMessage): boolean
  /** Whether the client waits for `100 Continue` before it sends the body. */
  awaitsContinue(request: IncomingMessage): boolean
}

const parserProblems: Readonly<Record<string, MeshError>> = {
  HPE_HEADER_OVERFLOW: new MeshError(
    'ERR_REQUEST_TOO_LARGE',
    `the header fields have more than ${MAX_HEADER_BYTES} bytes`,
  ),
  ERR_HTTP_REQUEST_TIMEOUT: new MeshError(
    'ERR_REQUEST_TOO_SLOW',
    `the header fields did not arrive within ${HEADERS_TIMEOUT_MS} ms`,
  ),
}
const notHttp = new MeshError('ERR_REQUEST_MALFORMED', 'this is not HTTP/1.1')

const answerParserError = (
  error: Error & { code?: string },
  socket: Socket,
  clock: Clock,
): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  // Cut at once, the answer might not arrive; left open, a client that never closes keeps its place.
  const cancel = clock.schedule(LINGER_MS, () => socket.destroy())
  socket.once('close', cancel)
  socket.end(rawProblem(parserProblems[error.code ?? ''] ?? notHttp))
}

const listenOnTcp = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new MeshError(
          'ERR_LISTEN_FAILED',
          `cannot listen for HTTP on ${host}, port ${port}: ${error.message}; ` +
            'see http.listen and http.port',
          { data: { host, port }, cause: error },
        ),
      )
    server.once('error', fail)
    server.listen({ host, port }, () => {
      server.off('error', fail)
      resolve()
    })
  })

const urlOf = (server: Server): string[] => {
  const address = server.address()
  if (address === null || typeof address === 'string') return []
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return [`http://${host}:${address.port}`]
}

const shut = (server: Server, graceMs: number, clock: Clock): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.schedule(graceMs, () => server.closeAllConnections())
    server.close(() => {
      cancel()
      resolve()
    })
    server.closeIdleConnections()
  })

export const createListeners = (
  components: Pick<HttpServices, 'clock' | 'health' | 'logger' | 'workers' | 'findAddresses'> & {
    handle: RequestListener
    /** Somebody for whom there was no place was told so. */
    onTurnedAway?: (method: string) => void
  },
  init: HttpInit,
): Listeners => {
  const localSockets = new WeakSet<Socket>()
  const waiting = new WeakSet<IncomingMessage>()
  let servers: Server[] = []

  const build = (): Server => {
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      // A body has no fixed time; the speed it must keep is judged where it is read.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    })
    const turnsAway = limitConnections(server, {
      ...{ maxConnections: MAX_CONNECTIONS, clock: components.clock },
      ...(components.onTurnedAway === undefined ? {} : { onTurnedAway: components.onTurnedAway }),
    })
    server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION
    server.timeout = IDLE_TIMEOUT_MS
    const handle = limitPipelines(components.handle, { maxUnanswered: MAX_PIPELINED_REQUESTS })
    server.on('request', (request, response) => {
      if (!turnsAway(request, response)) handle(request, response)
    })
    server.on('checkContinue', (request, response) => {
      if (turnsAway(request, response)) return
      waiting.add(request)
      handle(request, response)
    })
    server.on('clientError', (error, socket: Socket) =>
      answerParserError(error, socket, components.clock),
    )
    servers.push(server)
    return server
  }

  const graceMs = init.stopGraceMs ?? STOP_GRACE_MS
  let watcher: Worker | undefined

  const listenOn = async (address: string): Promise<() => Promise<void>> => {
    const server = build()
    const forget = (): void => {
      servers = servers.filter((each) => each !== server)
    }
    try {
      await listenOnTcp(server, address, init.port)
    } catch (error) {
      forget()
      throw error
    }
    return async () => {
      forget()
      await shut(server, graceMs, components.clock)
    }
  }

  const close = async (): Promise<void> => {
    await watcher?.stop()
    watcher = undefined
    const open = servers
    servers = []
    await Promise.all(open.map((server) => shut(server, graceMs, components.clock)))
  }

  return {
    async open() {
      try {
        for (const address of init.listen.filter(isAddress)) await listenOn(address)
        const watch = createInterfaceWatch(
          { ...components, find: components.findAddresses, listen: listenOn },
          { entries: init.listen },
        )
        await watch.check({ strict: true })
        if (watch.isNeeded) {
          watcher = components.workers.add({
            name: 'http-interfaces',
            intervalMs: INTERFACE_CHECK_INTERVAL_MS,
            run: () => watch.check({ strict: false }),
          })
        }
        const server = build()
        server.on('connection', (socket) => localSockets.add(socket))
        await listenOnSocket(server, { path: init.socketPath, mode: init.socketMode })
      } catch (error) {
        await close()
        throw error
      }
    },
    close,
    urls: () => servers.flatMap(urlOf),
    isLocal: ({ socket }) => localSockets.has(socket),
    awaitsContinue: (request) => waiting.has(request),
  }
}
