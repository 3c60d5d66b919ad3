import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printFields, printJson, warn } from '../print.ts'
import { relativeTime, showContent } from '../show.ts'
import { clean } from '../terminal.ts'
import type { FileBody, VersionBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

const versionFields = (
  { id, version, time, expires, content }: VersionBody,
  nowMs: number,
): (readonly [string, string])[] => [
  ['version', `${version}`],
  ['id', id],
  ...(content === null ? [] : [['sha256', content.sha256] as const]),
  ['signed', `${time} (${relativeTime(time, nowMs)})`],
  ['expires', expires === 'never' ? expires : `${expires} (${relativeTime(expires, nowMs)})`],
]

const print = async (context: Context, file: FileBody): Promise<void> => {
  const { out, clock } = context
  const nowMs = clock.nowMs()
  const { name, state, current, shownAt } = file
  const shown =
    shownAt === null ? [] : [['shown', `${shownAt} (${relativeTime(shownAt, nowMs)})`] as const]
  await printFields(context, [
    ['name', name],
    ['state', state],
    ...(current === null || current.content === null
      ? []
      : [['size', showContent(current)] as const]),
    ...(current === null ? [] : versionFields(current, nowMs)),
    ...shown,
  ])
  if (current !== null) {
    await out.line(out.style('bold', 'signed by'))
    for (const signer of current.signers) await out.line(clean(signer))
  }
  if (file.conflict) {
    await warn(context, `two statements of this version exist; see mesh file history ${name}`)
  }
}

export const fileStatusCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description('Shows what a daemon has of one file: version, content, signers, and since when.')
    .argument('<name>', 'name of the signed file')
    .option(...JSON_OPTION)
    .action(async (given: string, options: DaemonOptions & ReadOptions) => {
      const name = parseFileName(given)
      const client = connect(options, context)
      const { files } = await client.files({ name, signal: context.signal })
      const file = files.find((each) => each.name === name)
      if (file === undefined) {
        const message = `${client.address} is not configured for ${name}`
        throw new MeshError('ERR_FILE_NOT_CONFIGURED', message)
      }
      if (options.json === true) return printJson(context, 'mesh-file/1', file)
      await print(context, file)
    })
