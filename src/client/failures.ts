import { errorTable, isMeshError, MeshError, systemErrorCode } from '../errors/index.ts'
import type { ErrorCode, ErrorData } from '../errors/index.ts'

const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorTable, code)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The flat members of a problem, and the current version that a conflict comes with. */
const dataOf = (problem: Readonly<Record<string, unknown>>): ErrorData => {
  const data: Record<string, string | number | boolean | null> = {}
  for (const [key, value] of Object.entries(problem)) {
    if (['type', 'title', 'detail', 'code'].includes(key)) continue
    if (typeof value === 'string' || typeof value === 'number') data[key] = value
    else if (typeof value === 'boolean') data[key] = value
  }
  const { current } = problem
  if (isRecord(current) && typeof current.version === 'number') {
    data.currentVersion = current.version
  }
  return data
}

/** The error that a problem+json body stands for; codes of newer daemons keep their text. */
export const fromProblem = (address: string, status: number, body: string): MeshError => {
  const problem = parseJson(body)
  if (!isRecord(problem) || typeof problem.code !== 'string') {
    const message = `${address} answered ${status}, and not like a mesh daemon; is the address right?`
    return new MeshError('ERR_RESPONSE_MALFORMED', message, { data: { status } })
  }
  const { code, detail, title } = problem
  const said = typeof detail === 'string' ? detail : typeof title === 'string' ? title : code
  const data = dataOf(problem)
  if (isErrorCode(code)) return new MeshError(code, said, { data })
  return new MeshError(
    'ERR_INTERNAL',
    `${said} (${code}, which this version of mesh does not know)`,
    {
      data: { ...data, code },
    },
  )
}

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is the daemon running?',
  ENOENT: 'there is no such socket; is the daemon running?',
  EACCES: 'this user may not use the socket; is it in the group of the daemon?',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
}

/** What the connection's own failure means for a caller. */
export const fromConnection = (address: string, cause: unknown): MeshError => {
  if (isMeshError(cause)) return cause
  const code = systemErrorCode(cause)
  if (code.startsWith('HPE_')) {
    const message = `${address} does not speak HTTP; is the address right?`
    return new MeshError('ERR_RESPONSE_MALFORMED', message, { cause })
  }
  const why = unreachable[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new MeshError('ERR_DAEMON_UNREACHABLE', `no answer from ${address}: ${why}`, {
    data: { address },
    cause,
  })
}

export const timedOut = (address: string, waitMs: number): MeshError =>
  new MeshError('ERR_TIMEOUT', `${address} said nothing for ${waitMs / 1000} s`, {
    data: { address },
  })

export const aborted = (): MeshError => new MeshError('ERR_ABORTED', 'the request was cancelled')

export const malformed = (address: string, why: string): MeshError =>
  new MeshError('ERR_RESPONSE_MALFORMED', `${address} does not answer like a mesh daemon: ${why}`)
