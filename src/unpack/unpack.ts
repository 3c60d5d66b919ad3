import { EventEmitter } from 'node:events'
import { describeSystemError, isMeshError, MeshError } from '../errors/index.ts'
import { extractTar } from './extract.ts'
import { hashed } from './hashed.ts'
import { TREE_GRACE_MS, TREE_RETRY_MS } from './limits.ts'
import { createPlaces } from './places.ts'
import { createTreeVerifier } from './verifier.ts'
import type { FileChange, FileRecord, FileView } from '../files/index.ts'
import type { Worker } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Unpack, UnpackComponents, UnpackEvents, UnpackInit } from './types.ts'
import type { TreeVerifier } from './verifier.ts'

/** What of a name is shown as a file now. */
const shownRecord = (view: FileView): FileRecord | undefined =>
  view.state === 'shown' ? view.winner : view.shownMeanwhile

const shownDigest = (view: FileView): Digest | undefined => {
  const content = shownRecord(view)?.signed.statement.content
  return content === undefined || content === 'deleted' ? undefined : content.digest
}

/** Of a tree that ought to be. */
interface Wanted {
  readonly kind: string
  readonly view: FileView
  readonly digest: Digest
}

/** One name, one tree: what is shown of the file decides, and the link is all the state there is. */
export const createUnpack = (components: UnpackComponents, init: UnpackInit): Unpack => {
  const { files, clock, health, workers } = components
  const logger = components.logger.child('unpack')
  const events = new EventEmitter<UnpackEvents>()
  const places = createPlaces(components, init.stateDir)
  /** Names to be looked at. */
  const waiting = new Set<FileName>()
  /** Kinds of trees that were refused: they stay so until other content is shown. */
  const refusals = new Map<FileName, string>()
  /** Trees that no link leads to any more, and when they go. */
  const leaving = new Map<string, { readonly name: FileName; readonly atMs: number }>()
  /** The trees of names that were looked at; those a change of rules may concern. */
  const current = new Map<FileName, string | undefined>()
  /** Names whose last attempt has failed, and when they are tried again. */
  const failed = new Map<FileName, number>()
  /** Every name is to be looked at, and they have not been listed yet. */
  let wantsAll = false
  let verifier: TreeVerifier | undefined
  let worker: Worker | undefined
  let running: Promise<void> | undefined

  const look = (name: FileName): void => {
    waiting.add(name)
    worker?.wake()
  }
  const onChange = ({ name, after }: FileChange): void => {
    if (after?.policy.unpack !== undefined || current.has(name)) look(name)
  }

  const wantedTree = (name: FileName): Wanted | undefined => {
    const view = files.view(name)
    const digest = view?.policy.unpack === undefined ? undefined : shownDigest(view)
    if (view === undefined || digest === undefined) return undefined
    return { kind: places.kindOf(name, digest, view.policy.mode), view, digest }
  }

  const clear = (name: FileName): void => {
    refusals.delete(name)
    health.clear('tree-refused', name)
  }

  const refuse = (name: FileName, { kind, view }: Wanted, why: string): void => {
    refusals.set(name, kind)
    const version = shownRecord(view)?.signed.statement.version
    const more = 'what was unpacked before stays; sign another tar'
    health.raise({
      ...{ code: 'tree-refused', subject: name, severity: 'error' },
      message: `version ${version}: ${why}; ${more}`,
    })
  }

  /** What was refused, or unpacked, counts only if it was what was signed. @throws MeshError */
  const checkDigest = async (name: FileName, found: Digest, wanted: Digest): Promise<void> => {
    if (found === wanted) return
    await files.distrust(name)
    const message = `the tar of ${name} was changed on the disk, and is fetched again`
    throw new MeshError('ERR_STATE_CORRUPT', message, { data: { name } })
  }

  /** Unpacks what is shown; `undefined`: it is not there any more, or refused. */
  const unpack = async (name: FileName, wanted: Wanted, signal: AbortSignal) => {
    const { kind, view, digest } = wanted
    const file = await files.open(name, { digest, signal })
    if (file === undefined) return undefined
    const staged = await places.stage(kind)
    const source = hashed(file.stream({ signal }))
    try {
      const { mode, maxSizeBytes } = view.policy
      const limits = { mode, maxBytes: maxSizeBytes, signal }
      const made = await extractTar(source.content, places.pathOf(staged), limits)
      await checkDigest(name, await source.digest(), digest)
      const tree = await places.switchTo(name, staged)
      logger.info({ name, digest, ...made }, 'a tar was unpacked')
      return tree
    } catch (error) {
      await places.remove(staged)
      if (!isMeshError(error, 'ERR_TREE_REFUSED')) throw error
      await checkDigest(name, await source.digest(), digest)
      refuse(name, wanted, error.message)
      return undefined
    } finally {
      await source.close()
    }
  }

  const removeTree = async (tree: string): Promise<void> => {
    await places.remove(tree)
    leaving.delete(tree)
  }

  /** What no link leads to any more; whoever reads it may go on for a while. */
  const leave = (name: FileName, tree: string | undefined): void => {
    if (tree !== undefined) leaving.set(tree, { name, atMs: clock.monotonicMs() + TREE_GRACE_MS })
  }

  /** What is deleted is gone at once, whatever grace it had: nobody who reads it has a right to the rest. */
  const takeAway = async (name: FileName, before: string | undefined): Promise<void> => {
    await places.unlink(name)
    if (before !== undefined) await removeTree(before)
    for (const [tree, { name: of }] of leaving) if (of === name) await removeTree(tree)
    current.set(name, undefined)
    clear(name)
    verifier?.forget(name)
    if (before !== undefined) events.emit('switched', { name, isThere: false })
    events.emit('settled', name)
  }

  const settle = async (name: FileName, signal: AbortSignal): Promise<void> => {
    const before = await places.current(name)
    const wanted = wantedTree(name)
    // Another name may have taken the place of the link.
    if (wanted === undefined) return takeAway(name, before ?? current.get(name))
    current.set(name, before)
    if (before?.startsWith(wanted.kind) === true && verifier?.isAltered(name, before) !== true) {
      if (failed.has(name)) await places.settle(name)
      clear(name)
      verifier?.settled(name)
      events.emit('settled', name)
      return
    }
    if (refusals.get(name) === wanted.kind) return
    try {
      const now = await unpack(name, wanted, signal)
      if (now === undefined) return
      current.set(name, now)
    } finally {
      // It may have been switched and failed after that.
      if ((await places.current(name)) !== before) leave(name, before)
    }
    clear(name)
    events.emit('switched', { name, isThere: true })
    events.emit('settled', name)
  }

  const fail = (name: FileName | undefined, error: unknown): void => {
    const why = isMeshError(error) ? error.message : describeSystemError(error)
    const what =
      name === undefined
        ? 'looking for trees and removing old ones failed'
        : `the tar of ${name} could not be unpacked`
    const message = `${what}, and is tried again: ${why}`
    health.raise({ code: 'tree-failed', subject: name ?? '', severity: 'error', message })
  }

  /** What fails holds up nobody else. */
  const attempt = async (name: FileName, signal: AbortSignal): Promise<void> => {
    try {
      await settle(name, signal)
      failed.delete(name)
      health.clear('tree-failed', name)
    } catch (error) {
      if (signal.aborted) return
      failed.set(name, clock.monotonicMs() + TREE_RETRY_MS)
      fail(name, error)
    }
  }

  /** Work that is not about one name; answers how soon it wants to be done again. */
  const attemptOther = async (work: () => Promise<void>): Promise<number> => {
    try {
      await work()
      return Number.POSITIVE_INFINITY
    } catch (error) {
      fail(undefined, error)
      return TREE_RETRY_MS
    }
  }

  const list = async (): Promise<void> => {
    if (!wantsAll) return
    wantsAll = false
    try {
      for (const name of await places.names()) waiting.add(name)
    } catch (error) {
      wantsAll = true
      throw error
    } finally {
      for (const { name, policy } of files.list())
        if (policy.unpack !== undefined) waiting.add(name)
      for (const name of current.keys()) waiting.add(name)
    }
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    const nowMs = clock.monotonicMs
    let againMs = await attemptOther(list)
    for (const [name, atMs] of failed) if (atMs <= nowMs()) waiting.add(name)
    // Those that come meanwhile are of the next run.
    for (const name of [...waiting]) {
      if (signal.aborted) return
      waiting.delete(name)
      await attempt(name, signal)
    }
    verifier?.begin()
    for (const [tree, { atMs }] of leaving) {
      if (atMs > nowMs()) continue
      againMs = Math.min(againMs, await attemptOther(() => removeTree(tree)))
    }
    if (againMs === Number.POSITIVE_INFINITY) health.clear('tree-failed', '')
    for (const atMs of failed.values()) againMs = Math.min(againMs, Math.max(1, atMs - nowMs()))
    for (const { atMs } of leaving.values())
      againMs = Math.min(againMs, Math.max(1, atMs - nowMs()))
    if (againMs < Number.POSITIVE_INFINITY) worker?.wake(againMs)
  }

  const refresh = (): void => {
    wantsAll = true
    worker?.wake()
  }

  /** What no link leads to is half of an attempt, or was on its way out when the daemon ended. */
  const sweep = async (): Promise<void> => {
    await places.sweep()
    const linked = new Set<string | undefined>()
    for (const name of await places.names()) linked.add(await places.current(name))
    for (const tree of await places.trees()) if (!linked.has(tree)) await places.remove(tree)
  }

  const begin = async (): Promise<void> => {
    await places.open()
    await sweep()
    verifier = createTreeVerifier(
      { ...components, logger, pathOf: places.pathOf, wantedTree, repair: look },
      { trees: () => current, bytesPerSecond: init.verifyBytesPerSecond },
    )
    worker = workers.add({ name: 'unpack', run })
    files.events.on('change', onChange)
    refresh()
  }

  return {
    events,
    start() {
      running ??= begin()
      return running
    },
    async stop() {
      if (running === undefined) return
      await running.catch(() => {})
      files.events.off('change', onChange)
      await Promise.all([worker?.stop(), verifier?.stop()])
      running = undefined
      worker = undefined
      verifier = undefined
      for (const each of [waiting, current, failed, leaving]) each.clear()
    },
    refresh,
    verify: () => verifier?.wake(),
    treeOf(name) {
      if (!current.has(name)) return undefined
      const tree = current.get(name)
      const wanted = wantedTree(name)
      if (wanted === undefined) return tree === undefined ? 'absent' : undefined
      return tree?.startsWith(wanted.kind) === true ? tree : undefined
    },
  }
}
