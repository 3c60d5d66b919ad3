import fastify from 'fastify'
import { routes } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { createHostCheck, hostsOf } from './access.ts'
import { compilers } from './compilers.ts'
import { sendProblem } from './context.ts'
import { hasBodyLeft, lingering } from './linger.ts'
import { MAX_URL_BYTES, STOP_GRACE_MS } from './limits.ts'
import { createListeners } from './listeners.ts'
import { registerBlocks } from './routes/blocks.ts'
import { registerCatalogue } from './routes/catalogue.ts'
import { registerContent } from './routes/content.ts'
import { registerEvents } from './routes/events.ts'
import { createClientRates } from './client-rates.ts'
import { isAddress } from './interfaces.ts'
import { hasToken } from './tokens.ts'
import { createRequestCounts, registerMetrics } from './routes/metrics.ts'
import { registerExplain } from './routes/explain.ts'
import { registerOpenapi } from './routes/openapi.ts'
import { registerPage } from './routes/page.ts'
import { registerPreview } from './routes/preview.ts'
import { registerStatus } from './routes/status.ts'
import { registerUpload } from './routes/upload.ts'
import { toProblem } from './problem.ts'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Context } from './context.ts'
import type { Listeners } from './listeners.ts'
import type { Http, HttpInit, HttpServices } from './services.ts'

const createApp = (): FastifyInstance =>
  fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_URL_BYTES },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    schemaController: { compilersFactory: compilers },
    frameworkErrors: (error, _request, reply) => {
      void sendProblem(reply, new MeshError('ERR_REQUEST_MALFORMED', error.message))
    },
  })

const PROBES: readonly string[] = [routes.healthz, routes.readyz]

/** Whether a request only asks how the daemon is. */
const kindOf = (url = ''): 'probe' | undefined =>
  PROBES.includes(url.split('?', 1)[0] ?? '') ? 'probe' : undefined

/**
 * What holds for every request before its route is reached. Answers who may see everything: asked
 * again later, it does not hold any more for a token that was taken away meanwhile.
 */
const guard = (
  app: FastifyInstance,
  { clock, tokens }: Pick<HttpServices, 'clock' | 'tokens'>,
  isLocal: Listeners['isLocal'],
  init: HttpInit,
): Pick<Context, 'isLocal' | 'charge'> => {
  const checkHost = createHostCheck([...init.listen.filter(isAddress), ...init.allowedHosts])
  const rates = createClientRates({ clock }, { perSecond: init.requestsPerSecond ?? 0 })
  app.addHook('onRequest', async ({ raw }) => {
    const named = hostsOf(raw)
    if (!isLocal(raw)) {
      rates.check(raw.socket.remoteAddress, kindOf(raw.url))
      for (const host of named) checkHost(host, raw.socket.localAddress)
      if (hasToken(raw.headers.authorization, tokens()) === false) {
        const message = 'the bearer token is none of those in the file that http.token_file names'
        throw new MeshError('ERR_TOKEN_INVALID', message)
      }
    }
    if (raw.url !== undefined && raw.url.length > MAX_URL_BYTES) {
      throw new MeshError(
        'ERR_REQUEST_TOO_LARGE',
        `the address has ${raw.url.length} bytes; at most ${MAX_URL_BYTES} are read`,
      )
    }
  })
  // Bodies are read by the route that wants one, and by nobody else.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  return {
    isLocal: (raw) => isLocal(raw) || hasToken(raw.headers.authorization, tokens()) === true,
    charge(raw, requests) {
      if (!isLocal(raw)) rates.charge(raw.socket.remoteAddress, requests)
    },
  }
}

/** What every answer carries, and how one is given to a request with a body that nobody read. */
const finish = (app: FastifyInstance, { clock }: Pick<HttpServices, 'clock'>): void => {
  app.addHook('onSend', async (request, reply, payload) => {
    void reply.header('X-Content-Type-Options', 'nosniff')
    void reply.header('Cross-Origin-Resource-Policy', 'same-origin')
    // Of whatever is not the page itself a browser runs nothing, a signed file that is a script included.
    if (!reply.hasHeader('Content-Security-Policy')) {
      void reply.header(
        'Content-Security-Policy',
        "default-src 'none'; sandbox; frame-ancestors 'none'",
      )
    }
    if (!hasBodyLeft(request.raw)) return payload
    void reply.header('Connection', 'close')
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
    void reply.header('Content-Length', Buffer.byteLength(payload))
    return lingering(payload, request.raw, clock)
  })
}

