/** What `scripts/test.ts` reads out of the TAP of a run. */

export interface Counts {
  readonly total: number
  readonly failed: number
  readonly skipped: number
}

/** A test file with a failure. */
export interface FailedFile {
  /** The path of titles down to each failure. */
  readonly titles: readonly string[]
  /** What its tests said: a seed, how to repeat it, a trace. Cut where it is too much for a log. */
  readonly comments: readonly string[]
}

/** Of one file: room for the trace of a simulation, which comes behind its seed. */
const MAX_COMMENT_LINES = 500
const MAX_COMMENT_CHARACTERS = 1_000

/** tap's last summary line: `# { total: 12, pass: 11, fail: 1, skip: 1 }`. */
export const readCounts = (tapOutput: string): Counts => {
  const summary = tapOutput.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
  const count = (name: string): number =>
    Number(new RegExp(`${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
  return { total: count('total'), failed: count('fail'), skipped: count('skip') + count('todo') }
}

const cut = (comments: readonly string[]): string[] => {
  const shown = comments
    .slice(0, MAX_COMMENT_LINES)
    .map((line) =>
      line.length > MAX_COMMENT_CHARACTERS ? `${line.slice(0, MAX_COMMENT_CHARACTERS)}…` : line,
    )
  const more = comments.length - MAX_COMMENT_LINES
  return more > 0 ? [...shown, `… and ${more} more lines`] : shown
}

/** Comments of tap itself. */
const OF_TAP = /^(?:Subtest: |time=|\{ total: |No coverage )/

/**
 * The files that failed. TAP tells a failed assertion before the tests around it, each four columns further
 * out; the file is the outermost, and its comments stand before it.
 */
export const readFailures = (tapOutput: string): Map<string, FailedFile> => {
  const files = new Map<string, FailedFile>()
  let failures: { columns: number; path: string }[] = []
  let comments: string[] = []
  /** The column of the diagnostics that are being read: they may contain anything. */
  let diagnostics: number | undefined
  for (const line of tapOutput.split('\n')) {
    const text = line.trimStart()
    const columns = line.length - text.length
    if (diagnostics !== undefined) {
      if (text === '...' && columns === diagnostics) diagnostics = undefined
      continue
    }
    if (text === '---') diagnostics = columns
    if (text.startsWith('# ') && !OF_TAP.test(text.slice(2))) comments.push(text.slice(2))
    const [result, not, title = ''] =
      /^(not )?ok \d+ - (.*?)(?: # time=\S+)?(?: \{)?$/.exec(text) ?? []
    if (result === undefined) continue
    const isFile = columns === 0
    const hasFailed = not !== undefined && !/ # (SKIP|TODO)/.test(title)
    if (hasFailed && isFile) {
      files.set(title, { titles: failures.map(({ path }) => path), comments: cut(comments) })
    } else if (hasFailed) {
      const within = failures.filter((each) => each.columns > columns)
      if (within.length === 0) failures.push({ columns, path: title })
      for (const each of within) Object.assign(each, { columns, path: `${title} > ${each.path}` })
    }
    if (!isFile) continue
    failures = []
    comments = []
  }
  return files
}
