import { routes } from '../../api/index.ts'
import { renderDocsPage } from '../docs-page.ts'
import { createOpenapi } from '../openapi.ts'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Context } from '../context.ts'

/** GET /openapi.json and /docs: what the routes say of themselves, for programs and for people. */
export const registerOpenapi = (
  app: FastifyInstance,
  { services }: Context,
  described: readonly RouteOptions[],
): void => {
  /** Made when it is first asked for: most daemons never are. */
  let document: ReturnType<typeof createOpenapi> | undefined
  const openapi = () => {
    document ??= createOpenapi(described, { version: services.status().version })
    return document
  }

  app.route({
    method: ['GET', 'HEAD'],
    url: routes.openapi,
    schema: {
      operation: {
        summary: 'this API as an OpenAPI 3.0 document',
        overTcp: 'yes',
        gives: { 200: 'application/json' },
      },
    },
    handler: async () => openapi(),
  })

  app.route({
    method: ['GET', 'HEAD'],
    url: routes.docs,
    schema: {
      operation: {
        summary: 'this API as a page for people',
        overTcp: 'yes',
        gives: { 200: 'text/html; charset=utf-8' },
      },
    },
    handler: async (_request, reply) => {
      const { html, policy } = renderDocsPage(openapi())
      void reply.header('Content-Security-Policy', policy)
      return reply.type('text/html; charset=utf-8').serializer(String).send(html)
    },
  })
}
