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
  /**
   * Made when it is first asked for, as most daemons never are, and once: each takes ms, and anybody
   * may ask hundreds of times a second.
   */
  let made: { readonly json: string; readonly page: ReturnType<typeof renderDocsPage> } | undefined
  const once = () => {
    if (made !== undefined) return made
    const document = createOpenapi(described, { version: services.status().version })
    made = { json: `${JSON.stringify(document)}\n`, page: renderDocsPage(document) }
    return made
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
    handler: async (_request, reply) =>
      reply.type('application/json; charset=utf-8').serializer(String).send(once().json),
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
      const { html, policy } = once().page
      void reply.header('Content-Security-Policy', policy)
      return reply.type('text/html; charset=utf-8').serializer(String).send(html)
    },
  })
}
