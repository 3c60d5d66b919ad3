import { MeshError } from '../errors/index.ts'
import { MAX_PROBLEMS_SHOWN } from './limits.ts'
import type { ErrorCode } from '../errors/index.ts'
import type { Quote, Source } from './source.ts'
import type { ConfigPath, ConfigProblem } from './types.ts'

/** What a check found, before it is known where that stands. */
export interface Finding {
  readonly path: ConfigPath
  /** @default 'ERR_CONFIG_INVALID' */
  readonly code?: ErrorCode
  readonly message: string
  /**
   * How much of the line is quoted. `key`: up to the `=`, and `nothing`: where what follows may be a
   * secret that somebody pasted. @default 'line'
   */
  readonly quote?: Quote
}

/** `cluster.bootstrap_peers[0]`, `files."app.conf".mode`. */
export const formatPath = (path: ConfigPath): string => {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else {
      const key = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part)
      text += text === '' ? key : `.${key}`
    }
  }
  return text
}

/** Puts findings where they stand in the text, top to bottom. */
export const toProblems = (source: Source, findings: readonly Finding[]): ConfigProblem[] =>
  findings
    .map(({ path, message, quote, code = 'ERR_CONFIG_INVALID' }): ConfigProblem => {
      const position = source.locate(path)
      const excerpt = source.excerpt(position, quote)
      return { code, key: formatPath(path), ...position, message, excerpt }
    })
    .sort((a, b) => a.line - b.line || a.column - b.column)

/** One problem as people and editors read it: `dm.toml:3:1: …`, and the line. */
export const formatProblem = (path: string, problem: ConfigProblem): string => {
  const key = problem.key === '' ? '' : `${problem.key}: `
  const head = `${path}:${problem.line}:${problem.column}: ${key}${problem.message}`
  return problem.excerpt === '' ? head : `${head}\n${problem.excerpt}`
}

/** All problems of one file as one error, of the first one's code. */
export const configError = (path: string, problems: readonly ConfigProblem[]): MeshError => {
  const [first] = problems
  if (first === undefined) throw new RangeError('no problem, no error')
  const shown = problems.slice(0, MAX_PROBLEMS_SHOWN).map((each) => formatProblem(path, each))
  const more = problems.length - shown.length
  if (more > 0) shown.push(`… and ${more} more`)
  const count = problems.length > 1 ? [`${path} has ${problems.length} problems:`] : []
  const { line, column, key } = first
  return new MeshError(first.code, [...count, ...shown].join('\n'), {
    data: { path, line, column, key, problems: problems.length },
  })
}
