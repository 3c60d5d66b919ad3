import { Worker } from 'node:worker_threads'
import { MeshError } from '../errors/index.ts'
import { createDigester, parseDigest } from './digest.ts'
import type { Digest } from './digest.ts'

/** Content from this size on is worth a thread: to begin one takes as long as hashing 50 MiB. */
export const MIN_THREAD_DIGEST_BYTES = 64 * 2 ** 20
/** Threads at a time. Stops many large contents at once from taking a thread's memory each. */
export const MAX_DIGEST_THREADS = 2
/** What is handed over at a time: large enough that a message for each costs nothing. */
const SLOT_BYTES = 512 * 1024
/** One is filled, one is hashed, and one waits so that neither side does. */
const SLOTS = 3

/** A digest over bytes that come in pieces, worked out beside whatever else is done with them. */
export interface ParallelDigester {
  /**
   * Takes the next bytes, which may be used for other things afterwards. A promise: wait for it before
   * the next call, for those before have not been hashed yet.
   */
  update(bytes: Uint8Array): Promise<void> | undefined
  digest(): Promise<Digest>
  /** Ends it before its time; does nothing after `digest`. */
  close(): void
}

/** Hands out digesters that have a thread of their own, as long as there is one. */
export interface DigestThreads {
  create(options: { sizeBytes: number }): ParallelDigester
}

// Text, not a file: it is the same from the sources and from a package, and begins without being
// translated.
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const hash = require('node:crypto').createHash('sha256')
parentPort.on('message', ({ offset, length }) => {
  if (offset < 0) return parentPort.postMessage(hash.digest('hex'))
  hash.update(new Uint8Array(workerData, offset, length))
  parentPort.postMessage(undefined)
})
`

const inPlace = (): ParallelDigester => {
  const digester = createDigester()
  return {
    update(bytes) {
      digester.update(bytes)
      return undefined
    },
    digest: async () => digester.digest(),
    close: () => {},
  }
}

/** What is used of a `Worker`; the types of Node are not asked of whoever imports this package. */
interface Thread {
  on(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): unknown
  postMessage(message: { readonly offset: number; readonly length: number }): void
  terminate(): Promise<unknown>
}

type BeginThread = (shared: SharedArrayBuffer) => Thread

const beginThread: BeginThread = (shared) =>
  new Worker(THREAD, {
    ...{ eval: true, workerData: shared, name: 'mesh-digest', env: {}, execArgv: [] },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  })

const onThread = (begin: BeginThread, onEnd: () => void): ParallelDigester => {
  const shared = new SharedArrayBuffer(SLOTS * SLOT_BYTES)
  const thread = begin(shared)
  let slot = new Uint8Array(shared, 0, SLOT_BYTES)
  let filled = 0
  let handed = 0
  let done = 0
  let closed = false
  let failure: MeshError | undefined
  let result: string | undefined
  let onProgress: (() => void) | undefined

  const close = (): void => {
    if (closed) return
    closed = true
    thread.terminate().catch(() => {})
    onEnd()
  }
  const fail = (cause: unknown): void => {
    failure ??= new MeshError('ERR_INTERNAL', 'the thread that hashes content has ended', { cause })
    onProgress?.()
  }
  thread.on('message', (message: unknown) => {
    if (typeof message === 'string') result = message
    else done++
    onProgress?.()
  })
  thread.on('error', fail)
  thread.on('exit', fail)

  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      if (failure !== undefined) throw failure
      await new Promise<void>((resolve) => {
        onProgress = resolve
      })
    }
  }

  /** Gives away the slot that is being filled, and waits for one that nobody reads any more. */
  const handOver = async (): Promise<void> => {
    const offset = (handed % SLOTS) * SLOT_BYTES
    thread.postMessage({ offset, length: filled })
    handed++
    filled = 0
    await until(() => handed - done < SLOTS)
    slot = new Uint8Array(shared, (handed % SLOTS) * SLOT_BYTES, SLOT_BYTES)
  }

  const fill = (bytes: Uint8Array): number => {
    const count = Math.min(bytes.length, SLOT_BYTES - filled)
    slot.set(bytes.subarray(0, count), filled)
    filled += count
    return count
  }

  const updateSlowly = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length; ) {
      at += fill(bytes.subarray(at))
      if (filled === SLOT_BYTES) await handOver()
    }
  }

  return {
    update(bytes) {
      if (failure !== undefined) throw failure
      if (bytes.length >= SLOT_BYTES - filled) return updateSlowly(bytes)
      fill(bytes)
      return undefined
    },
    async digest() {
      await handOver()
      thread.postMessage({ offset: -1, length: 0 })
      await until(() => result !== undefined)
      close()
      const digest = parseDigest(result ?? '')
      if (digest === undefined) throw new Error('the thread answered with something else')
      return digest
    },
    close,
  }
}

export const createDigestThreads = ({
  max = MAX_DIGEST_THREADS,
  minBytes = MIN_THREAD_DIGEST_BYTES,
  begin = beginThread,
} = {}): DigestThreads => {
  let running = 0
  return {
    create({ sizeBytes }) {
      if (sizeBytes < minBytes || running >= max) return inPlace()
      try {
        const digester = onThread(begin, () => {
          running--
        })
        running++
        return digester
      } catch {
        // A system that has no thread left can still hash.
        return inPlace()
      }
    },
  }
}
