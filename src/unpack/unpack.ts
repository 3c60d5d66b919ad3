import { join } from 'node:path'
import { describeSystemError, isMeshError } from '../errors/index.ts'
import { extractTar } from './extract.ts'
import { TREE_GRACE_MS, TREE_RETRY_MS } from './limits.ts'
import { createPlaces } from './places.ts'
import type { FileChange, FileRecord, Files, FileView } from '../files/index.ts'
import type { Health, Logger, Worker, Workers } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Clock, Digest, Random } from '../util/index.ts'

export interface UnpackComponents {
  readonly files: Pick<Files, 'events' | 'list' | 'view' | 'open'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly health: Health
  readonly workers: Workers
}

/** Shows signed tars as trees. */
export interface Unpack {
  /** Removes what a crash has left, and begins. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Looks at every name again: the configuration has changed. */
  refresh(): Promise<void>
}

/** What of a name is shown as a file now. */
const shownRecord = (view: FileView): FileRecord | undefined =>
  view.state === 'shown' ? view.winner : view.shownMeanwhile

const shownDigest = (view: FileView): Digest | undefined => {
  const content = shownRecord(view)?.signed.statement.content
  return content === undefined || content === 'deleted' ? undefined : content.digest
}

/** One name, one tree: what is shown of the file decides, and the link is all the state there is. */
export const createUnpack = (components: UnpackComponents, stateDir: string): Unpack => {
  const { files, clock, health, workers } = components
  const logger = components.logger.child('unpack')
  const places = createPlaces(components, stateDir)
  /** Names to be looked at. */
  const waiting = new Set<FileName>()
  /** Trees that were refused: they stay so until other content is shown. */
  const refusals = new Map<FileName, string>()
  /** Trees that no link leads to any more, and when they go. */
  const leaving = new Map<string, number>()
  /** Names that were unpacked here: those that a change of rules may concern. */
  const known = new Set<FileName>()
  let worker: Worker | undefined
  let running: Promise<void> | undefined

  const look = (name: FileName): void => {
    waiting.add(name)
    worker?.wake()
  }
  const onChange = ({ name, after }: FileChange): void => {
    if (after?.policy.unpack !== undefined || known.has(name)) look(name)
  }

  const wantedTree = (
    name: FileName,
  ): { tree: string; view: FileView; digest: Digest } | undefined => {
    const view = files.view(name)
    const digest = view?.policy.unpack === undefined ? undefined : shownDigest(view)
    if (view === undefined || digest === undefined) return undefined
    return { tree: places.treeOf(name, digest, view.policy.mode), view, digest }
  }

  const clear = (name: FileName): void => {
    refusals.delete(name)
    health.clear('tree-refused', name)
  }

  const refuse = (name: FileName, tree: string, version: number | undefined, why: string): void => {
    refusals.set(name, tree)
    const more = 'what was unpacked before stays; sign another tar'
    health.raise({
      ...{ code: 'tree-refused', subject: name, severity: 'error' },
      message: `version ${version}: ${why}; ${more}`,
    })
  }

  /** Unpacks what is shown; `undefined`: it is not there any more. */
  const unpack = async (name: FileName, signal: AbortSignal): Promise<string | undefined> => {
    const wanted = wantedTree(name)
    if (wanted === undefined) return undefined
    const { tree, view, digest } = wanted
    const file = await files.open(name, { digest, signal })
    if (file === undefined) return undefined
    const staged = await places.stage(tree)
    try {
      const { mode, maxSizeBytes } = view.policy
      const root = join(stateDir, 'unpacked', staged)
      const init = { mode, maxBytes: maxSizeBytes, signal }
      const { entries, bytes } = await extractTar(file.stream({ signal }), root, init)
      await places.switchTo(name, tree, staged)
      logger.info({ name, digest, entries, bytes }, 'a tar was unpacked')
      return tree
    } catch (error) {
      await places.remove(staged)
      if (!isMeshError(error, 'ERR_TREE_REFUSED')) throw error
      refuse(name, tree, shownRecord(view)?.signed.statement.version, error.message)
      return undefined
    }
  }

  const settle = async (name: FileName, signal: AbortSignal): Promise<void> => {
    const before = await places.current(name)
    const wanted = wantedTree(name)
    if (wanted === undefined) {
      await places.unlink(name)
      // What is deleted is gone at once: nobody who reads it has a right to the rest.
      if (before !== undefined) await places.remove(before)
      known.delete(name)
      return clear(name)
    }
    known.add(name)
    if (before === wanted.tree) return clear(name)
    if (refusals.get(name) === wanted.tree) return
    const now = await unpack(name, signal)
    if (now === undefined) return
    clear(name)
    if (before !== undefined) leaving.set(before, clock.monotonicMs() + TREE_GRACE_MS)
    leaving.delete(now)
  }

  const removeOld = async (): Promise<void> => {
    for (const [tree, atMs] of leaving) {
      const leftMs = atMs - clock.monotonicMs()
      if (leftMs > 0) worker?.wake(leftMs)
      else {
        await places.remove(tree)
        leaving.delete(tree)
      }
    }
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    for (const name of waiting) {
      if (signal.aborted) return
      waiting.delete(name)
      try {
        await settle(name, signal)
        health.clear('tree-failed', name)
      } catch (error) {
        if (signal.aborted) return
        waiting.add(name)
        worker?.wake(TREE_RETRY_MS)
        const why = isMeshError(error) ? error.message : describeSystemError(error)
        const message = `the tar of ${name} could not be unpacked, and is tried again: ${why}`
        health.raise({ code: 'tree-failed', subject: name, severity: 'error', message })
        return
      }
    }
    await removeOld()
  }

  const refresh = async (): Promise<void> => {
    for (const name of await places.names()) look(name)
    for (const { name, policy } of files.list()) if (policy.unpack !== undefined) look(name)
    for (const name of known) look(name)
  }

  /** What no link leads to is half of an attempt, or was on its way out when the daemon ended. */
  const sweep = async (): Promise<void> => {
    const current = new Set<string | undefined>()
    for (const name of await places.names()) current.add(await places.current(name))
    for (const tree of await places.trees()) if (!current.has(tree)) await places.remove(tree)
  }

  const begin = async (): Promise<void> => {
    await places.open()
    await sweep()
    worker = workers.add({ name: 'unpack', run })
    files.events.on('change', onChange)
    await refresh()
  }

  return {
    start() {
      running ??= begin()
      return running
    },
    async stop() {
      if (running === undefined) return
      await running.catch(() => {})
      files.events.off('change', onChange)
      await worker?.stop()
      running = undefined
      worker = undefined
      waiting.clear()
    },
    refresh,
  }
}
