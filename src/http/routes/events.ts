import { Readable } from 'node:stream'
import {
  CURSOR_PARAMETER,
  EVENT_KEEP_ALIVE_MS,
  EVENTS_MEDIA_TYPE,
  LAST_EVENT_HEADER,
  MAX_POLL_WAIT_MS,
  NAME_PARAMETER,
  routes,
  TYPE_PARAMETER,
  WAIT_PARAMETER,
} from '../../api/index.ts'
import { MeshError } from '../../errors/index.ts'
import { parseSelector } from '../../statement/index.ts'
import { clientOf } from '../client-rates.ts'
import { EVENT_RETRY_MS, MAX_EVENT_BATCH_BYTES, MAX_EVENT_BATCH_COUNT } from '../limits.ts'
import { MAX_EVENT_READERS_PER_CLIENT } from '../limits.ts'
import { eventsSchema } from '../schemas/index.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { GapBody, StreamStartBody } from '../../api/index.ts'
import type { FeedReader } from '../../feed/index.ts'
import type { Context } from '../context.ts'

interface EventsRoute {
  Querystring: {
    [CURSOR_PARAMETER]?: string
    [WAIT_PARAMETER]?: string
    [NAME_PARAMETER]?: string | string[]
    [TYPE_PARAMETER]?: string | string[]
  }
}

const words = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }

const schema = {
  operation: {
    summary: 'what happens, as server-sent events or by long poll',
    overTcp: 'events of world-readable files',
    problems: ['ERR_FILE_NAME_INVALID'] as const,
    about: {
      [CURSOR_PARAMETER]: 'Go on behind this event; "oldest": with the oldest held. Default: now.',
      [WAIT_PARAMETER]: 'Answer as JSON at the latest after so many ms. Default: a stream.',
      [NAME_PARAMETER]: 'Only events about these files; names and patterns.',
      [TYPE_PARAMETER]: 'Only events of these types or families.',
      [LAST_EVENT_HEADER]: 'As cursor, and counts for more.',
    },
    fields: [LAST_EVENT_HEADER],
    gives: { 200: EVENTS_MEDIA_TYPE },
  },
  querystring: {
    type: 'object',
    properties: {
      [CURSOR_PARAMETER]: { type: 'string' },
      [WAIT_PARAMETER]: { type: 'string', pattern: '^(?:0|[1-9][0-9]{0,8})$' },
      [NAME_PARAMETER]: words,
      [TYPE_PARAMETER]: words,
    },
    additionalProperties: false,
  },
  response: { 200: eventsSchema },
}

const listOf = (given: string | string[] | undefined): string[] =>
  given === undefined ? [] : [given].flat()

const BATCH = { maxEvents: MAX_EVENT_BATCH_COUNT, maxBytes: MAX_EVENT_BATCH_BYTES }

/** Aborts when the connection is closed, when the daemon stops, or after `waitMs`. */
const endOf = (
  { services, closingSignal }: Context,
  reply: FastifyReply,
): { signal: AbortSignal; after(waitMs: number): AbortSignal } => {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, closingSignal])
  return {
    signal,
    after(waitMs) {
      const timer = new AbortController()
      const cancel = services.clock.schedule(waitMs, () => timer.abort())
      // Of the answer, too: it comes before the time is over as a rule.
      signal.addEventListener('abort', cancel)
      return AbortSignal.any([signal, timer.signal])
    },
  }
}

const block = (event: string, cursor: string, json: string): string =>
  `id: ${cursor}\nevent: ${event}\ndata: ${json}\n\n`

const gapBlock = (gap: GapBody): string => block('gap', gap.cursor, JSON.stringify(gap))

/**
 * The stream of server-sent events. Nothing is taken from the feed before the last piece is on its
 * way: whoever reads slowly falls behind in the ring, and is told of the gap.
 */
async function* stream(
  reader: FeedReader,
  context: Context,
  signal: AbortSignal,
  mayRead: () => boolean,
): AsyncGenerator<string> {
  const { clock, networkId } = context.services
  const start: StreamStartBody = {
    cursor: reader.cursor(),
    at: new Date(clock.nowMs()).toISOString(),
    type: 'start',
    networkId,
  }
  yield `retry: ${EVENT_RETRY_MS}\n${block('start', start.cursor, JSON.stringify(start))}`
  // Who comes again with a token that was taken away is told so.
  while (!signal.aborted && mayRead()) {
    const { gap, events, more } = reader.take(BATCH)
    const blocks = events.map(({ type, cursor, json }) => block(type, cursor, json))
    if (gap !== undefined) blocks.unshift(gapBlock(gap))
    if (blocks.length > 0) yield blocks.join('')
    // Others get their turn, however much there is that this one does not want.
    if (more) await new Promise<void>((resolve) => clock.schedule(0, resolve))
    else if (!(await happens(reader, clock, signal)) && !signal.aborted) {
      // The id has a client that wants little come back to where it would have to begin.
      yield `: still here\nid: ${reader.cursor()}\n\n`
    }
  }
}

/** Takes one of the places of a client, and answers how to give it back. */
type TakePlace = (address: string) => () => void

