import { AFTER_PARAMETER, routes } from '../../api/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { socketOnly } from '../access.ts'
import { certificatesSchema, healthSchema, peersSchema } from '../schemas/index.ts'
import {
  publicStatusSchema,
  spreadSchema,
  statusSchema,
  transfersSchema,
} from '../schemas/index.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { HealthBody, HealthWarningBody, PublicStatusBody } from '../../api/index.ts'
import type { Context } from '../context.ts'

/** GET /status, /peers, /transfers, /certificates, /healthz and /readyz: how this daemon is. */
export const registerStatus = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal, socketPath } = context
  const method = ['GET', 'HEAD']

  const health = (request: FastifyRequest): HealthBody => {
    const phase = services.phase()
    const warnings = services.warnings()
    // Subject and message name files, peers and paths; others get to know that something is wrong.
    const shown = isLocal(request.raw)
      ? warnings
      : warnings.map(
          (warning): HealthWarningBody => ({
            ...warning,
            subject: '',
            message: 'the unix socket tells more',
          }),
        )
    const status = phase !== 'ready' ? phase : shown.length > 0 ? 'degraded' : 'ok'
    return { status, warnings: shown }
  }

  app.route({
    method,
    url: routes.healthz,
    schema: {
      operation: {
        summary: 'whether anything is wrong; 503 if it is an error',
        overTcp: 'code and severity of warnings only',
      },
      response: { 200: healthSchema, 503: healthSchema },
    },
    handler: async (request, reply) => {
      const body = health(request)
      const failing = body.warnings.some(({ severity }) => severity === 'error')
      return reply.code(failing ? 503 : 200).send(body)
    },
  })

  app.route({
    method,
    url: routes.readyz,
    schema: {
      operation: {
        summary: 'whether the daemon has started and is not stopping; else 503',
        overTcp: 'code and severity of warnings only',
      },
      response: { 200: healthSchema, 503: healthSchema },
    },
    handler: async (request, reply) =>
      reply.code(services.phase() === 'ready' ? 200 : 503).send(health(request)),
  })

  app.route({
    method,
    url: routes.peers,
    schema: {
      operation: { summary: 'peers, those that are connected first, then by name', overTcp: 'no' },
      response: { 200: peersSchema },
    },
    handler: async (request) => {
      if (!isLocal(request.raw)) throw socketOnly('peers are told', socketPath)
      return services.peers()
    },
  })

  app.route({
    method,
    url: routes.transfers,
    schema: {
      operation: { summary: 'content on its way', overTcp: 'no' },
      response: { 200: transfersSchema },
    },
    handler: async (request) => {
      if (!isLocal(request.raw)) throw socketOnly('transfers are told', socketPath)
      return services.transfers()
    },
  })

  app.route<{ Querystring: { [AFTER_PARAMETER]?: string } }>({
    method,
    url: routes.spread,
    schema: {
      operation: {
        summary: 'which peer has which version, as far as this node knows',
        overTcp: 'no',
        problems: ['ERR_FILE_NAME_INVALID'],
        about: { [AFTER_PARAMETER]: 'Go on behind this name.' },
      },
      querystring: {
        type: 'object',
        properties: { [AFTER_PARAMETER]: { type: 'string' } },
        additionalProperties: false,
      },
      response: { 200: spreadSchema },
    },
    handler: async (request) => {
      if (!isLocal(request.raw)) throw socketOnly('who has what is told', socketPath)
      const after = request.query[AFTER_PARAMETER]
      return services.spread(after === undefined ? undefined : parseFileName(after))
    },
  })

  app.route({
    method,
    url: routes.certificates,
    schema: {
      operation: { summary: 'node certificates and revocations that are known', overTcp: 'no' },
      response: { 200: certificatesSchema },
    },
    handler: async (request) => {
      if (!isLocal(request.raw)) throw socketOnly('certificates are told', socketPath)
      return services.certificates()
    },
  })

  app.route({
    method,
    url: routes.status,
    schema: {
      operation: { summary: 'how the daemon is', overTcp: 'version, network id and peer id only' },
      response: { 200: { oneOf: [statusSchema, publicStatusSchema] } },
    },
    handler: async (request) => {
      const body = services.status()
      if (isLocal(request.raw)) return body
      const { version, networkId, peerId } = body
      return { version, networkId, peerId } satisfies PublicStatusBody
    },
  })
}
