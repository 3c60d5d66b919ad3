import { spawn } from 'node:child_process'
import { warn } from './print.ts'
import type { FileBody } from '../api/index.ts'
import type { Context } from './context.ts'

/** Runs a command for files that changed. */
export interface Reactions {
  /** `file` is `null` when it is not known any more. */
  add(name: string, file: FileBody | null): void
  /** Waits for the one under way; those that wait are dropped. */
  end(): Promise<void>
}

/** One at a time, and for each name only the latest: what is slow never has much in front of it. */
export const createReactions = (context: Context, command: string): Reactions => {
  const waiting = new Map<string, FileBody | null>()
  let running: Promise<void> | undefined

  const run = (name: string, file: FileBody | null): Promise<void> =>
    new Promise((resolve) => {
      const version = `${file?.current?.version ?? ''}`
      const state = file?.state ?? 'withdrawn'
      const child = spawn('/bin/sh', ['-c', command, 'sh', name, version, state], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: {
          ...context.env,
          ...{ MESH_FILE_NAME: name, MESH_FILE_VERSION: version, MESH_FILE_STATE: state },
        },
      })
      const failed = (why: string): void => {
        void warn(context, `the command for ${name} ${why}`).then(resolve)
      }
      child.once('error', ({ message }) => failed(`could not be run: ${message}`))
      child.once('close', (code, signal) => {
        if (code === 0) resolve()
        else failed(code === null ? `was ended by ${signal}` : `ended with ${code}`)
      })
    })

  const drain = async (): Promise<void> => {
    for (const [name, file] of waiting) {
      waiting.delete(name)
      await run(name, file)
    }
  }

  return {
    add(name, file) {
      waiting.delete(name)
      waiting.set(name, file)
      running ??= drain().finally(() => {
        running = undefined
      })
    },
    async end() {
      waiting.clear()
      await running
    },
  }
}
