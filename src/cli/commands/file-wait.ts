import { Command } from 'commander'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { formatDuration, parseDuration } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { parseVersion } from '../sign-options.ts'
import type { FileBody } from '../../api/index.ts'
import type { Client } from '../../client/index.ts'
import type { FileName } from '../../statement/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

/** Longest wait before a daemon that does not answer is asked again. */
const LONGEST_WAIT_MS = 2_000

interface Options extends DaemonOptions, ReadOptions {
  readonly version?: number
  readonly timeout: string
}

/** `undefined`: no end. */
const parseTimeout = (text: string): number | undefined => {
  if (text === 'never') return undefined
  const timeoutMs = parseDuration(text)
  if (timeoutMs !== undefined) return timeoutMs
  const message = `${JSON.stringify(text)} is not a duration; write 30s, 5m, 2h or never`
  throw new MeshError('ERR_USAGE', message)
}

/** Whether what the daemon has of a file is what was waited for. */
const isThere = ({ state, current, shownAt }: FileBody, version: number | undefined): boolean => {
  if (version === undefined) return shownAt !== null
  const settled = state === 'shown' || state === 'deleted' || state === 'expired'
  return settled && current !== null && current.version >= version
}

/** What was seen last, for whoever waited in vain. */
const describe = (answer: FileBody | string): string => {
  if (typeof answer === 'string') return answer
  const { state, current } = answer
  return current === null ? 'nothing was published yet' : `version ${current.version} is ${state}`
}

/** One question; a daemon that is not there yet is as good as one that has nothing. */
const ask = async (
  client: Client,
  name: FileName,
  { signal }: Context,
): Promise<FileBody | string> => {
  try {
    const { files } = await client.files({ name, signal })
    const file = files.find((each) => each.name === name)
    if (file !== undefined) return file
  } catch (error) {
    if (isMeshError(error, 'ERR_DAEMON_UNREACHABLE')) return error.message
    throw error
  }
  const message = `${client.address} is not configured for ${name}`
  throw new MeshError('ERR_FILE_NOT_CONFIGURED', message, { data: { name } })
}

const tooLate = (name: FileName, version: number | undefined, timeoutMs: number, last: string) => {
  const wanted = version === undefined ? 'was not delivered' : `has no version ${version}`
  const message = `${name} ${wanted} within ${formatDuration(timeoutMs)}: ${last}`
  return new MeshError('ERR_TIMEOUT', message, { data: { name } })
}

const wait = async (
  name: FileName,
  { version, timeout, ...daemon }: Options,
  context: Context,
): Promise<FileBody> => {
  const timeoutMs = parseTimeout(timeout)
  const client = connect(daemon, context)
  const late = new AbortController()
  if (timeoutMs !== undefined) context.clock.schedule(timeoutMs, () => late.abort())
  // Most often it is there already.
  let last = await ask(client, name, context)
  if (typeof last !== 'string' && isThere(last, version)) return last
  const events = client.events({
    ...{ names: [name], types: ['file'], patient: true },
    signal: AbortSignal.any([context.signal, late.signal]),
    onLost: ({ message }) => {
      last = message
    },
    // A wait of ours, for the clock's would let the process end.
    sleep: (delayMs) => context.sleep(Math.min(delayMs, LONGEST_WAIT_MS)),
  })
  try {
    for await (const event of events) {
      const file = 'file' in event ? event.file : null
      last = file ?? (await ask(client, name, context))
      if (typeof last !== 'string' && isThere(last, version)) return last
    }
  } catch (error) {
    if (!late.signal.aborted || !isMeshError(error, 'ERR_ABORTED')) throw error
  }
  throw tooLate(name, version, timeoutMs ?? 0, describe(last))
}

export const fileWaitCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Waits until a daemon shows a file, or a version of it or a later one, and then ends: for whatever must not start before. A daemon that does not answer yet is waited for, too. A version that deletes the file counts as one.',
    )
    .argument('<name>', 'name of the signed file')
    .option('--version <n>', 'least version; without it any content will do', parseVersion)
    .option('--timeout <duration>', 'longest wait, as 30s or 5m', 'never')
    .option(...JSON_OPTION)
    .action(async (given: string, options: Options) => {
      const file = await wait(parseFileName(given), options, context)
      if (options.json === true) return printJson(context, 'mesh-file/1', file)
      const { name, state, current } = file
      await context.out.line(
        `${name} ${current === null ? '' : `version ${current.version} `}${state}`,
      )
    })
