/** Processes as the benchmarks see them: time until a line is printed, memory, a bounded end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const mesh = join(import.meta.dirname, '..', 'bin', 'mesh')

/** What bin/mesh gives to Node; and to malloc. */
process.env.MALLOC_ARENA_MAX ??= '2'
export const NODE_FLAGS = ['--max-semi-space-size=2']

const DEADLINE_MS = 60_000

export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  /** From spawning to the line. */
  readonly readyMs: number
  readonly line: string
}

const children = new Set<ChildProcess>()
// Whatever fails, nothing that was started here outlives us.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts a program and waits for a line on its standard output that contains `word`. */
export const startUntil = async (
  word: string,
  program: string,
  args: readonly string[],
): Promise<Started> => {
  const beganMs = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 600_000 })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const lines = createInterface(child.stdout)
  const ready = await Promise.race([
    new Promise<{ line: string; readyMs: number }>((resolve) => {
      lines.on('line', (line) => {
        if (line.includes(word)) resolve({ line, readyMs: performance.now() - beganMs })
      })
    }),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${program} ended with ${code} before it was ready`)
    }),
    pause(DEADLINE_MS).then(() => {
      child.kill('SIGKILL')
      throw new Error(`${program} was not ready in time`)
    }),
  ])
  return { child, pid: child.pid ?? 0, ...ready }
}

export const end = async ({ child }: Started): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

/** Time of a program from start to end, in ms. */
export const timeRun = async (program: string, args: readonly string[]): Promise<number> => {
  const beganMs = performance.now()
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: DEADLINE_MS,
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
  return performance.now() - beganMs
}

/** Resident memory now, and its peak since the process began or since `clearPeak`, in bytes. */
export const memoryOf = (pid: number): { nowBytes: number; peakBytes: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kibibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN)
  return { nowBytes: kibibytes('VmRSS') * 1024, peakBytes: kibibytes('VmHWM') * 1024 }
}

export const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs).unref())

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
export const milliseconds = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`
