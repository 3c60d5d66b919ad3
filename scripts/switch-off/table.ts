/** One line of the table of checks. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly put: string
}

export interface Check {
  /** In a few words; unique. */
  readonly name: string
  readonly edits: readonly Edit[]
  /** Test file and title of the test that must fail. */
  readonly test: string
  readonly title: string
}

/** Checks that stop one kind of thing. */
export interface Chapter {
  readonly title: string
  readonly checks: readonly Check[]
}

type Rule = readonly [name: string, title: string, ...edits: readonly (readonly [string, string])[]]

/** Checks of one source file that one test file holds. */
export const checksOf = (file: string, test: string, rules: readonly Rule[]): Check[] =>
  rules.map(([name, title, ...edits]) => ({
    name,
    title,
    test: `test/${test}.test.ts`,
    edits: edits.map(([find, put]) => ({ file: `src/${file}.ts`, find, put })),
  }))
