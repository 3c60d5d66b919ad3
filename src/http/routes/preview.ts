import { routes } from '../../api/index.ts'
import { MeshError } from '../../errors/index.ts'
import { fromUtf8 } from '../../util/index.ts'
import { socketOnly } from '../access.ts'
import { MAX_PREVIEW_BYTES } from '../limits.ts'
import { previewSchema } from '../schemas/index.ts'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'

const readBody = async (request: IncomingMessage): Promise<string> => {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) continue
    length += piece.length
    if (length > MAX_PREVIEW_BYTES) {
      throw new MeshError(
        'ERR_FILE_TOO_LARGE',
        `a configuration of more than ${MAX_PREVIEW_BYTES} bytes is not judged while the daemon runs; ` +
          'mesh config check without --running reads it',
      )
    }
    pieces.push(piece)
  }
  const text = fromUtf8(Buffer.concat(pieces))
  if (text === undefined) throw new MeshError('ERR_REQUEST_MALFORMED', 'the body is not UTF-8')
  return text
}

/** POST /config/preview: what a reload with the configuration in the body would do. */
export const registerPreview = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal, awaitsContinue, socketPath } = context
  let judging = false
  app.route({
    method: 'POST',
    url: routes.preview,
    schema: {
      operation: {
        summary: 'what a reload with the configuration in the body would do',
        overTcp: 'no',
        takes: 'application/toml',
        problems: ['ERR_CONFIG_SYNTAX', 'ERR_CONFIG_INVALID', 'ERR_FILE_TOO_LARGE'],
      },
      response: { 200: previewSchema },
    },
    handler: async (request, reply) => {
      if (!isLocal(request.raw)) throw socketOnly('configurations are judged', socketPath)
      if (awaitsContinue(request.raw)) reply.raw.writeContinue()
      const text = await readBody(request.raw)
      if (judging) {
        const why = 'another configuration is being judged; try again in a moment'
        throw new MeshError('ERR_LIMIT_EXCEEDED', why)
      }
      judging = true
      try {
        return await services.preview(text)
      } finally {
        judging = false
      }
    },
  })
}
