import { Readable } from 'node:stream'
import { NOW_PARAMETER, routes, VERIFY_MEDIA_TYPE } from '../../api/index.ts'
import { MeshError, toMeshError } from '../../errors/index.ts'
import { socketOnly } from '../access.ts'
import { VERIFY_PROGRESS_INTERVAL_MS } from '../limits.ts'
import { blocksGcSchema, blocksSchema } from '../schemas/index.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { BlocksVerifyLine } from '../../api/index.ts'
import type { Context } from '../context.ts'

/** Lines as they come; what nobody has read yet is replaced by what is newer. */
async function* verify(
  { services, stopSignal, closingSignal }: Context,
  gone: AbortSignal,
): AsyncGenerator<string> {
  const { clock, blocks } = services
  const controller = new AbortController()
  const signal = AbortSignal.any([gone, stopSignal, closingSignal, controller.signal])
  let latest: BlocksVerifyLine | undefined
  let last: BlocksVerifyLine | undefined
  let wake = (): void => {}
  const work = blocks
    .verify({
      signal,
      onProgress: (progress) => {
        latest = progress
      },
    })
    .then((report) => {
      last = report
    })
    .catch((error: unknown) => {
      const { code, message } = toMeshError(error)
      last = { type: 'problem', code, detail: message }
    })
    .finally(() => wake())
  try {
    while (last === undefined) {
      await new Promise<void>((resolve) => {
        const cancel = clock.schedule(VERIFY_PROGRESS_INTERVAL_MS, resolve)
        wake = () => {
          cancel()
          resolve()
        }
        if (last !== undefined) wake()
      })
      if (last === undefined && latest !== undefined) yield `${JSON.stringify(latest)}\n`
    }
    yield `${JSON.stringify(last)}\n`
  } finally {
    controller.abort()
    await work
  }
}

/** What keeps a store from being written. */
const STORE_PROBLEMS = ['ERR_STATE_UNUSABLE', 'ERR_DISK_FULL'] as const

/** GET /blocks and POST /blocks/gc, /scrub and /verify: the store of blocks and its upkeep. */
export const registerBlocks = (app: FastifyInstance, context: Context): void => {
  const { services, isLocal, socketPath, stopSignal } = context
  const { blocks } = services
  let verifying = false

  const check = ({ raw }: FastifyRequest, what: string): void => {
    if (!isLocal(raw)) throw socketOnly(what, socketPath)
  }
  const goneOf = (reply: FastifyReply): AbortSignal => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return gone.signal
  }

  app.route({
    method: ['GET', 'HEAD'],
    url: routes.blocks,
    schema: {
      operation: { summary: 'what the store of blocks holds', overTcp: 'no' },
      response: { 200: blocksSchema },
    },
    handler: async (request) => {
      check(request, 'blocks are told')
      return blocks.stat()
    },
  })

  app.route<{ Querystring: { [NOW_PARAMETER]?: 'true' | 'false' } }>({
    method: 'POST',
    url: routes.blocksGc,
    schema: {
      operation: {
        summary: 'remove blocks that nobody keeps',
        overTcp: 'no',
        problems: STORE_PROBLEMS,
        about: { [NOW_PARAMETER]: 'Whatever their age.' },
      },
      querystring: {
        type: 'object',
        properties: { [NOW_PARAMETER]: { type: 'string', enum: ['true', 'false'] } },
        additionalProperties: false,
      },
      response: { 200: blocksGcSchema },
    },
    handler: async (request, reply) => {
      check(request, 'garbage is collected')
      const signal = AbortSignal.any([goneOf(reply), stopSignal])
      return blocks.gc({ now: request.query[NOW_PARAMETER] === 'true', signal })
    },
  })

  app.route({
    method: 'POST',
    url: routes.blocksScrub,
    schema: {
      operation: { summary: 'begin the check in the background now', overTcp: 'no' },
      response: { 202: blocksSchema },
    },
    handler: async (request, reply) => {
      check(request, 'blocks are scrubbed')
      blocks.scrub()
      return reply.code(202).send(blocks.stat())
    },
  })

  app.route({
    method: 'POST',
    url: routes.blocksVerify,
    schema: {
      operation: {
        summary: 'check all blocks now, and tell how far it is, a JSON object a line',
        overTcp: 'no',
        gives: { 200: VERIFY_MEDIA_TYPE },
      },
    },
    handler: async (request, reply) => {
      check(request, 'blocks are verified')
      if (verifying) {
        const why = 'all blocks are being verified already; wait for the end of it'
        throw new MeshError('ERR_LIMIT_EXCEEDED', why)
      }
      verifying = true
      const lines = verify(context, goneOf(reply))
      const stream = Readable.from(lines)
      stream.once('close', () => {
        verifying = false
      })
      return reply.type(VERIFY_MEDIA_TYPE).send(stream)
    },
  })
}
