import { CURSOR_PARAMETER, EVENT_TYPES, EVENTS_MEDIA_TYPE, NAME_PARAMETER } from '../api/index.ts'
import { routes, TYPE_PARAMETER } from '../api/index.ts'
import { isMeshError, toMeshError } from '../errors/index.ts'
import { eventBody, gapBody, streamStartBody } from './bodies/index.ts'
import { readEventStream } from './event-stream.ts'
import { aborted, fromConnection, malformed } from './failures.ts'
import { EVENT_SILENCE_MS, FIRST_RECONNECT_MS, LONGEST_RECONNECT_MS } from './limits.ts'
import { ShapeError } from './shape.ts'
import type { Clock } from '../util/index.ts'
import type { Answer, Exchange } from './exchange.ts'
import type { ServerEvent } from './event-stream.ts'
import type { ClientEvent, EventsInit } from './types.ts'

/** What the stream needs of a client. */
export interface EventSource {
  readonly address: string
  readonly clock: Clock
  /** Sends, and throws what the daemon refuses; gives up after so long a silence. */
  send(what: Exchange, idleTimeoutMs: number): Promise<Answer>
}

const pathOf = ({ names = [], types = [] }: EventsInit, cursor: string | undefined): string => {
  const parameters = [
    ...names.map((name) => [NAME_PARAMETER, name]),
    ...types.map((type) => [TYPE_PARAMETER, type]),
    ...(cursor === undefined ? [] : [[CURSOR_PARAMETER, cursor]]),
  ]
  const text = parameters.map(([key, value = '']) => `${key}=${encodeURIComponent(value)}`)
  return text.length === 0 ? routes.events : `${routes.events}?${text.join('&')}`
}

/** `undefined`: of a kind that this version does not know. */
const toEvent = (address: string, { event, data = '' }: ServerEvent): ClientEvent | undefined => {
  const isKnown = (EVENT_TYPES as readonly string[]).includes(event)
  if (!isKnown && event !== 'gap' && event !== 'start') return undefined
  try {
    const value: unknown = JSON.parse(data)
    if (event === 'gap') return gapBody(value, '')
    return event === 'start' ? streamStartBody(value, '') : eventBody(value, '')
  } catch (error) {
    if (error instanceof ShapeError) throw malformed(address, `${event}: ${error.message}`)
    if (error instanceof SyntaxError) throw malformed(address, `${event} is not JSON`)
    throw error
  }
}

/** What ends a stream without being the end: it goes on where it was, as soon as it can. */
const MAY_PASS = ['ERR_DAEMON_UNREACHABLE', 'ERR_TIMEOUT', 'ERR_LIMIT_EXCEEDED', 'ERR_ABORTED']

const waitWith =
  (clock: Clock) =>
  (delayMs: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.schedule(delayMs, () => {
        signal?.removeEventListener('abort', end)
        resolve()
      })
      const end = (): void => {
        cancel()
        resolve()
      }
      signal?.addEventListener('abort', end, { once: true })
    })

/** Events as they happen; connects again when the connection is lost, and goes on where it was. */
export async function* streamEvents(
  source: EventSource,
  init: EventsInit,
): AsyncGenerator<ClientEvent> {
  const { address, clock } = source
  const { signal } = init
  const isOver = (): boolean => signal?.aborted === true
  const sleep = init.sleep ?? waitWith(clock)
  let { cursor } = init
  let hadOne = init.patient ?? false
  let delayMs = FIRST_RECONNECT_MS
  for (;;) {
    try {
      const answer = await source.send(
        {
          method: 'GET',
          path: pathOf(init, cursor),
          headers: { Accept: EVENTS_MEDIA_TYPE },
          signal,
        },
        EVENT_SILENCE_MS,
      )
      try {
        for await (const block of readEventStream(address, answer.chunks)) {
          hadOne = true
          delayMs = FIRST_RECONNECT_MS
          // Only what was handed on may be left behind.
          const event = block.data === undefined ? undefined : toEvent(address, block)
          if (event !== undefined) yield event
          cursor = block.id ?? cursor
        }
      } finally {
        answer.close()
      }
      throw fromConnection(address, 'the stream of events ended')
    } catch (error) {
      if (isOver()) throw aborted()
      if (!hadOne || !isMeshError(error) || !MAY_PASS.includes(error.code)) throw error
      init.onLost?.(toMeshError(error))
    }
    await sleep(delayMs, signal)
    if (isOver()) throw aborted()
    delayMs = Math.min(delayMs * 2, LONGEST_RECONNECT_MS)
  }
}
