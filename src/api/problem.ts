/** Media type of {@link ProblemBody}. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** RFC 9457; `code` is the stable one of `docs/errors.md`; further members are the error's data. */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly [member: string]: unknown
}
