import { stat } from 'node:fs/promises'
import { relativeTime } from '../show.ts'
import { reporter } from './finding.ts'
import type { FileBody } from '../../api/index.ts'
import type { Finding } from './finding.ts'

/** As far ahead as a daemon lets a statement's time be. */
const AHEAD_MS = 5 * 60_000
/** What systemd-timesyncd makes when it has set the clock. */
const SYNCHRONIZED = '/run/systemd/timesync/synchronized'

/**
 * The clock against the newest time that a signer has put into a statement which is here: there is no
 * clock of the network to ask, and no daemon believes another's. A signer's time ahead of ours means
 * that one of the two clocks is wrong.
 */
export const examineClock = async (
  nowMs: number,
  files: readonly FileBody[],
): Promise<Finding[]> => {
  const report = reporter('clock')
  const newest = files.reduce<FileBody | undefined>(
    (best, file) =>
      file.current !== null && file.current.time > (best?.current?.time ?? '') ? file : best,
    undefined,
  )
  const time = newest?.current?.time
  if (newest !== undefined && time !== undefined && Date.parse(time) > nowMs + AHEAD_MS) {
    const message = `version ${newest.current?.version} of ${newest.name} was signed ${relativeTime(time, nowMs)}, as this machine's clock has it`
    return [
      report(
        'warning',
        '',
        message,
        "timedatectl here and on the signer's machine: one clock is wrong",
      ),
    ]
  }
  const isSet = await stat(SYNCHRONIZED).then(
    () => true,
    () => false,
  )
  const than =
    time === undefined ? '' : `; the newest version here was signed ${relativeTime(time, nowMs)}`
  return [
    isSet
      ? report('ok', '', `is set by NTP${than}`)
      : report(
          'note',
          '',
          `systemd-timesyncd has not set it${than}`,
          'nothing, if another program keeps the time (chronyc tracking)',
        ),
  ]
}
