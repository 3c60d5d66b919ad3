import { spawn } from 'node:child_process'
import { createBlinds } from '../store/index.ts'
import { HOOK_CLOSE_WAIT_MS, HOOK_KILL_GRACE_MS, MAX_HOOK_FLOOD_BYTES } from './limits.ts'
import { endLeftovers, RUN_VARIABLE } from './leftovers.ts'
import { createOutput } from './output.ts'
import type { ChildProcess } from 'node:child_process'
import type { Blinds } from '../store/index.ts'
import { toHex } from '../util/index.ts'
import type { Cancel, Clock, Random } from '../util/index.ts'

export interface Command {
  /** Absolute. */
  readonly program: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** How a run ended; `why` reads on from the name of the hook. */
export type Ending =
  | { readonly outcome: 'succeeded' }
  | { readonly outcome: 'failed' | 'timed-out' | 'aborted'; readonly why: string }

/** Ends the process and everything it has started that is still in its group. */
const signalGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody of the group is left.
  }
}

/** Ends a run that has to end: politely first. */
const createEnder = (child: ChildProcess, clock: Clock) => {
  let because: Ending | undefined
  let cancel: Cancel = () => {}
  return {
    end(reason: Ending): void {
      if (because !== undefined) return
      because = reason
      signalGroup(child, 'SIGTERM')
      cancel = clock.schedule(HOOK_KILL_GRACE_MS, () => signalGroup(child, 'SIGKILL'))
    },
    because: () => because,
    release: () => cancel(),
  }
}

const endingOf = (code: number | null, signal: NodeJS.Signals | null): Ending =>
  code === 0
    ? { outcome: 'succeeded' }
    : { outcome: 'failed', why: code === null ? `was ended by ${signal}` : `ended with ${code}` }

interface RunInit {
  readonly clock: Clock
  readonly random: Random
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
}

/** Runs a program to its end or until it is ended, and ends with it whatever it has started. */
export const runCommand = async (command: Command, init: RunInit): Promise<Ending> => {
  const blinds = await createBlinds()
  try {
    return await runWith(command, init, blinds)
  } finally {
    await blinds.close()
  }
}

const runWith = (
  { program, arguments: given, environment }: Command,
  { clock, random, timeoutMs, signal, onLine }: RunInit,
  { stdio }: Blinds,
): Promise<Ending> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve({ outcome: 'aborted', why: 'was not begun' })
    const run = toHex(random.bytes(16))
    const child = spawn(program, given, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...stdio],
      env: { ...environment, [RUN_VARIABLE]: run },
      cwd: '/',
    })
    const ender = createEnder(child, clock)
    const stop = (): void => ender.end({ outcome: 'aborted', why: 'was ended with the daemon' })
    const cancelTimeout = clock.schedule(timeoutMs, () =>
      ender.end({ outcome: 'timed-out', why: `did not end within ${timeoutMs / 1000} s` }),
    )
    signal.addEventListener('abort', stop, { once: true })

    const output = createOutput(onLine)
    for (const stream of [child.stdout, child.stderr]) {
      // Where the system has no descriptor left, there is none.
      stream?.on('data', (piece: Buffer) => {
        if (output.add(stream, piece) <= MAX_HOOK_FLOOD_BYTES) return
        ender.end({ outcome: 'failed', why: 'wrote more than anybody reads' })
      })
    }

    let cancelWait: Cancel = () => {}
    const settle = (ending: Ending): void => {
      for (const release of [cancelTimeout, cancelWait, ender.release]) release()
      signal.removeEventListener('abort', stop)
      output.end()
      resolve(ender.because() ?? ending)
    }
    child.once('error', ({ message }) =>
      settle({ outcome: 'failed', why: `could not be run: ${message}` }),
    )
    let ended: Promise<void> = Promise.resolve()
    child.once('exit', () => {
      cancelTimeout()
      ender.release()
      // What it has left running would go on beside the next run. That it cannot be looked for must not
      // keep this one from ending.
      signalGroup(child, 'SIGKILL')
      ended = endLeftovers(run).catch(() => {})
      // Who was not found may hold the pipes open for ever.
      cancelWait = clock.schedule(HOOK_CLOSE_WAIT_MS, () => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      })
    })
    child.once('close', (code, by) => void ended.then(() => settle(endingOf(code, by))))
  })
