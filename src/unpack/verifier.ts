import { describeSystemError, isMeshError } from '../errors/index.ts'
import { compareTar } from './compare.ts'
import { TREE_VERIFY_INTERVAL_MS, TREE_VERIFY_STEP_BYTES } from './limits.ts'
import type { Files, FileView } from '../files/index.ts'
import type { Health, Logger, Workers } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Clock, Digest } from '../util/index.ts'

/** Holds trees against their tars, and has those made anew that somebody or the disk has changed. */
export interface TreeVerifier {
  /** Begins the first look, once everything that ought to be is unpacked. */
  begin(): void
  /** Looks at all trees now. */
  wake(): void
  /** Whether this tree was found to be something else. */
  isAltered(name: FileName, tree: string): boolean
  /** What is to be seen of the name is what it has to be: what could not be looked at is now. */
  settled(name: FileName): void
  /** The name has no tree any more. */
  forget(name: FileName): void
  stop(): Promise<void>
}

export interface TreeVerifierComponents {
  readonly files: Pick<Files, 'open'>
  readonly clock: Clock
  readonly logger: Logger
  readonly health: Health
  readonly workers: Workers
  pathOf(tree: string): string
  wantedTree(
    name: FileName,
  ): { readonly kind: string; readonly view: FileView; readonly digest: Digest } | undefined
  /** Looks at the name again. */
  repair(name: FileName): void
}

export const createTreeVerifier = (
  components: TreeVerifierComponents,
  init: {
    /** By name, as they are now. */
    readonly trees: () => ReadonlyMap<FileName, string | undefined>
    /** 0: only when asked for, unpaced. */
    readonly bytesPerSecond: number
  },
): TreeVerifier => {
  const { files, clock, logger, health, workers } = components
  const { trees, bytesPerSecond } = init
  const altered = new Map<FileName, string>()
  /** Names to be looked at. */
  const queue = new Set<FileName>()
  /** Those whose tar was not there: it is being fetched again. */
  const skipped = new Set<FileName>()
  let begun = bytesPerSecond === 0
  let readBytes = 0
  /** When all are looked at by themselves. */
  let dueMs = Number.POSITIVE_INFINITY

  /** Reads no faster than it may, however many small ones there are. */
  const rest = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const dueMs = bytesPerSecond === 0 ? 0 : (readBytes * 1_000) / bytesPerSecond
      readBytes = 0
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = clock.schedule(dueMs, end)
      signal.addEventListener('abort', end)
    })

  async function* paced(content: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    for await (const piece of content) {
      yield piece
      readBytes += piece.length
      if (readBytes >= TREE_VERIFY_STEP_BYTES) await rest(signal)
    }
  }

  /** What is different; `undefined`: nothing. `skipped`: there is nothing to be looked at now. */
  const compare = async (
    name: FileName,
    tree: string,
    signal: AbortSignal,
  ): Promise<{ why: string | undefined } | 'skipped'> => {
    const wanted = components.wantedTree(name)
    if (wanted === undefined || !tree.startsWith(wanted.kind)) return 'skipped'
    const { view, digest } = wanted
    const file = await files.open(name, { digest, signal })
    if (file === undefined) return 'skipped'
    const { mode, maxSizeBytes } = view.policy
    const content = paced(file.stream({ signal }), signal)
    const limits = { mode, maxBytes: maxSizeBytes, signal }
    return { why: await compareTar(content, components.pathOf(tree), limits) }
  }

  const look = async (name: FileName, tree: string, signal: AbortSignal): Promise<void> => {
    const found = await compare(name, tree, signal)
    // What was replaced meanwhile is on its way out.
    if (signal.aborted || trees().get(name) !== tree) return
    if (found === 'skipped') return void skipped.add(name)
    const { why } = found
    if (why === undefined) {
      altered.delete(name)
      return health.clear('tree-altered', name)
    }
    altered.set(name, tree)
    health.raise({
      ...{ code: 'tree-altered', subject: name, severity: 'warning' },
      message: `the tree of ${name} is not what was signed: ${why}; it is made anew from its tar; look after the disk and after who may write to the state directory, a hook of the file included`,
    })
    logger.warn({ name, tree, why }, 'a tree is not what was signed')
    components.repair(name)
  }

  const fill = (): void => {
    for (const name of trees().keys()) queue.add(name)
    if (bytesPerSecond > 0) dueMs = clock.monotonicMs() + TREE_VERIFY_INTERVAL_MS
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    if (clock.monotonicMs() >= dueMs) fill()
    let count = 0
    for (const name of queue) {
      if (signal.aborted) return
      queue.delete(name)
      const tree = trees().get(name)
      if (tree === undefined) continue
      count++
      try {
        await look(name, tree, signal)
      } catch (error) {
        if (signal.aborted) return
        const why = isMeshError(error) ? error.message : describeSystemError(error)
        logger.warn({ name, why }, 'a tree could not be held against its tar')
      }
    }
    if (count > 0) logger.info({ trees: count }, 'trees were held against their tars')
    if (bytesPerSecond > 0) worker.wake(dueMs - clock.monotonicMs())
  }

  const worker = workers.add({ name: 'unpack-verify', run })
  return {
    begin() {
      if (begun) return
      begun = true
      fill()
      worker.wake()
    },
    wake() {
      // Also those that a look under way is through with.
      fill()
      worker.wake()
    },
    isAltered: (name, tree) => altered.get(name) === tree,
    settled(name) {
      if (!skipped.delete(name)) return
      queue.add(name)
      worker.wake()
    },
    forget(name) {
      skipped.delete(name)
      altered.delete(name)
      health.clear('tree-altered', name)
    },
    stop: () => worker.stop(),
  }
}
