import { write, writeSync } from 'node:fs'
import { systemErrorCode } from '../errors/index.ts'
import { systemClock } from '../util/index.ts'
import type { DestinationStream } from 'pino'

/** Characters of log lines that wait. Stops a reader of the log that hangs from filling our memory. */
export const MAX_LOG_BACKLOG_CHARACTERS = 4 * 2 ** 20
const RETRY_MS = 100
/** How often a reader that takes nothing is offered the last lines before the process ends. */
const MAX_LAST_ATTEMPTS = 5

const isBusy = (error: unknown): boolean => ['EAGAIN', 'EBUSY'].includes(systemErrorCode(error))

/**
 * Writes lines to a file descriptor in the background. A reader that is slow, stuck or gone, or a disk
 * that is full, costs lines and nothing else. pino's own destination offers its last lines for ever
 * to a reader that is gone, so that `process.exit` does not return, and ends a process whose disk is
 * full.
 */
export const createLogOutput = (fd: number): DestinationStream => {
  let waiting = ''
  let current = Buffer.alloc(0)
  let inFlight = false
  let retrying = false

  const forward = (): void => {
    retrying = false
    if (current.length === 0) {
      current = Buffer.from(waiting)
      waiting = ''
    }
    if (current.length === 0) return
    inFlight = true
    write(fd, current, (error, count) => {
      inFlight = false
      if (error !== null && isBusy(error)) {
        retrying = true
        systemClock.schedule(RETRY_MS, forward)
        return
      }
      current = error === null ? current.subarray(count) : Buffer.alloc(0)
      forward()
    })
  }

  /** At the end of the process there is no background any more. */
  const finish = (): void => {
    let bytes = Buffer.concat([inFlight ? Buffer.alloc(0) : current, Buffer.from(waiting)])
    for (let attempt = 0; bytes.length > 0 && attempt < MAX_LAST_ATTEMPTS; ) {
      try {
        bytes = bytes.subarray(writeSync(fd, bytes))
      } catch (error) {
        if (!isBusy(error)) return
        attempt++
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      }
    }
  }
  process.once('exit', finish)

  return {
    write(line) {
      if (waiting.length + line.length > MAX_LOG_BACKLOG_CHARACTERS) return
      waiting += line
      if (!inFlight && !retrying) forward()
    },
  }
}
