import { NAME_PARAMETER, routes, STATEMENT_MEDIA_TYPE } from '../../api/index.ts'
import { MeshError } from '../../errors/index.ts'
import { formatStatementFile, isReservedName, parseFileName } from '../../statement/index.ts'
import { isWorldReadable } from '../access.ts'
import { fileBody, historyBody } from '../bodies.ts'
import { readableView } from '../context.ts'
import { matchesTag } from '../range.ts'
import { NAME_PROBLEMS } from '../operation.ts'
import { filesSchema, historySchema } from '../schemas.ts'
import type { FastifyInstance } from 'fastify'
import type { FilesBody } from '../../api/index.ts'
import type { Context, NamedRoute } from '../context.ts'

interface ListRoute {
  Querystring: { [NAME_PARAMETER]?: string }
}

const listSchema = {
  operation: {
    summary: 'files that this node is configured for, with state and current version',
    overTcp: 'world-readable files',
    problems: NAME_PROBLEMS,
    about: { [NAME_PARAMETER]: 'Only this file.' },
  },
  querystring: {
    type: 'object',
    properties: { [NAME_PARAMETER]: { type: 'string' } },
    additionalProperties: false,
  },
  response: { 200: filesSchema },
}

/** GET /files, /statements/{name} and /history/{name}: what is known, not what is in it. */
export const registerCatalogue = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal } = context
  const method = ['GET', 'HEAD']

  app.route<ListRoute>({
    method,
    url: routes.files,
    schema: listSchema,
    handler: async (request): Promise<FilesBody> => {
      const { networkId, files } = services
      const asked = request.query[NAME_PARAMETER]
      if (asked !== undefined) {
        return {
          networkId,
          files: [fileBody(readableView(context, request, parseFileName(asked)))],
        }
      }
      const local = isLocal(request.raw)
      const views = [...files.list()].filter(
        ({ name, state, policy }) =>
          (local || isWorldReadable(policy)) && (state !== 'none' || !isReservedName(name)),
      )
      return { networkId, files: views.map(fileBody) }
    },
  })

  app.route<NamedRoute>({
    method,
    url: routes.statement('*'),
    schema: {
      operation: {
        summary: 'the winning statement as a .stmt file',
        overTcp: 'if the file is world-readable',
        problems: [...NAME_PROBLEMS, 'ERR_FILE_NOT_FOUND'],
        fields: ['If-None-Match'],
        gives: { 200: STATEMENT_MEDIA_TYPE, 304: null },
      },
    },
    handler: async (request, reply) => {
      const { name, winner } = readableView(context, request, parseFileName(request.params['*']))
      if (winner === undefined) {
        throw new MeshError('ERR_FILE_NOT_FOUND', `${name} was never published`, { data: { name } })
      }
      const tag = `"${winner.id}"`
      void reply.headers({ ETag: tag, 'Cache-Control': 'no-cache' })
      if (matchesTag(request.headers['if-none-match'], tag)) return reply.code(304).send()
      return reply.type(STATEMENT_MEDIA_TYPE).send(formatStatementFile(winner.signed))
    },
  })

  app.route<NamedRoute>({
    method,
    url: routes.history('*'),
    schema: {
      operation: {
        summary: 'remembered versions of a file, the winner first',
        overTcp: 'if the file is world-readable',
        problems: NAME_PROBLEMS,
      },
      response: { 200: historySchema },
    },
    handler: async (request) => {
      const view = readableView(context, request, parseFileName(request.params['*']))
      const { files } = services
      return historyBody(view, files.history(view.name), (record) => files.holdsContent(record))
    },
  })
}
