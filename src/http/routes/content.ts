import { Readable } from 'node:stream'
import { routes, STATEMENT_PARAMETER } from '../../api/index.ts'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { parseDigest } from '../../util/index.ts'
import { readableView, sendProblem } from '../context.ts'
import { contentTypeOf } from '../content-types.ts'
import { NAME_PROBLEMS } from '../operation.ts'
import { matchesTag, parseRange } from '../range.ts'
import { statementHeaders } from '../statement-headers.ts'
import { MAX_OPENINGS } from '../limits.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FileState, FileView, OpenFile } from '../../files/index.ts'
import type { FileName } from '../../statement/index.ts'
import type { Context, NamedRoute } from '../context.ts'

interface ContentRoute extends NamedRoute {
  Querystring: { [STATEMENT_PARAMETER]?: string }
}

const reasons: Readonly<Record<FileState, string>> = {
  shown: 'is not there any more; ask again',
  missing: 'has not arrived yet from the peers that have it',
  'too-large': 'is larger than this node is configured to take',
  'too-old': 'is below the lowest version that this node shows',
  deleted: 'was deleted by a signer',
  expired: 'has expired',
  none: 'was never published',
}

const notShown = ({ name, state }: FileView): MeshError =>
  new MeshError(
    state === 'missing' || state === 'too-large' || state === 'too-old'
      ? 'ERR_FILE_CONTENT_MISSING'
      : 'ERR_FILE_NOT_FOUND',
    `${name} ${reasons[state]}`,
    { data: { name, state } },
  )

interface ContentRange {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal
}

/**
 * The bytes, the first of them read: from then on they are those of this file, whatever takes its
 * place. By hand, since a generator that nobody has asked for anything does not close what it has.
 */
const begin = async (file: OpenFile, range: ContentRange): Promise<Readable> => {
  const pieces = file.stream(range)[Symbol.asyncIterator]()
  let first: IteratorResult<Uint8Array> | undefined = await pieces.next()
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      const result = first ?? (await pieces.next())
      first = undefined
      return result
    },
    async return() {
      await pieces.return?.()
      return { done: true, value: undefined }
    },
  }
  return Readable.from({ [Symbol.asyncIterator]: () => iterator }, { objectMode: false })
}

/** Ends with the answer, or when the client goes away. */
const untilGone = (reply: FastifyReply): AbortSignal => {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    controller.abort(new MeshError('ERR_ABORTED', 'nobody reads the answer any more'))
  })
  return controller.signal
}

/** Answers with the content, or the part of it that was asked for. */
const send = async (
  request: FastifyRequest,
  reply: FastifyReply,
  file: OpenFile,
  contentType: string | undefined,
): Promise<FastifyReply> => {
  const { signed } = file.record
  const { content } = signed.statement
  if (content === 'deleted') throw new MeshError('ERR_INTERNAL', 'a tombstone is shown')
  const tag = `"${content.digest}"`
  const headers = {
    ETag: tag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    ...statementHeaders(signed),
  }
  if (matchesTag(request.headers['if-none-match'], tag)) {
    return reply.headers(headers).code(304).send()
  }

  const { sizeBytes } = file
  const condition = request.headers['if-range']
  const asked =
    request.method === 'GET' && (condition === undefined || condition === tag)
      ? request.headers.range
      : undefined
  const range = parseRange(asked, sizeBytes)
  if (range === 'unsatisfiable') {
    void reply.headers({ ...headers, 'Content-Range': `bytes */${sizeBytes}` })
    const why = `${asked} is not in the ${sizeBytes} bytes of ${signed.statement.name}`
    return sendProblem(reply, new MeshError('ERR_RANGE_INVALID', why, { data: { sizeBytes } }))
  }
  const { start, end } = range === 'whole' ? { start: 0, end: sizeBytes } : range
  const signal = untilGone(reply)
  const body = request.method === 'HEAD' ? undefined : await begin(file, { start, end, signal })
  void reply.headers(headers).type(contentTypeOf(signed.statement.name, contentType))
  void reply.header('Content-Length', end - start)
  if (range !== 'whole') {
    void reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${sizeBytes}`)
  }
  return reply.send(body)
}

/** GET and HEAD /files/{name}. */
export const registerContent = (app: FastifyInstance, context: Context): void => {
  const openRemembered = async (name: FileName, wanted: string): Promise<OpenFile> => {
    const id = parseDigest(wanted)
    const { files } = context.services
    const options = { signal: context.stopSignal }
    const file = id === undefined ? undefined : await files.openVersion(name, id, options)
    if (file !== undefined) return file
    const why = `the content of the statement ${wanted} of ${name} is not here (any more)`
    throw new MeshError('ERR_FILE_CONTENT_MISSING', why, { data: { name } })
  }

  app.route<ContentRoute>({
    method: ['GET', 'HEAD'],
    url: routes.file('*'),
    schema: {
      operation: {
        summary: 'content of a file, with its statement',
        overTcp: 'if the file is world-readable',
        problems: [
          ...NAME_PROBLEMS,
          ...(['ERR_FILE_NOT_FOUND', 'ERR_FILE_CONTENT_MISSING', 'ERR_RANGE_INVALID'] as const),
          ...(['ERR_STATE_UNUSABLE', 'ERR_STATE_CORRUPT'] as const),
        ],
        about: { [STATEMENT_PARAMETER]: 'Id of a remembered statement, whose content it is.' },
        fields: ['If-None-Match', 'If-Range', 'Range'],
        gives: { 200: '*/*', 206: '*/*', 304: null },
      },
      querystring: {
        type: 'object',
        properties: { [STATEMENT_PARAMETER]: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
        additionalProperties: false,
      },
    },
    handler: async (request, reply) => {
      const name = parseFileName(request.params['*'])
      const view = readableView(context, request, name)
      const wanted = request.query[STATEMENT_PARAMETER]
      if (wanted !== undefined) {
        return send(request, reply, await openRemembered(name, wanted), view.policy.contentType)
      }
      for (let opening = 1; ; opening++) {
        const file = await context.services.files.open(name, { signal: context.stopSignal })
        if (file === undefined) {
          const elsewhere = context.services.openElsewhere(name)
          if (elsewhere === undefined) throw notShown(context.services.files.view(name) ?? view)
          return send(request, reply, elsewhere, view.policy.contentType)
        }
        try {
          return await send(request, reply, file, view.policy.contentType)
        } catch (error) {
          // An update took its place: what it brought is as good an answer.
          const replaced = isMeshError(error, 'ERR_FILE_CONTENT_MISSING')
          if (!replaced || opening === MAX_OPENINGS) throw error
        }
      }
    },
  })
}
