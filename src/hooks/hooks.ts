import { join } from 'node:path'
import { isReservedName, parseFileName } from '../statement/index.ts'
import { toMeshError } from '../errors/index.ts'
import { sha256 } from '../util/index.ts'
import { createHandled } from './handled.ts'
import { FIRST_HOOK_RETRY_MS, MAX_HOOK_ATTEMPTS, MAX_HOOKS_AT_ONCE } from './limits.ts'
import { NAMES_PER_TURN } from './limits.ts'
import { checkProgram, listPrograms } from './programs.ts'
import { runCommand } from './run-command.ts'
import type { FileView } from '../files/index.ts'
import type { Worker } from '../observe/index.ts'
import type { FileName, Selector } from '../statement/index.ts'
import type { Cancel } from '../util/index.ts'
import type { Handled } from './handled.ts'
import type { Command, Ending } from './run-command.ts'
import type { Hooks, HooksComponents, HooksInit } from './types.ts'

/** Of the daemon's environment, what programs need to run; never its credentials. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

/** The version that is to be seen, if there is one. */
const visible = (view: FileView) => (view.state === 'shown' ? view.winner : view.shownMeanwhile)

/** What a hook is told, in arguments and environment. */
const factsOf = (view: FileView, { filesDirectory, treesDirectory }: HooksInit) => {
  const { name, state, winner, policy } = view
  const { signed } = visible(view) ?? winner ?? {}
  return {
    name,
    version: `${signed?.statement.version ?? ''}`,
    state: visible(view) === undefined ? state : 'shown',
    path: join(filesDirectory, name),
    statement: signed?.id ?? '',
    ...(policy.unpack === undefined ? {} : { tree: join(treesDirectory, name) }),
  }
}

