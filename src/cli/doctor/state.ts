import { constants } from 'node:fs'
import { access, readFile, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describeSystemError, systemErrorCode } from '../../errors/index.ts'
import { formatSize } from '../../util/index.ts'
import { doubtSocket } from '../socket-place.ts'
import { reporter } from './finding.ts'
import type { Finding } from './finding.ts'

/** Below this there is soon no room for what is being received. */
const LOW_SPACE_BYTES = 256 * 2 ** 20
const LOW_SHARE = 0.05

/** Magic numbers of statfs(2), of file systems that a state directory should not be on. */
const UNSUITABLE: Readonly<Record<number, string>> = {
  16914836:
    'tmpfs, which a restart of the machine empties: versions are forgotten, and with them the protection against old ones',
  26985: 'NFS, on which the database is not safe',
  4283649346: 'CIFS, on which the database is not safe',
  4266872130: 'SMB, on which the database is not safe',
}

const examineSpace = async (path: string): Promise<Finding> => {
  const report = reporter('state')
  const { type, bsize, bavail, blocks } = await statfs(path)
  const free = bavail * bsize
  const text = `${formatSize(free)} free`
  const unsuitable = UNSUITABLE[type]
  if (unsuitable !== undefined) {
    return report('warning', path, `lies on ${unsuitable}`, 'set state_dir to a local disk')
  }
  if (free < LOW_SPACE_BYTES || bavail / blocks < LOW_SHARE) {
    const next = 'make room, or set max_size for large files'
    return report('warning', path, `has only ${text}`, next)
  }
  return report('ok', path, `has ${text}`)
}

const examineMode = (path: string, mode: number): Finding[] =>
  (mode & 0o002) === 0
    ? []
    : [
        reporter('state')(
          'error',
          path,
          'everybody may write to it and replace what is in it',
          `chmod o-w ${path}`,
        ),
      ]

/** Whether nobody else can answer in the place of the daemon. */
export const examineSocket = async (path: string): Promise<Finding[]> => {
  const found = await doubtSocket(path)
  return found === undefined ? [] : [reporter('state')('warning', path, found.message, found.next)]
}

/** The process that holds the state directory; `undefined`: none does. */
export const holderOf = async (path: string): Promise<number | undefined> => {
  const text = await readFile(join(path, 'lock.pid'), 'utf8').catch(() => '')
  if (!/^\d{1,10}\n?$/.test(text)) return undefined
  try {
    process.kill(Number(text), 0)
    return Number(text)
  } catch (error) {
    // It is there, and somebody else's.
    return systemErrorCode(error) === 'EPERM' ? Number(text) : undefined
  }
}

/** Whether the state directory can hold the state: there, ours, with room, on a disk. */
export const examineState = async (path: string): Promise<Finding[]> => {
  const report = reporter('state')
  try {
    const found = await stat(path)
    if (!found.isDirectory()) {
      return [report('error', path, 'is not a directory', 'set state_dir to another path')]
    }
    const findings = [...examineMode(path, found.mode), await examineSpace(path)]
    await access(path, constants.R_OK | constants.W_OK).catch((error: unknown) => {
      const next = 'run mesh doctor as the daemon does, or chown it to the user of the daemon'
      const why = describeSystemError(error)
      findings.push(report('note', path, `this user may not write to it: ${why}`, next))
    })
    return findings
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') {
      return [report('error', path, `cannot be looked at: ${describeSystemError(error)}`)]
    }
    const parent = dirname(path)
    const isThere = await stat(parent).then(
      () => true,
      () => false,
    )
    return isThere
      ? [
          report('note', path, 'is not there yet; the first start makes it'),
          await examineSpace(parent),
        ]
      : [
          report(
            'note',
            path,
            'is not there yet, nor is what it lies in; the first start makes both',
          ),
        ]
  }
}
