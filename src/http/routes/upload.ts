import { CERTIFICATE_HEADER, FORCE_PARAMETER, routes } from '../../api/index.ts'
import { SIGNATURE_HEADER, STATEMENT_HEADER } from '../../api/index.ts'
import { MeshError } from '../../errors/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { versionBody } from '../bodies.ts'
import { checkTrustFile, isTrustFile } from '../../trust/index.ts'
import { sendProblem } from '../context.ts'
import { IDLE_TIMEOUT_MS, MAX_CONCURRENT_UPLOADS } from '../limits.ts'
import { matchesStrongly, matchesTag } from '../range.ts'
import { storedSchema } from '../schemas/index.ts'
import { readStatementHeaders } from '../statement-headers.ts'
import { createUploadBody } from '../upload-body.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { StoredBody } from '../../api/index.ts'
import type { ErrorCode } from '../../errors/index.ts'
import type { FileRecord, Verdict } from '../../files/index.ts'
import type { FileName, NetworkId, SignedStatement } from '../../statement/index.ts'
import type { Operation } from '../operation.ts'
import type { Context, NamedRoute } from '../context.ts'
import type { UploadBody } from '../upload-body.ts'

interface UploadRoute extends NamedRoute {
  Querystring: { [FORCE_PARAMETER]?: 'true' | 'false' }
}

const options = (operation: Operation) => ({
  schema: {
    operation,
    querystring: {
      type: 'object',
      properties: { [FORCE_PARAMETER]: { type: 'string', enum: ['true', 'false'] } },
      additionalProperties: false,
    },
    response: { 200: storedSchema, 201: storedSchema },
  },
})

const STATEMENT_FIELDS = [
  ...[STATEMENT_HEADER, SIGNATURE_HEADER, CERTIFICATE_HEADER, 'If-Match', 'If-None-Match'],
]

const about = {
  [STATEMENT_HEADER]: 'Base64 of the exact statement text.',
  [SIGNATURE_HEADER]: 'Base64 of one binary SSHSIG of it; repeatable, or joined by commas.',
  [CERTIFICATE_HEADER]: 'For a namespace: base64 of the certificate of the node that signed it.',
  'If-Match': 'Only if this is current: tag of the content or of the statement, or its id; or "*".',
  'If-None-Match': 'Only if this is not current; "*": only if there is none.',
  [FORCE_PARAMETER]: 'Allows a version more than 1,000 above the current one.',
}

/** Why a statement is not taken, whatever it says. */
const STATEMENT_PROBLEMS = [
  ...(['ERR_FILE_NAME_INVALID', 'ERR_FILE_NOT_CONFIGURED', 'ERR_KEY_MALFORMED'] as const),
  ...(['ERR_KEY_WEAK', 'ERR_SSHSIG_MALFORMED', 'ERR_SIGNATURE_UNSUPPORTED'] as const),
  ...(['ERR_SIGNATURE_INVALID', 'ERR_STATEMENT_MALFORMED', 'ERR_NETWORK_ID_INVALID'] as const),
  ...(['ERR_FILE_NETWORK_MISMATCH', 'ERR_FILE_SIGNER_NOT_ALLOWED', 'ERR_FILE_THRESHOLD'] as const),
  ...(['ERR_FILE_CERTIFICATE', 'ERR_CERTIFICATE_REVOKED', 'ERR_FILE_BELOW_MINIMUM'] as const),
  ...(['ERR_FILE_NOT_NEWER', 'ERR_FILE_TIME_AHEAD', 'ERR_FILE_VERSION_JUMP'] as const),
  ...(['ERR_FILE_EXPIRED', 'ERR_FILE_TOO_MANY', 'ERR_PRECONDITION_FAILED'] as const),
  'ERR_TRUST_MALFORMED' as const,
  ...(['ERR_DISK_FULL', 'ERR_STATE_UNUSABLE', 'ERR_STATE_CORRUPT'] as const),
] satisfies readonly ErrorCode[]

const update = options({
  summary: 'take in a signed version with its content; 201 stored, 200 held already',
  overTcp: 'yes: the signature is the permission',
  takes: 'application/octet-stream',
  fields: STATEMENT_FIELDS,
  about,
  problems: [
    ...STATEMENT_PROBLEMS,
    ...(['ERR_FILE_TOO_LARGE', 'ERR_FILE_CONTENT_MISMATCH', 'ERR_REQUEST_TOO_SLOW'] as const),
  ],
})

const removal = options({
  summary: 'take in a signed deletion',
  overTcp: 'yes: the signature is the permission',
  fields: STATEMENT_FIELDS,
  about,
  problems: STATEMENT_PROBLEMS,
})

/** With these goes the current version. */
const TELLS_CURRENT: readonly ErrorCode[] = [
  ...(['ERR_FILE_NOT_NEWER', 'ERR_FILE_VERSION_JUMP', 'ERR_PRECONDITION_FAILED'] as const),
]

const malformed = (why: string): MeshError => new MeshError('ERR_REQUEST_MALFORMED', why)

/** The statement of the header fields, which must be about the file that the path names. */
const readStatement = (request: FastifyRequest<UploadRoute>): SignedStatement => {
  const name = parseFileName(request.params['*'])
  const signed = readStatementHeaders(request.raw)
  if (signed.statement.name !== name) {
    throw malformed(`the path names ${name}, the statement ${signed.statement.name}`)
  }
  return signed
}

/**
 * What a conditional request is meant to replace (RFC 9110, 13.1): by the entity tag of the content, as
 * GET /files/{name} has it, of the statement, as GET /statements/{name} has it, or the statement's id.
 */
