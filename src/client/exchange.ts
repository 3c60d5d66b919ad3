import { request as httpRequest } from 'node:http'
import { EXPECT_CONTINUE_BYTES } from '../api/index.ts'
import { aborted, fromConnection, malformed, timedOut } from './failures.ts'
import { CONTINUE_WAIT_MS } from './limits.ts'
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Clock } from '../util/index.ts'
import type { Target } from './address.ts'

/** A body that is streamed. */
export interface OutgoingBody {
  readonly sizeBytes: number
  readonly chunks: AsyncIterable<Uint8Array>
  readonly onProgress?: ((sentBytes: number) => void) | undefined
}

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Encoded, with query. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: OutgoingBody
  readonly signal?: AbortSignal | undefined
}

export interface Connecting {
  readonly target: Target
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  /** Shown over TCP; the unix socket asks for none. */
  readonly token?: string | undefined
}

/** An answer whose body is still to be read; `close` drops the connection. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headersDistinct']
  /** Rejects with a MeshError only. */
  readonly chunks: AsyncIterable<Uint8Array>
  close(): void
}

const openRequest = async (
  { target, connectTimeoutMs, token }: Connecting,
  { method, path, headers, body }: Exchange,
): Promise<ClientRequest> => {
  // TLS costs start-up time that a daemon on this machine never needs.
  const request = target.secure ? (await import('node:https')).request : httpRequest
  const { options } = target
  return request({
    ...options,
    method,
    path: `${target.basePath}${path}`,
    headers: {
      ...('headers' in options ? options.headers : {}),
      ...(token === undefined || 'socketPath' in options
        ? {}
        : { Authorization: `Bearer ${token}` }),
      ...headers,
      ...(body === undefined ? {} : { 'Content-Length': body.sizeBytes }),
      ...(body !== undefined && body.sizeBytes >= EXPECT_CONTINUE_BYTES
        ? { Expect: '100-continue' }
        : {}),
    },
    // One connection a request: the process can end as soon as the answer is there.
    agent: false,
    timeout: connectTimeoutMs,
  })
}

/** Resolves at the first of these events, or after `waitMs`, and leaves no listener behind. */
const firstOf = (
  request: ClientRequest,
  events: readonly string[],
  timer?: { readonly clock: Clock; readonly waitMs: number },
): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel?.()
      for (const event of events) request.off(event, done)
      resolve()
    }
    const cancel = timer?.clock.schedule(timer.waitMs, done)
    for (const event of events) request.on(event, done)
  })

/** Waits until the server wants the body, answers without it, or says nothing of either. */
const awaitContinue = (request: ClientRequest, clock: Clock): Promise<void> => {
  request.flushHeaders()
  const timer = { clock, waitMs: CONTINUE_WAIT_MS }
  return firstOf(request, ['continue', 'response', 'close', 'error'], timer)
}

const awaitDrain = (request: ClientRequest): Promise<void> =>
  firstOf(request, ['drain', 'response', 'close', 'error'])

/**
 * Sends the body until it is complete or `isOver`: a server may answer before it has read
 * everything, and what it says then counts.
 */
const sendBody = async (
  request: ClientRequest,
  { chunks, onProgress }: OutgoingBody,
  isOver: () => boolean,
): Promise<void> => {
  let sentBytes = 0
  for await (const chunk of chunks) {
    if (isOver()) return
    const roomLeft = request.write(chunk)
    sentBytes += chunk.length
    onProgress?.(sentBytes)
    if (!roomLeft && !isOver()) await awaitDrain(request)
  }
  if (!isOver()) request.end()
}

async function* readChunks(
  { target }: Connecting,
  response: IncomingMessage,
  failure: () => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) {
      if (!(chunk instanceof Uint8Array)) throw malformed(target.shown, 'the body is not bytes')
      yield chunk
    }
  } catch (error) {
    throw failure() ?? fromConnection(target.shown, error)
  }
}

/** Sends one request and resolves when the head of the answer is there. */
export const exchange = async (connecting: Connecting, what: Exchange): Promise<Answer> => {
  const { target, clock, connectTimeoutMs, idleTimeoutMs } = connecting
  const { signal, body } = what
  if (signal?.aborted === true) throw aborted()
  const request = await openRequest(connecting, what)
  /** Why we ended the connection ourselves, which the connection's own error would hide. */
  let ours: unknown
  let over = false
  const end = (reason: unknown): void => {
    ours ??= reason
    over = true
    request.destroy()
  }
  const onAbort = (): void => end(aborted())
  signal?.addEventListener('abort', onAbort, { once: true })
  request.once('close', () => signal?.removeEventListener('abort', onAbort))

  let waitMs = connectTimeoutMs
  request.on('timeout', () => end(timedOut(target.shown, waitMs)))
  request.once('socket', (socket) => {
    socket.once('connect', () => {
      waitMs = idleTimeoutMs
      socket.setTimeout(idleTimeoutMs)
    })
  })

  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', (incoming) => {
      over = true
      resolve(incoming)
    })
    // Not `once`: a broken connection can say so more than once.
    request.on('error', (error) => {
      over = true
      reject(ours ?? fromConnection(target.shown, error))
    })
    request.once('close', () => {
      reject(ours ?? fromConnection(target.shown, 'the connection was closed'))
    })
  })

  if (body === undefined) request.end()
  else {
    const sending = async (): Promise<void> => {
      if (body.sizeBytes >= EXPECT_CONTINUE_BYTES) await awaitContinue(request, clock)
      if (!over) await sendBody(request, body, () => over)
    }
    // What fails in reading the body ends the request, and is what the caller sees.
    sending().catch(end)
  }
  const incoming = await response
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headersDistinct,
    chunks: readChunks(connecting, incoming, () => ours),
    close: () => request.destroy(),
  }
}

/** The whole body as text. */
export const readText = async (
  { target }: Connecting,
  { chunks, close }: Answer,
  maxBytes: number,
): Promise<string> => {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    parts.push(chunk)
    length += chunk.length
    if (length > maxBytes) {
      close()
      throw malformed(target.shown, `more than ${maxBytes} bytes`)
    }
  }
  close()
  return Buffer.concat(parts).toString('utf8')
}
