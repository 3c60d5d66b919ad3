import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MeshError } from '../errors/index.ts'

const PROGRAM = fileURLToPath(new URL('./inspect-main.ts', import.meta.url))
/** What a dying program may say; it goes into one error message. */
const MAX_REPORT_BYTES = 2 * 2 ** 10

/**
 * Reads the whole database in a process of its own, because LMDB has no checksums and a damaged page
 * can kill whoever reads it.
 *
 * @throws MeshError `ERR_STATE_CORRUPT` if that process died or found damage
 */
export const inspectDatabase = (path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, path], { stdio: ['ignore', 'ignore', 'pipe'] })
    let report = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      report = (report + text).slice(0, MAX_REPORT_BYTES)
    })
    child.on('error', (error) => {
      reject(
        new MeshError('ERR_STATE_UNUSABLE', `cannot start the check of ${path}: ${error.message}`, {
          cause: error,
        }),
      )
    })
    child.on('close', (code, signal) => {
      if (code === 0) return resolve()
      const why = /MDB_[A-Z_]+: .*/.exec(report)?.[0] ?? `its reader ended with ${signal ?? code}`
      reject(
        new MeshError('ERR_STATE_CORRUPT', `${path} is damaged: ${why}`, {
          data: { path, report: report.trim() },
        }),
      )
    })
  })