const expectationOf = (
  { headers }: Pick<FastifyRequest, 'headers'>,
  name: FileName,
  nowMs: () => number,
) => {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined
  return (winner: FileRecord | undefined): MeshError | undefined => {
    const { content = 'deleted', expires = 'never', version } = winner?.signed.statement ?? {}
    const isThere = content !== 'deleted' && (expires === 'never' || expires > nowMs())
    const tags =
      isThere && winner !== undefined ? [content.digest, winner.id, winner.signed.id] : []
    const quoted = tags.map((tag) => `"${tag}"`)
    const wanted = ifMatch === undefined || matchesStrongly(ifMatch, quoted)
    const unwanted = quoted.some((tag) => matchesTag(ifNoneMatch, tag))
    if (wanted && !unwanted) return undefined
    const what = isThere ? `version ${version} is the current one` : 'there is no current version'
    return new MeshError(
      'ERR_PRECONDITION_FAILED',
      `${name}: ${what}, which is not what the request asks for; read it and try again`,
      { data: { name } },
    )
  }
}

/** Size of the content; what the client says of the body's length must agree. */
const contentSize = (signed: SignedStatement, request: IncomingMessage): number => {
  const { content, name } = signed.statement
  if (content === 'deleted') {
    throw malformed(`the statement deletes ${name}: send it with DELETE`)
  }
  const announced = request.headers['content-length']
  if (announced !== undefined && Number(announced) !== content.sizeBytes) {
    throw new MeshError(
      'ERR_FILE_CONTENT_MISMATCH',
      `the body has ${announced} bytes, the statement says ${content.sizeBytes}`,
      { data: { sizeBytes: content.sizeBytes } },
    )
  }
  return content.sizeBytes
}

/**
 * What every node reads itself has to be readable: signed and spread, it would be held against the whole
 * network until the next version. That comes after policy, signatures and size, which bound it.
 */
const judgeOf = ({ statement }: SignedStatement, network: NetworkId) =>
  isTrustFile(statement.name)
    ? (content: Uint8Array): void => checkTrustFile(statement.name, content, network)
    : undefined

/** PUT and DELETE /files/{name}: signed statements come in. */
export const registerUpload = (app: FastifyInstance, context: Context): void => {
  const { services, stopSignal, awaitsContinue } = context
  let underWay = 0

  const currentOf = (name: FileName): { current: StoredBody['current'] | null } => {
    const winner = services.files.view(name)?.winner
    return { current: winner === undefined ? null : versionBody(winner) }
  }

  const answer = (reply: FastifyReply, name: FileName, verdict: Verdict): FastifyReply => {
    if (verdict.outcome === 'refused') {
      const { error } = verdict
      return sendProblem(reply, error, TELLS_CURRENT.includes(error.code) ? currentOf(name) : {})
    }
    const winner = verdict.wins ? verdict.record : services.files.view(name)?.winner
    const body: StoredBody = {
      name,
      outcome: verdict.outcome,
      current: versionBody(winner ?? verdict.record),
    }
    const { content } = body.current
    if (content !== null) void reply.header('ETag', `"${content.sha256}"`)
    void reply.header('Location', routes.file(name))
    return reply.code(verdict.outcome === 'stored' ? 201 : 200).send(body)
  }

  const accept = (
    request: FastifyRequest<UploadRoute>,
    signed: SignedStatement,
    body: UploadBody | undefined,
  ): Promise<Verdict> => {
    const force = request.query[FORCE_PARAMETER] === 'true'
    const expects = expectationOf(request, signed.statement.name, () => services.clock.nowMs())
    return services.files.accept(
      signed,
      body?.content,
      { kind: 'upload', force, ...(expects === undefined ? {} : { expects }) },
      { signal: stopSignal },
    )
  }

  app.put<UploadRoute>(routes.file('*'), update, async (request, reply) => {
    const signed = readStatement(request)
    let holdsPlace = false
    // Runs when statement and policy have been judged and content is wanted.
    const onStart = (): void => {
      if (underWay >= MAX_CONCURRENT_UPLOADS) {
        throw new MeshError(
          'ERR_LIMIT_EXCEEDED',
          `${MAX_CONCURRENT_UPLOADS} uploads are under way; try again later`,
        )
      }
      underWay++
      holdsPlace = true
      if (awaitsContinue(request.raw)) reply.raw.writeContinue()
    }
    const body = createUploadBody(request.raw, {
      sizeBytes: contentSize(signed, request.raw),
      clock: services.clock,
      signal: stopSignal,
      onStart,
      judge: judgeOf(signed, services.networkId),
    })
    // The client's speed is judged where the body is read; a slow disk is not its fault.
    request.raw.socket.setTimeout(0)
    try {
      const verdict = await accept(request, signed, body)
      const failure = body.failure()
      if (verdict.outcome === 'refused' && failure !== undefined) throw failure
      return answer(reply, signed.statement.name, verdict)
    } catch (error) {
      throw body.failure() ?? error
    } finally {
      if (holdsPlace) underWay--
      request.raw.socket.setTimeout(IDLE_TIMEOUT_MS)
    }
  })

  app.delete<UploadRoute>(routes.file('*'), removal, async (request, reply) => {
    const signed = readStatement(request)
    const { content, name } = signed.statement
    if (content !== 'deleted') throw malformed(`the statement does not delete ${name}`)
    return answer(reply, name, await accept(request, signed, undefined))
  })
}
