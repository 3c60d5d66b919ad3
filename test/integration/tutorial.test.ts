/** Types docs/tutorial.md, from the first block to the last, and holds its outputs against the page. */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { freePorts, holdSteps, readSteps, takeTime, typeSteps } from './typed-page.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs/tutorial.md'), 'utf8')
const NODES = ['alpha', 'beta', 'gamma']
/** Of the page; others are taken here, that nobody listens on. */
const PORTS = ['7946', '7947', '7948', '7331', '7332', '7333']
const steps = readSteps(page)

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

takeTime(t)
const result = await typeSteps(
  steps.map((step) => ({ ...step, typed: typed(step.typed) })),
  {
    cwd: work,
    env: { ...process.env, PATH: `${join(directory, 'bin')}:${process.env.PATH}`, COLUMNS: '100' },
  },
)

t.test('speaks of everything that it promises', async (t) => {
  const headings = [...new Set(steps.map(({ heading }) => heading))].join('\n')
  for (const word of ['Three nodes', 'Rotate', 'Delete', 'Lose a node', 'missing']) {
    t.match(headings, new RegExp(word))
  }
})

holdSteps(t, steps, result)

t.test('leaves nothing running', async (t) => {
  for (const node of NODES) {
    const pid = pidOf(node)
    for (let waits = 0; isRunning(pid) && waits < 300; waits++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.notOk(isRunning(pid), node)
  }
})
