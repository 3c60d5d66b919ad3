/** Types the shell of a page, from the first block to the last, and holds what it prints against the page. */
import { createServer } from 'node:net'
import { run } from './cluster.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Of a whole page, on a machine that is slower by far. */
const TIMEOUT_MS = 1_200_000
const FILE_TIMEOUT_MS = TIMEOUT_MS + 300_000
const MARK = '== step'

/** One block of shell, and the block of output right behind it if there is one. */
export interface Step {
  readonly heading: string
  readonly typed: string
  /** Lines that are among what it prints, in this order. */
  readonly printed: readonly string[]
  /** What goes before it, and no administrator would type: `<!-- what happened: … -->`. */
  readonly happened: string
  /** Why nobody types it in a test: `<!-- not run: … -->` before it. */
  readonly notRun: string | undefined
}

/** Every block of shell. A test that types one page says what its blocks are about by the heading. */
export const readSteps = (page: string): readonly Step[] => {
  const steps: Step[] = []
  let heading = ''
  const blocks =
    /^(?:##+ (.*)|(?:<!-- not run: (.*) -->\n)?(?:<!-- what happened: (.*) -->\n)?```sh\n([\s\S]*?)^```(?:\n\n```text\n([\s\S]*?)^```)?)/gm
  for (const [, title, notRun, happened = '', typed, printed = ''] of page.matchAll(blocks)) {
    if (typed === undefined) heading = title ?? ''
    else
      steps.push({ heading, typed, printed: printed.split('\n').filter(Boolean), happened, notRun })
  }
  return steps
}

const quoted = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

const patternOfPart = (part: string): string => {
  if (part === '') return ''
  if (part === '…') return '.*'
  return part.trim() === '' ? '\\s+' : quoted(part)
}

/** `…` stands for anything, and columns may be as far apart as they like. */
const patternOf = (line: string): RegExp =>
  new RegExp(
    `^${line
      .split(/(…|\s+)/)
      .map(patternOfPart)
      .join('')}`,
  )

/** Ports that nobody listens on. */
export const freePorts = async (count: number): Promise<string[]> => {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => `${(server.address() as AddressInfo).port}`)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** What was printed by each step that was come to, and everything together. */
export interface Typed {
  readonly outputs: ReadonlyMap<number, string>
  readonly all: string
}

/** Gives a file that types a page the time for it, by tap above as well. */
export const takeTime = (t: Test): void => {
  t.setTimeout(FILE_TIMEOUT_MS)
  t.comment(`timeout=${FILE_TIMEOUT_MS}`)
}

/** A script in bash, without the loader that tap would put into every Node below. */
export const bash = (
  script: string,
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
) => run('env', ['-u', 'NODE_OPTIONS', 'bash', '-c', script], { cwd, env, timeoutMs: TIMEOUT_MS })

/** All of it in one bash, so that variables and functions stay. */
export const typeSteps = async (
  steps: readonly Step[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Typed> => {
  const script = steps
    .map(({ happened, typed, notRun }, index) => {
      const body = notRun === undefined ? `${happened}\n${typed}` : ''
      return `printf '%s\\n' '${MARK} ${index}'\n${body}\necho "== code $?"`
    })
    .join('\n')
  const { out } = await bash(
    `exec 2>&1
set -u
${script}`,
    { cwd, env },
  )
  const parts = out.split(`${MARK} `).slice(1)
  const outputs = new Map(
    parts.map((text) => [Number.parseInt(text, 10), text.slice(text.indexOf('\n') + 1)] as const),
  )
  return { outputs, all: out }
}

/** A test for each step: it succeeds, and prints what stands under it. */
export const holdSteps = (t: Test, steps: readonly Step[], { outputs, all }: Typed): void => {
  for (const [index, { heading, typed, printed, notRun }] of steps.entries()) {
    if (notRun !== undefined) continue
    t.test(`${heading}: ${typed.split('\n')[0]}`, async (t) => {
      const output = outputs.get(index) ?? `it did not come to this:\n${all.slice(-2_000)}`
      t.match(output, /^== code 0$/m, 'it succeeds')
      const lines = output.split('\n')
      let at = 0
      for (const line of printed) {
        const pattern = patternOf(line)
        const found = lines.findIndex((each, index) => index >= at && pattern.test(each))
        if (found < 0) t.fail(`${JSON.stringify(line)} is not in\n${lines.slice(at).join('\n')}`)
        else at = found + 1
      }
    })
  }
}
