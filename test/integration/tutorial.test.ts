/** Types docs/tutorial.md, from the first block to the last, and holds its outputs against the page. */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run } from './cluster.ts'
import type { AddressInfo } from 'node:net'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs/tutorial.md'), 'utf8')
const NODES = ['alpha', 'beta', 'gamma']
/** Of the page; others are taken here, that nobody listens on. */
const PORTS = ['7946', '7947', '7948', '7331', '7332', '7333']
/** Of the whole page. The runner gives up on a file after 300 s. */
const TIMEOUT_MS = 280_000

interface Step {
  readonly heading: string
  readonly typed: string
  /** Lines that are among what it prints, in this order. */
  readonly printed: readonly string[]
}

/** Every block of shell, with the block of output right behind it if there is one. */
const steps: readonly Step[] = [
  ...page.matchAll(/^(?:## (.*)|```sh\n([\s\S]*?)^```(?:\n\n```text\n([\s\S]*?)^```)?)/gm),
].reduce<{ heading: string; steps: Step[] }>(
  ({ heading, steps }, [, title, typed, printed = '']) =>
    typed === undefined
      ? { heading: title ?? '', steps }
      : {
          heading,
          steps: [...steps, { heading, typed, printed: printed.split('\n').filter(Boolean) }],
        },
  { heading: '', steps: [] },
).steps

/** `…` stands for anything, and columns may be as far apart as they like. */
const patternOf = (line: string): RegExp => {
  const words = line
    .split(/(…|\s+)/)
    .map((part) =>
      part === '…'
        ? '.*'
        : part.trim() === ''
          ? part === ''
            ? ''
            : '\\s+'
          : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
  return new RegExp(`^${words.join('')}`)
}

const freePorts = async (count: number): Promise<string[]> => {
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

// Short: unix sockets lie in it.
const directory = mkdtempSync(join(tmpdir(), 'mesh-tutorial-'))
const work = join(directory, 'work')

const pidOf = (node: string): number => {
  const path = join(work, node, 'pid')
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
}

/** Ends what the page started, if it did not get to its end. */
const isRunning = (pid: number): boolean => {
  try {
    return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('server')
  } catch {
    return false
  }
}

t.teardown(() => {
  for (const pid of NODES.map(pidOf)) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

const ports = await freePorts(PORTS.length)
mkdirSync(join(directory, 'bin'))
mkdirSync(work)
symlinkSync(join(root, 'bin/mesh'), join(directory, 'bin/mesh'))

const typed = (text: string): string =>
  PORTS.reduce((all, port, index) => all.replaceAll(port, ports[index] ?? ''), text)

const MARK = '== step'
const script = steps
  .map(
    (step, index) => `printf '%s\\n' '${MARK} ${index}'\n${typed(step.typed)}\necho "== code $?"`,
  )
  .join('\n')

const { out } = await run('bash', ['-c', `exec 2>&1\nset -u\n${script}`], {
  cwd: work,
  timeoutMs: TIMEOUT_MS,
  env: { ...process.env, PATH: `${join(directory, 'bin')}:${process.env.PATH}`, COLUMNS: '100' },
})
const outputs = new Map(
  out
    .split(`${MARK} `)
    .slice(1)
    .map((text) => [Number.parseInt(text, 10), text.slice(text.indexOf('\n') + 1)] as const),
)

t.test('speaks of everything that it promises', async (t) => {
  const headings = [...new Set(steps.map(({ heading }) => heading))].join('\n')
  for (const word of ['Three nodes', 'Rotate', 'Delete', 'Lose a node', 'missing']) {
    t.match(headings, new RegExp(word))
  }
})

for (const [index, { heading, typed, printed }] of steps.entries()) {
  t.test(`${heading}: ${typed.split('\n')[0]}`, async (t) => {
    const output = outputs.get(index) ?? `it did not come to this:\n${out.slice(-2_000)}`
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

t.test('leaves nothing running', async (t) => {
  for (const node of NODES) {
    const pid = pidOf(node)
    for (let waits = 0; isRunning(pid) && waits < 300; waits++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.notOk(isRunning(pid), node)
  }
})