const createPlaces = (): TakePlace => {
  const taken = new Map<string, number>()
  return (address) => {
    const client = clientOf(address)
    const count = taken.get(client) ?? 0
    if (count >= MAX_EVENT_READERS_PER_CLIENT) {
      throw new MeshError(
        'ERR_LIMIT_EXCEEDED',
        `more than ${MAX_EVENT_READERS_PER_CLIENT} readers of events from ${client}; share one, or use the unix socket`,
      )
    }
    taken.set(client, count + 1)
    return () => {
      const left = (taken.get(client) ?? 1) - 1
      if (left === 0) taken.delete(client)
      else taken.set(client, left)
    }
  }
}

/** Whether something happens before it is time for a sign of life. */
const happens = async (
  reader: FeedReader,
  clock: Context['services']['clock'],
  signal: AbortSignal,
): Promise<boolean> => {
  const quiet = new AbortController()
  const end = (): void => quiet.abort()
  let late = false
  const cancel = clock.schedule(EVENT_KEEP_ALIVE_MS, () => {
    late = true
    end()
  })
  signal.addEventListener('abort', end)
  try {
    await reader.wait(quiet.signal)
    return !late
  } finally {
    cancel()
    signal.removeEventListener('abort', end)
  }
}

/** Waits until there is an event that the reader wants, and takes what is there. */
const poll = async (
  reader: FeedReader,
  signal: AbortSignal,
  clock: Clock,
  mayRead: () => boolean,
): Promise<string> => {
  for (;;) {
    if (!mayRead()) throw new MeshError('ERR_TOKEN_INVALID', 'the bearer token was taken away')
    const { gap, events, more } = reader.take(BATCH)
    if (gap !== undefined || events.length > 0 || (signal.aborted && !more)) {
      const cursor = JSON.stringify(reader.cursor())
      const list = events.map(({ json }) => json).join(',')
      return `{"cursor":${cursor},"gap":${JSON.stringify(gap ?? null)},"events":[${list}]}\n`
    }
    if (more) await new Promise<void>((resolve) => clock.schedule(0, resolve))
    else await reader.wait(signal)
  }
}

type Clock = Context['services']['clock']

/** GET /events: what happens, as server-sent events or by long poll, both on one cursor. */
export const registerEvents = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal } = context
  const { clock } = services

  /** Whether the rights with which the reader began still hold. */
  const rightsOf = ({ raw }: FastifyRequest): (() => boolean) => {
    const local = isLocal(raw)
    return () => !local || isLocal(raw)
  }

  const takePlace = createPlaces()

  const open = (request: FastifyRequest<EventsRoute>): FeedReader => {
    if (isLocal(request.raw)) return read(request)
    const leave = takePlace(request.ip)
    try {
      const reader = read(request)
      let isOpen = true
      return {
        ...reader,
        close() {
          reader.close()
          if (isOpen) leave()
          isOpen = false
        },
      }
    } catch (error) {
      leave()
      throw error
    }
  }

  const read = (request: FastifyRequest<EventsRoute>): FeedReader => {
    const { query } = request
    const header = request.headers[LAST_EVENT_HEADER.toLowerCase()]
    // A browser that connects again asks for the same address, and knows better by now.
    const cursor = typeof header === 'string' && header !== '' ? header : query[CURSOR_PARAMETER]
    return services.events.read({
      local: isLocal(request.raw),
      names: listOf(query[NAME_PARAMETER]).map(parseSelector),
      types: listOf(query[TYPE_PARAMETER]),
      ...(cursor === undefined ? {} : { cursor }),
    })
  }

  const waitOf = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined
    const waitMs = Number(text)
    if (waitMs <= MAX_POLL_WAIT_MS) return waitMs
    const message = `${WAIT_PARAMETER} is at most ${MAX_POLL_WAIT_MS}; ask again with the cursor`
    throw new MeshError('ERR_REQUEST_MALFORMED', message)
  }

  app.route<EventsRoute>({
    method: ['GET', 'HEAD'],
    url: routes.events,
    schema,
    handler: async (request, reply) => {
      const waitMs = waitOf(request.query[WAIT_PARAMETER])
      const reader = open(request)
      void reply.header('Cache-Control', 'no-store')
      if (waitMs !== undefined) {
        try {
          const end = endOf(context, reply)
          const text = await poll(reader, end.after(waitMs), clock, rightsOf(request))
          return reply.type('application/json; charset=utf-8').serializer(String).send(text)
        } finally {
          reader.close()
        }
      }
      // Proxies that collect an answer before they pass it on would keep it for ever.
      void reply.header('X-Accel-Buffering', 'no').type(EVENTS_MEDIA_TYPE)
      if (request.method === 'HEAD') {
        reader.close()
        return reply.send()
      }
      reply.raw.once('close', () => reader.close())
      const { signal } = endOf(context, reply)
      return reply.send(
        Readable.from(stream(reader, context, signal, rightsOf(request)), {
          objectMode: false,
          highWaterMark: 1,
        }),
      )
    },
  })
}