const logRequests = (
  app: FastifyInstance,
  { logger }: Pick<HttpServices, 'logger'>,
  isLocal: Listeners['isLocal'],
): void => {
  app.addHook('onResponse', async (request, reply) => {
    const changing = request.method === 'PUT' || request.method === 'DELETE'
    logger[changing ? 'info' : 'debug'](
      {
        request: request.id,
        peer: isLocal(request.raw) ? 'unix' : request.ip,
        method: request.method,
        path: request.url.slice(0, MAX_URL_BYTES),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request answered',
    )
  })
  app.setErrorHandler((raw, request, reply) => {
    const { error } = toProblem(raw, request.id)
    if (error.code === 'ERR_INTERNAL') {
      logger.error({ request: request.id, path: request.url, error: raw }, 'request failed')
    } else {
      logger.debug({ request: request.id, code: error.code, why: error.message }, 'request refused')
    }
    return sendProblem(reply, error)
  })
}

/** Answers 405 instead of 404 where only the method is wrong; call after all routes. */
const refuseOtherMethods = (
  app: FastifyInstance,
  known: ReadonlyMap<string, Set<string>>,
): void => {
  for (const [url, methods] of known) {
    const allow = [...methods].join(', ')
    app.route({
      method: app.supportedMethods.filter((method) => !methods.has(method)),
      url,
      handler: async (request, reply) => {
        void reply.header('Allow', allow)
        const why = `${request.method} is not among ${allow}`
        return sendProblem(reply, new MeshError('ERR_METHOD_NOT_ALLOWED', why))
      },
    })
  }
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]?.slice(0, 200)
    return sendProblem(
      reply,
      new MeshError('ERR_ROUTE_NOT_FOUND', `there is nothing at ${path}; see docs/http-api.md`),
    )
  })
}

/** The HTTP API on TCP and on a unix socket. */
export const createHttp = (services: HttpServices, init: HttpInit): Http => {
  const { logger, clock } = services
  const countRequest = createRequestCounts(services.metrics)
  let running:
    | {
        app: FastifyInstance
        listeners: Listeners
        controller: AbortController
        closing: AbortController
      }
    | undefined

  const start = async (): Promise<void> => {
    if (running !== undefined) return
    const app = createApp()
    const controller = new AbortController()
    const closing = new AbortController()
    const listeners = createListeners(
      {
        ...services,
        handle: (request, response) => app.routing(request, response),
        onTurnedAway: (method) => {
          countRequest(method, '503')
          logger.debug({ method }, 'no place for a client')
        },
      },
      init,
    )
    const { isLocal, awaitsContinue } = listeners
    const rights = guard(app, services, isLocal, init)
    const { socketPath } = init
    const { signal: stopSignal } = controller
    const { signal: closingSignal } = closing
    const exposeMetrics = init.metrics ?? false
    const context: Context = {
      ...{ services, socketPath, exposeMetrics, stopSignal, closingSignal },
      ...{ ...rights, awaitsContinue },
    }

    const known = new Map<string, Set<string>>()
    const described: RouteOptions[] = []
    app.addHook('onRoute', (route) => {
      const { url, method } = route
      described.push(route)
      const methods = known.get(url) ?? new Set()
      known.set(url, methods)
      for (const each of [method].flat()) methods.add(each)
    })
    finish(app, services)
    logRequests(app, services, isLocal)
    app.addHook('onResponse', async ({ method }, { statusCode }) => {
      countRequest(method, `${statusCode}`)
    })
    registerUpload(app, context)
    registerBlocks(app, context)
    registerContent(app, context)
    registerCatalogue(app, context)
    registerExplain(app, context)
    registerStatus(app, context)
    registerEvents(app, context)
    registerMetrics(app, context)
    registerPreview(app, context)
    registerOpenapi(app, context, described)
    registerPage(app)
    refuseOtherMethods(app, new Map(known))

    await app.ready()
    await listeners.open()
    running = { app, listeners, controller, closing }
    logger.info({ urls: listeners.urls(), socket: socketPath }, 'listening for HTTP')
  }

  const stop = async (): Promise<void> => {
    if (running === undefined) return
    const { app, listeners, controller, closing } = running
    running = undefined
    closing.abort()
    const graceMs = init.stopGraceMs ?? STOP_GRACE_MS
    // Uploads that would not end in time are told so while there is time for the answer.
    const cancel = clock.schedule(graceMs / 2, () => controller.abort())
    await listeners.close()
    cancel()
    controller.abort()
    await app.close()
  }

  return { start, stop, urls: () => running?.listeners.urls() ?? [] }
}
