import { routes } from '../../api/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { socketOnly } from '../access.ts'
import { explain } from '../explain.ts'
import { explainSchema } from '../schemas/index.ts'
import type { FastifyInstance } from 'fastify'
import type { Context, NamedRoute } from '../context.ts'

/** GET /explain/{name}: why a file is here, or is not. */
export const registerExplain = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal, socketPath } = context
  app.route<NamedRoute>({
    method: ['GET', 'HEAD'],
    url: routes.explain('*'),
    schema: {
      operation: {
        summary: 'why a file is here or is not',
        overTcp: 'no',
        problems: ['ERR_FILE_NAME_INVALID'],
      },
      response: { 200: explainSchema },
    },
    handler: async (request) => {
      // It names peers, signers and what others tried to publish.
      if (!isLocal(request.raw)) throw socketOnly('explanations are given', socketPath)
      return explain(services, parseFileName(request.params['*']))
    },
  })
}
