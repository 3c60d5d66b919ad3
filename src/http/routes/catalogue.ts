import { Readable } from 'node:stream'
import { NAME_PARAMETER, routes, STATEMENT_MEDIA_TYPE } from '../../api/index.ts'
import { MeshError } from '../../errors/index.ts'
import { createSelection, formatStatementFile, isPattern } from '../../statement/index.ts'
import { isReservedName, parseFileName, parseSelector } from '../../statement/index.ts'
import { isWorldReadable } from '../access.ts'
import { fileBody, historyBody } from '../bodies.ts'
import { readableView } from '../context.ts'
import { NAMES_PER_PIECE, NAMES_PER_REQUEST } from '../limits.ts'
import { matchesTag } from '../range.ts'
import { NAME_PROBLEMS } from '../operation.ts'
import { filesSchema, historySchema } from '../schemas/index.ts'
import type { FastifyInstance } from 'fastify'
import type { FilesBody } from '../../api/index.ts'
import type { FileView } from '../../files/index.ts'
import type { Context, NamedRoute } from '../context.ts'

interface ListRoute {
  Querystring: { [NAME_PARAMETER]?: string }
}

const listSchema = {
  operation: {
    summary: 'files that this node is configured for, with state and current version',
    overTcp: 'world-readable files',
    problems: NAME_PROBLEMS,
    about: { [NAME_PARAMETER]: 'Only this file, or those that match this pattern.' },
  },
  querystring: {
    type: 'object',
    properties: { [NAME_PARAMETER]: { type: 'string' } },
    additionalProperties: false,
  },
  response: { 200: filesSchema },
}

/**
 * The list as it is written: a part of it at a time, and others in between. Of a million names the whole
 * would be more than a string can be, and would have everybody wait for seconds.
 */
async function* listText(
  { services }: Context,
  isListed: (view: FileView) => boolean,
  gone: AbortSignal,
): AsyncGenerator<string> {
  const { clock, files, networkId } = services
  let text = `{"networkId":${JSON.stringify(networkId)},"files":[`
  let separator = ''
  let looked = 0
  for (const view of files.list()) {
    if (isListed(view)) {
      text += `${separator}${JSON.stringify(fileBody(view))}`
      separator = ','
    }
    if (++looked % NAMES_PER_PIECE !== 0) continue
    if (text !== '') yield text
    text = ''
    await new Promise<void>((resolve) => clock.schedule(0, resolve))
    if (gone.aborted) return
  }
  yield `${text}]}\n`
}

/** GET /files, /statements/{name} and /history/{name}: what is known, not what is in it. */
export const registerCatalogue = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal } = context
  const method = ['GET', 'HEAD']

  app.route<ListRoute>({
    method,
    url: routes.files,
    schema: listSchema,
    handler: async (request, reply) => {
      const { networkId } = services
      const asked = request.query[NAME_PARAMETER]
      const selector = asked === undefined ? undefined : parseSelector(asked)
      const pattern = selector !== undefined && isPattern(selector) ? selector : undefined
      if (selector !== undefined && !isPattern(selector)) {
        const one = fileBody(readableView(context, request, selector))
        return { networkId, files: [one] } satisfies FilesBody
      }
      const local = isLocal(request.raw)
      const selection = pattern === undefined ? undefined : createSelection([pattern])
      const isListed = ({ name, state, policy }: FileView): boolean =>
        (local || isWorldReadable(policy)) &&
        (state !== 'none' || !isReservedName(name)) &&
        (selection === undefined || selection.has(name))
      void reply.type('application/json; charset=utf-8')
      if (request.method === 'HEAD') return reply.send()
      // All of it at once: what it costs others does not wait for how fast it is read.
      const names = Object.values(services.files.counts()).reduce((sum, count) => sum + count, 0)
      context.charge(request.raw, Math.floor(names / NAMES_PER_REQUEST))
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const text = listText(context, isListed, gone.signal)
      return reply.send(Readable.from(text, { objectMode: false }))
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
