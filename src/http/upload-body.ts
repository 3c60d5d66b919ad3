import { MeshError } from '../errors/index.ts'
import { concatBytes } from '../util/index.ts'
import { BODY_RATE_WINDOW_MS, MIN_BODY_BYTES_PER_SECOND } from './limits.ts'
import type { Readable } from 'node:stream'
import type { Cancel, Clock } from '../util/index.ts'

/** A request's body as the content of a file. */
export interface UploadBody {
  readonly content: AsyncIterable<Uint8Array>
  /** Why reading ended early; whoever reads may wrap the error, so it is kept here. */
  failure(): MeshError | undefined
}

/** Judges a client's speed by the time spent waiting for it; our own slowness does not count. */
const createRateFloor = (clock: Clock) => {
  let waitedMs = 0
  let receivedBytes = 0
  return {
    received(count: number): void {
      receivedBytes += count
    },
    /** Starts a wait; `cut` is called when the client turns out too slow while it lasts. */
    wait(cut: () => void): Cancel {
      let beganMs = clock.monotonicMs()
      const arm = (delayMs: number): Cancel =>
        clock.schedule(delayMs, () => {
          const bytesPerSecond = (receivedBytes * 1000) / BODY_RATE_WINDOW_MS
          if (bytesPerSecond < MIN_BODY_BYTES_PER_SECOND) return cut()
          waitedMs = 0
          receivedBytes = 0
          beganMs = clock.monotonicMs()
          cancel = arm(BODY_RATE_WINDOW_MS)
        })
      let cancel = arm(Math.max(0, BODY_RATE_WINDOW_MS - waitedMs))
      return () => {
        cancel()
        waitedMs += clock.monotonicMs() - beganMs
      }
    },
  }
}

/** The pieces of a request's body, as they come. Leaves the connection as it is when left early. */
async function* pieces(
  request: Readable,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const floor = createRateFloor(clock)
  for (;;) {
    const piece: unknown = request.read()
    if (piece instanceof Uint8Array) {
      floor.received(piece.length)
      yield piece
      continue
    }
    if (request.readableEnded) return
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: MeshError): void => {
        cancel()
        signal.removeEventListener('abort', stop)
        for (const event of ['readable', 'end']) request.off(event, go)
        for (const event of ['close', 'error']) request.off(event, lost)
        if (error === undefined) resolve()
        else reject(error)
      }
      const go = (): void => settle()
      const stop = (): void => settle(new MeshError('ERR_ABORTED', 'the daemon is stopping'))
      const lost = (): void =>
        settle(new MeshError('ERR_ABORTED', 'the client went away before the body was complete'))
      const cancel = floor.wait(() =>
        settle(
          new MeshError(
            'ERR_REQUEST_TOO_SLOW',
            `the body comes in at less than ${MIN_BODY_BYTES_PER_SECOND} bytes a second`,
          ),
        ),
      )
      for (const event of ['readable', 'end']) request.on(event, go)
      for (const event of ['close', 'error']) request.on(event, lost)
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
      else if (request.destroyed) lost()
    })
  }
}

/**
 * Wraps the body of an upload that should have `sizeBytes`. Nothing is read before the content is
 * asked for, and `onStart` runs right before that; never more than one piece past `sizeBytes` is
 * read, and the last piece is handed on only when the body has ended where it should.
 */
export const createUploadBody = (
  request: Readable,
  init: {
    sizeBytes: number
    clock: Clock
    signal: AbortSignal
    onStart: () => void
    /** Looks at all of it before any is handed on: for files that are small by their kind. */
    judge?: ((content: Uint8Array) => void) | undefined
  },
): UploadBody => {
  let failure: MeshError | undefined
  const mismatch = (what: string): MeshError =>
    new MeshError(
      'ERR_FILE_CONTENT_MISMATCH',
      `the body has ${what} the ${init.sizeBytes} bytes that the statement names`,
      { data: { sizeBytes: init.sizeBytes } },
    )

  async function* read(): AsyncGenerator<Uint8Array> {
    init.onStart()
    let count = 0
    let held: Uint8Array | undefined
    for await (const piece of pieces(request, init)) {
      count += piece.length
      if (count > init.sizeBytes) throw mismatch('more than')
      if (held !== undefined) yield held
      held = piece
    }
    if (count < init.sizeBytes) throw mismatch(`only ${count} of`)
    if (held !== undefined) yield held
  }

  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      if (init.judge === undefined) yield* read()
      else {
        const pieces: Uint8Array[] = []
        for await (const piece of read()) pieces.push(piece)
        const whole = concatBytes(...pieces)
        init.judge(whole)
        yield whole
      }
    } catch (error) {
      failure = error instanceof MeshError ? error : undefined
      throw error
    }
  }
  return { content: content(), failure: () => failure }
}
