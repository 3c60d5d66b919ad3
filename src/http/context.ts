import { PROBLEM_MEDIA_TYPE } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { isWorldReadable, socketOnly } from './access.ts'
import { RETRY_AFTER_SECONDS } from './limits.ts'
import { toProblem } from './problem.ts'
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FileView } from '../files/index.ts'
import type { FileName } from '../statement/index.ts'
import type { HttpServices } from './services.ts'
import type { Listeners } from './listeners.ts'

/** What every route is given. */
export interface Context extends Pick<Listeners, 'awaitsContinue'> {
  /** Whether who asks may see everything: over the unix socket, or with a bearer token. */
  isLocal(request: IncomingMessage): boolean
  /** What is asked for costs as much as so many requests more. Over the unix socket nothing does. */
  charge(request: IncomingMessage, requests: number): void
  readonly services: HttpServices
  readonly socketPath: string
  /** Whether metrics are told over TCP, too. */
  readonly exposeMetrics: boolean
  /** Aborts when requests under way must end. */
  readonly stopSignal: AbortSignal
  /** Aborts before that, as soon as the daemon begins to stop: for what would go on for ever. */
  readonly closingSignal: AbortSignal
}

/** Routes whose path ends in a file name. */
export interface NamedRoute {
  Params: { '*': string }
}

/** Answers with problem+json. */
export const sendProblem = (
  reply: FastifyReply,
  error: unknown,
  members: Readonly<Record<string, unknown>> = {},
): FastifyReply => {
  const { body } = toProblem(error, reply.request.id, members)
  if (body.status === 401) void reply.header('WWW-Authenticate', 'Bearer realm="mesh"')
  if (body.status === 429) void reply.header('Retry-After', RETRY_AFTER_SECONDS)
  return reply
    .code(body.status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(`${JSON.stringify(body)}\n`)
}

/**
 * The configured file of this name, if this listener may show it.
 *
 * @throws MeshError `ERR_FILE_NOT_CONFIGURED`, `ERR_REQUEST_FORBIDDEN`
 */
export const readableView = (
  { services, isLocal, socketPath }: Context,
  request: Pick<FastifyRequest, 'raw'>,
  name: FileName,
): FileView => {
  const view = services.files.view(name)
  if (view === undefined) {
    throw new MeshError(
      'ERR_FILE_NOT_CONFIGURED',
      `${name} is not among the files that this node is configured for; a line in [files] there and a reload add it, mesh file list shows those it has`,
      { data: { name } },
    )
  }
  if (!isLocal(request.raw) && !isWorldReadable(view.policy)) {
    throw socketOnly(`${name} is not world-readable and is shown`, socketPath)
  }
  return view
}
