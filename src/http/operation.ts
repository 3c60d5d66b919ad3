import type { ErrorCode } from '../errors/index.ts'

/** What a route says of itself beside its schemas, for people and for `/openapi.json`. */
export interface Operation {
  /** In a few words, beginning in lower case. */
  readonly summary: string
  /** What is answered over TCP without a bearer token. */
  readonly overTcp: string
  /** Further codes that it answers with, beside those of every route. */
  readonly problems?: readonly ErrorCode[]
  /** Of parameters of the query and of header fields that it reads. */
  readonly about?: Readonly<Record<string, string>>
  /** Header fields that it reads. */
  readonly fields?: readonly string[]
  /** Media type of the body that it reads. */
  readonly takes?: string
  /** Media types of answers that are not JSON, by status; `null`: no body. */
  readonly gives?: Readonly<Record<number, string | null>>
}

/** Codes that any route may answer with. */
export const COMMON_PROBLEMS = [
  'ERR_REQUEST_MALFORMED',
  'ERR_TOKEN_INVALID',
  'ERR_REQUEST_FORBIDDEN',
  'ERR_REQUEST_TOO_LARGE',
  'ERR_LIMIT_EXCEEDED',
  'ERR_INTERNAL',
  'ERR_ABORTED',
  'ERR_DAEMON_BUSY',
] as const satisfies readonly ErrorCode[]

/** Of routes that end in a file name. */
export const NAME_PROBLEMS = [
  'ERR_FILE_NAME_INVALID',
  'ERR_FILE_NOT_CONFIGURED',
] as const satisfies readonly ErrorCode[]

declare module 'fastify' {
  interface FastifySchema {
    /** Absent: not part of the API, as the files of the dashboard. */
    operation?: Operation
  }
}
