/** Runs one test file of a copy of the checkout, and finds out what became of one of its tests. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** For one test file; one that hangs without its check is ended. */
const RUN_TIMEOUT_MS = 240_000

/** What became of a test. */
export type Result = 'passes' | 'fails' | 'does not end' | 'is not run'

interface Run {
  readonly output: string
  readonly code: number | null
}

/** A test that waits for what never comes is ended by tap, with these words, or by us, with none. */
const UNENDED = /left in queue|after automatic end|test unfinished|^not ok .*timeout!/m

/** The same title may be there several times, as in the suite of a contract. */
const says = (output: string, word: 'ok' | 'not ok', title: string): boolean =>
  output
    .split('\n')
    .map((line) => line.trim().replace(/ # time=.*$/, ''))
    .some((line) => line.startsWith(`${word} `) && line.endsWith(` - ${title}`))

export const resultOf = ({ output, code }: Run, title: string): Result => {
  if (says(output, 'not ok', title)) return 'fails'
  if (code !== 0 && (UNENDED.test(output) || code === null)) return 'does not end'
  return says(output, 'ok', title) ? 'passes' : 'is not run'
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** Has tap run no tests but these; those of a suite, or with a title put together, it would not find. */
const filterOf = (source: string, titles: readonly string[]): { TAP_GREP?: string } => {
  const areKnown = titles.every((title) =>
    new RegExp(`^t\\.test\\(\\s*(['\`])${escaped(title)}\\1,`, 'm').test(source),
  )
  return areKnown ? { TAP_GREP: `/^(?:${titles.map(escaped).join('|')})$/` } : {}
}

/**
 * What a test file writes; it is run by node alone, which tap allows. Ends with the file, or as soon as
 * the test `until` has failed: what the others come to is not of interest then. Of its tests at most
 * these are run, if all of them can be told apart from outside.
 */
export const runTest = (
  copy: string,
  test: string,
  { only, until }: { only: readonly string[]; until?: string },
): Promise<Run> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [test], {
      cwd: copy,
      stdio: ['ignore', 'pipe', 'ignore'],
      // A group of its own: daemons that a test started end with it.
      detached: true,
      env: {
        ...process.env,
        ...filterOf(readFileSync(join(copy, test), 'utf8'), only),
        MESH_TEST_TIER: 'short',
        TAP_TIMEOUT: String(RUN_TIMEOUT_MS / 1000),
      },
    })
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    const timer = setTimeout(end, RUN_TIMEOUT_MS)
    let output = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (piece: string) => {
      output += piece
      if (until !== undefined && says(output, 'not ok', until)) end()
    })
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      end()
      resolve({ output, code })
    })
  })