export const createHooks = (components: HooksComponents, initial: HooksInit): Hooks => {
  const { files, trees, store, clock, random, logger, health, workers } = components
  const { isRoot, environment } = components
  const handled = createHandled(store)
  let init = initial
  let worker: Worker | undefined
  let scanning = false
  /** The run of the worker that is under way. */
  let shift: { readonly signal: AbortSignal; readonly settle: () => void } | undefined
  const due = new Set<FileName>()
  const running = new Set<FileName>()
  const retries = new Map<FileName, { attempts: number; cancel: Cancel }>()
  const failing = new Map<Selector, Set<FileName>>()
  const ended = { succeeded: 0, failed: 0, timedOut: 0 }

  const hasHook = ({ name, policy }: FileView): boolean =>
    !isReservedName(name) && (policy.onChange !== undefined || init.directory !== undefined)

  /** Hooks are somebody's programs: as root they could do anything, so that is said in so many words. */
  const mayRun = (): boolean => !isRoot || init.allowRoot

  /**
   * What there is to be handled. Of what is unpacked that is the tree: there is nothing before it is
   * there, and each further one of the same content is something else. `undefined`: not yet.
   */
  const targetOf = (view: FileView): Handled | undefined => {
    const statement = visible(view)?.signed.id ?? 'absent'
    if (view.policy.unpack === undefined) return statement
    const tree = trees.treeOf(view.name)
    if (tree === undefined) return undefined
    if (statement === 'absent') return statement
    return sha256(`${statement}\n${tree}`)
  }

  const isDue = (view: FileView): boolean => {
    if (!hasHook(view)) return false
    const before = handled.get(view.name)
    const target = targetOf(view)
    if (target === undefined) return false
    return target !== before && !(before === undefined && target === 'absent')
  }

  const environmentOf = (facts: ReturnType<typeof factsOf>): Record<string, string> => {
    const passed = PASSED_ON.flatMap((key) => {
      const value = environment[key]
      return value === undefined ? [] : [[key, value] as const]
    })
    return {
      PATH: DEFAULT_PATH,
      ...Object.fromEntries(passed),
      MESH_FILE_NAME: facts.name,
      MESH_FILE_VERSION: facts.version,
      MESH_FILE_STATE: facts.state,
      MESH_FILE_PATH: facts.path,
      MESH_FILE_STATEMENT: facts.statement,
      ...(facts.tree === undefined ? {} : { MESH_FILE_TREE: facts.tree }),
    }
  }

  /** @throws MeshError `ERR_INPUT_UNREADABLE` */
  const commandsFor = async (view: FileView): Promise<readonly Command[]> => {
    const facts = factsOf(view, init)
    const { name, version, state, path } = facts
    const common = { environment: environmentOf(facts) }
    const commands: Command[] = []
    const [own, ...given] = view.policy.onChange ?? []
    if (own !== undefined) {
      await checkProgram(own)
      commands.push({ ...common, program: own, arguments: [...given, name, version, state, path] })
    }
    const programs = init.directory === undefined ? [] : await listPrograms(init.directory)
    for (const program of programs) {
      commands.push({ ...common, program, arguments: [name, version, state, path] })
    }
    return commands
  }

  const runAll = async (view: FileView, signal: AbortSignal): Promise<Ending> => {
    const { name } = view
    const { version, state } = factsOf(view, init)
    for (const command of await commandsFor(view)) {
      const { program } = command
      logger.info({ name, version, state, hook: program }, 'running a hook')
      const onLine = (line: string): void => logger.info({ name, hook: program, line }, 'hook')
      const { timeoutMs } = init
      const ending = await runCommand(command, { clock, random, timeoutMs, signal, onLine })
      if (ending.outcome !== 'succeeded') return { ...ending, why: `${program} ${ending.why}` }
    }
    return { outcome: 'succeeded' }
  }

  const tellFailing = (selector: Selector, name: FileName, why: string | undefined): void => {
    const names = failing.get(selector) ?? new Set()
    failing.set(selector, names)
    if (why === undefined) names.delete(name)
    else names.add(name)
    if (names.size === 0) {
      failing.delete(selector)
      health.clear('hook-failed', selector)
      return
    }
    if (why === undefined) return
    const others = names.size === 1 ? '' : ` (and of ${names.size - 1} more)`
    const message = `the hook of ${name}${others} failed: ${why}; the log has its output`
    health.raise({ code: 'hook-failed', subject: selector, severity: 'warning', message })
  }

  /** Tries again a few times, longer and longer; then at the next change, or the next start. */
  const postpone = (view: FileView, why: string): void => {
    const { name, policy } = view
    const attempts = (retries.get(name)?.attempts ?? 0) + 1
    const gaveUp = attempts >= MAX_HOOK_ATTEMPTS
    const said = gaveUp ? `${why}, ${attempts} times` : why
    tellFailing(policy.name, name, said)
    logger.warn({ name, attempts, why }, gaveUp ? 'a hook failed for good' : 'a hook failed')
    if (gaveUp) {
      retries.delete(name)
      return
    }
    const cancel = clock.schedule(FIRST_HOOK_RETRY_MS * 4 ** (attempts - 1), () => enqueue(name))
    retries.set(name, { attempts, cancel })
  }

  const settle = async (
    view: FileView,
    target: Handled | undefined,
    ending: Ending,
  ): Promise<void> => {
    const { name, policy } = view
    if (ending.outcome === 'aborted') return
    if (ending.outcome !== 'succeeded') {
      ended[ending.outcome === 'failed' ? 'failed' : 'timedOut']++
      return postpone(view, ending.why)
    }
    ended.succeeded++
    if (target !== undefined) await handled.set(name, target)
    retries.delete(name)
    tellFailing(policy.name, name, undefined)
  }

  const handle = async (name: FileName, signal: AbortSignal): Promise<void> => {
    const view = files.view(name)
    if (view === undefined || !mayRun() || !isDue(view)) return
    // What is there by the end of it is handled by the next run.
    const target = targetOf(view)
    try {
      await settle(view, target, await runAll(view, signal))
    } catch (error) {
      ended.failed++
      if (!signal.aborted) postpone(view, toMeshError(error).message)
    }
  }

  const takeNext = (): FileName | undefined => {
    for (const name of due) {
      if (running.has(name)) continue
      due.delete(name)
      return name
    }
    return undefined
  }

  /** Begins as many as may run, and ends the worker's run when there is nothing left. */
  const pump = (): void => {
    if (shift === undefined) return
    const { signal } = shift
    while (!signal.aborted && running.size < MAX_HOOKS_AT_ONCE) {
      const name = takeNext()
      if (name === undefined) break
      running.add(name)
      void handle(name, signal).finally(() => {
        running.delete(name)
        pump()
      })
    }
    if (running.size === 0 && (signal.aborted || (due.size === 0 && !scanning))) shift.settle()
  }

  const enqueue = (name: FileName): void => {
    due.add(name)
    if (shift === undefined) worker?.wake()
    else pump()
  }

  /** A change begins anew whatever failed before. */
  const onChange = ({ name, after }: { name: FileName; after: FileView | undefined }): void => {
    if (after === undefined || !hasHook(after)) return
    retries.get(name)?.cancel()
    retries.delete(name)
    enqueue(name)
  }

  const onTree = (name: FileName): void => {
    const view = files.view(name)
    if (view !== undefined && isDue(view)) onChange({ name, after: view })
  }

  const pause = (): Promise<void> => new Promise((resolve) => clock.schedule(0, resolve))

  const scan = async (signal: AbortSignal): Promise<void> => {
    let count = 0
    let isAny = false
    for (const view of files.list()) {
      isAny ||= hasHook(view)
      if (isDue(view)) due.add(view.name)
      if (++count % NAMES_PER_TURN !== 0) continue
      pump()
      await pause()
      if (signal.aborted) return
    }
    tellRoot(isAny)
    for (const [selector, names] of [...failing]) {
      for (const name of names) if (!isHooked(name)) tellFailing(selector, name, undefined)
    }
    await handled.retain((name) => isHooked(parseFileName(name)), pause)
  }

  const isHooked = (name: FileName): boolean => {
    const view = files.view(name)
    return view !== undefined && hasHook(view)
  }

  const tellRoot = (isAny: boolean): void => {
    health.clear('hooks-as-root')
    if (!isAny || mayRun()) return
    const message =
      'hooks are configured and not run, because the daemon runs as root; run it as a user of its own, or set hooks.allow_root = true'
    health.raise({ code: 'hooks-as-root', subject: '', severity: 'error', message })
  }

  let wantsScan = true
  const run = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        signal.removeEventListener('abort', pump)
        shift = undefined
        resolve()
      }
      shift = { signal, settle: end }
      signal.addEventListener('abort', pump)
      scanning = wantsScan
      wantsScan = false
      const scanned = scanning ? scan(signal) : Promise.resolve()
      scanned.catch(reject).finally(() => {
        scanning = false
        pump()
      })
    })

  return {
    async start() {
      if (worker !== undefined) return
      files.events.on('change', onChange)
      trees.events.on('settled', onTree)
      wantsScan = true
      worker = workers.add({ name: 'hooks', run })
      worker.wake()
    },
    async stop() {
      files.events.off('change', onChange)
      trees.events.off('settled', onTree)
      for (const { cancel } of retries.values()) cancel()
      retries.clear()
      await worker?.stop()
      worker = undefined
      due.clear()
    },
    configure(next) {
      init = next
      wantsScan = true
      worker?.wake()
    },
    counts: () => ({ ...ended, running: running.size, waiting: due.size }),
  }
}
