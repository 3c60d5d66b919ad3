import { STATUS_CODES } from 'node:http'
import { PROBLEM_MEDIA_TYPE } from '../api/index.ts'
import { errorTable, isMeshError, MeshError, toMeshError } from '../errors/index.ts'
import type { ProblemBody } from '../api/index.ts'
import type { ErrorCode } from '../errors/index.ts'

/**
 * HTTP status of every error. 4xx is for the client to mend, 5xx for whoever runs the daemon; codes
 * that no request can cause are 500, so that one which gets here all the same is seen.
 */
export const problemStatus: Readonly<Record<ErrorCode, number>> = {
  ERR_KEY_MALFORMED: 400,
  ERR_KEY_WEAK: 400,
  ERR_KEY_PASSPHRASE: 500,
  ERR_KEY_INSECURE: 500,
  ERR_KEY_UNREADABLE: 500,
  ERR_AGENT_UNREACHABLE: 500,
  ERR_AGENT_REFUSED: 500,
  ERR_PSK_MALFORMED: 500,
  ERR_PSK_MISMATCH: 500,
  ERR_SSHSIG_MALFORMED: 400,
  ERR_SIGNATURE_INVALID: 403,
  ERR_CERTIFICATE_MALFORMED: 500,
  ERR_CERTIFICATE_INVALID: 500,
  ERR_CERTIFICATE_EXPIRED: 500,
  ERR_CERTIFICATE_MISMATCH: 500,
  ERR_CERTIFICATE_MISSING: 500,
  ERR_CERTIFICATE_REVOKED: 403,
  ERR_TRUST_MALFORMED: 400,

  ERR_SIGNATURE_UNSUPPORTED: 400,
  ERR_STATEMENT_MALFORMED: 400,
  ERR_NETWORK_ID_INVALID: 400,
  ERR_FILE_NAME_INVALID: 400,
  ERR_FILE_NOT_CONFIGURED: 404,
  ERR_FILE_NETWORK_MISMATCH: 403,
  ERR_FILE_SIGNER_NOT_ALLOWED: 403,
  ERR_FILE_THRESHOLD: 403,
  ERR_FILE_CERTIFICATE: 403,
  ERR_FILE_BELOW_MINIMUM: 409,
  ERR_FILE_TOO_MANY: 403,
  ERR_FILE_NOT_NEWER: 409,
  ERR_FILE_TIME_AHEAD: 422,
  ERR_FILE_VERSION_JUMP: 409,
  ERR_FILE_EXPIRED: 422,
  ERR_FILE_TOO_LARGE: 413,
  ERR_FILE_CONTENT_MISMATCH: 422,
  ERR_FILE_CONTENT_MISSING: 404,
  ERR_TREE_REFUSED: 500,
  ERR_FILE_NOT_FOUND: 404,

  ERR_BLOCK_MISMATCH: 422,
  ERR_BLOCK_QUOTA: 507,
  ERR_STATE_LOCKED: 500,
  ERR_STATE_UNUSABLE: 503,
  ERR_STATE_CORRUPT: 500,
  ERR_STATE_NEWER: 500,
  ERR_DISK_FULL: 507,

  ERR_CONFIG_NOT_FOUND: 500,
  ERR_CONFIG_SYNTAX: 400,
  ERR_CONFIG_INVALID: 400,
  ERR_CONFIG_LOSES: 500,

  ERR_ADDRESS_INVALID: 500,
  ERR_PEER_UNREACHABLE: 502,
  ERR_PEER_REFUSED: 502,
  ERR_PEER_MISBEHAVED: 502,
  ERR_PROTOCOL_MALFORMED: 502,
  ERR_STREAM_CLOSED: 502,
  ERR_LIMIT_EXCEEDED: 429,
  ERR_TIMEOUT: 504,

  ERR_REQUEST_MALFORMED: 400,
  ERR_REQUEST_FORBIDDEN: 403,
  ERR_REQUEST_TOO_LARGE: 431,
  ERR_REQUEST_TOO_SLOW: 408,
  ERR_PRECONDITION_FAILED: 412,
  ERR_TOKEN_INVALID: 401,
  ERR_TOKEN_MALFORMED: 500,
  ERR_RANGE_INVALID: 416,
  ERR_ROUTE_NOT_FOUND: 404,
  ERR_METHOD_NOT_ALLOWED: 405,
  ERR_LISTEN_FAILED: 500,
  ERR_DAEMON_UNREACHABLE: 502,
  ERR_DAEMON_BUSY: 503,
  ERR_RESPONSE_MALFORMED: 502,
  ERR_OUTPUT_EXISTS: 500,
  ERR_INPUT_UNREADABLE: 500,
  ERR_INPUT_CHANGED: 500,
  ERR_USAGE: 500,
  ERR_UNWELL: 500,
  ERR_ABORTED: 503,
  ERR_INTERNAL: 500,
}

/** The name that a request has too much, if that is what a validator of the framework found. */
const unknownName = (validation: unknown): string | undefined => {
  const [first]: unknown[] = Array.isArray(validation) ? validation : []
  const params = (first as { params?: { additionalProperty?: unknown } } | undefined)?.params
  const name = params?.additionalProperty
  return typeof name === 'string' ? name : undefined
}

/** What the framework says of a request that it could not take, in our words. */
const fromFramework = (error: unknown): MeshError => {
  if (error instanceof Error && !isMeshError(error)) {
    const { statusCode, validation } = error as { statusCode?: unknown; validation?: unknown }
    if (validation !== undefined || (typeof statusCode === 'number' && statusCode < 500)) {
      const name = unknownName(validation)
      const more = name === undefined ? '' : `: there is no ${JSON.stringify(name)}`
      return new MeshError('ERR_REQUEST_MALFORMED', `${error.message}${more}`, { cause: error })
    }
  }
  return toMeshError(error)
}

/**
 * The RFC 9457 body for an error. Of an unexpected one it tells nothing but the request's id, under
 * which the log has the rest.
 */
export const toProblem = (
  error: unknown,
  requestId: string,
  members: Readonly<Record<string, unknown>> = {},
): { error: MeshError; body: ProblemBody } => {
  const known = fromFramework(error)
  const status = problemStatus[known.code]
  const internal = known.code === 'ERR_INTERNAL'
  const body = {
    ...(internal ? {} : known.data),
    ...members,
    type: `urn:mesh:error:${known.code}`,
    title: errorTable[known.code],
    status,
    detail: internal
      ? `request ${requestId} failed; the daemon's log says why under this id`
      : known.message,
    code: known.code,
  }
  return { error: known, body }
}

/** A whole HTTP/1.1 answer, for connections on which the parser itself has failed. */
export const rawProblem = (error: MeshError): string => {
  const { body } = toProblem(error, '')
  const text = JSON.stringify(body)
  return [
    `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    '',
    text,
  ].join('\r\n')
}
