import { routes } from '../../api/index.ts'
import { socketOnly } from '../access.ts'
import type { FastifyInstance } from 'fastify'
import type { Metrics, Reading } from '../../observe/index.ts'
import type { Context } from '../context.ts'

/** Counts answers by method and status, and tells the metrics of it. */
export const createRequestCounts = (metrics: Pick<Metrics, 'add'>) => {
  const counts = new Map<string, Reading & { value: number }>()
  metrics.add({
    name: 'mesh_http_requests_total',
    help: 'Requests answered, by method and status.',
    type: 'counter',
    labels: ['method', 'status'],
    read: () => counts.values(),
  })
  return (method: string, status: string): void => {
    const key = `${method} ${status}`
    const found = counts.get(key) ?? { value: 0, labels: { method, status } }
    found.value++
    counts.set(key, found)
  }
}

/** GET /metrics: what Prometheus asks for; over TCP only where the configuration says so. */
export const registerMetrics = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal, socketPath, exposeMetrics } = context
  app.route({
    method: ['GET', 'HEAD'],
    url: routes.metrics,
    schema: {
      operation: {
        summary: 'metrics in the text format of Prometheus',
        overTcp: 'if http.metrics = true',
        gives: { 200: 'text/plain; version=0.0.4; charset=utf-8' },
      },
    },
    handler: async (request, reply) => {
      if (!isLocal(request.raw) && !exposeMetrics) {
        throw socketOnly('metrics are told, unless http.metrics = true,', socketPath)
      }
      const { text, contentType } = await services.metrics.expose()
      // The compiler for all routes writes JSON.
      return reply.type(contentType).serializer(String).send(text)
    },
  })
}
