import { Command } from 'commander'
import { checkConfig, configError, DEFAULT_CONFIG_PATH } from '../../config/index.ts'
import { problemsAt, readConfigFile } from '../../config/index.ts'
import { checkSecrets } from '../config-secrets.ts'
import { connectFor, withDaemonOptions } from '../daemon.ts'
import { printPreview, requireNoLoss } from '../preview.ts'
import { JSON_OPTION, printFields, printJson, warn } from '../print.ts'
import { doubtSocket } from '../socket-place.ts'
import type { Config, ConfigProblem } from '../../config/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends DaemonOptions, ReadOptions {
  readonly running?: boolean
  readonly strict?: boolean
}

const membership = ({ network }: Config): string => {
  const by = [
    ...(network.pskPaths.length > 0 ? ['pre-shared key'] : []),
    ...(network.keys.length > 0 ? ['certificate'] : []),
  ]
  return by.length === 0 ? 'open' : `by ${by.join(' and ')}`
}

const summary = (config: Config): (readonly [string, string])[] => [
  ['configuration', config.path],
  ['network', `${config.network.id}, ${membership(config)}`],
  ['cluster', config.cluster.listen.join(' ') || 'dials out only'],
  ['bootstrap', config.cluster.bootstrapPeers.join(' ') || 'none'],
  [
    'http',
    [
      ...config.http.listen.map((host) => `${host} port ${config.http.port}`),
      config.http.socketPath,
    ].join(', '),
  ],
  ['state', config.stateDir],
  ['files', `${config.files.length}`],
]

/** Without its line of the file: it is a remark. */
const showNote = (path: string, { line, column, key, message }: ConfigProblem): string =>
  `${path}:${line}:${column}: ${key}: ${message}`

/** What is allowed but probably not meant, where that is as bad as what is not allowed. */
const doubtful = (message: string): ConfigProblem => ({
  ...{ code: 'ERR_CONFIG_INVALID', key: '', line: 1, column: 1, message, excerpt: '' },
})

const socketNotes = async ({ http }: Config) => {
  const found = await doubtSocket(http.socketPath)
  if (found === undefined) return []
  const message = `${found.message}; ${found.next}`
  return [{ path: ['http', 'socket'], code: 'ERR_CONFIG_INVALID' as const, message }]
}

const run = async (path: string, options: Options, context: Context): Promise<void> => {
  const { json, running = false, strict = false } = options
  const text = await readConfigFile(path)
  const { problems: own, doubts, config } = checkConfig(text, { path })
  const nowMs = context.clock.nowMs()
  const secrets = config === undefined ? undefined : await checkSecrets(config, { nowMs })
  const socket = config === undefined ? [] : await socketNotes(config)
  const absent = problemsAt(text, [...(secrets?.notes ?? []), ...socket])
  const problems = [
    ...own,
    ...problemsAt(text, secrets?.findings ?? []),
    ...(strict ? [...absent, ...doubts.map(doubtful)] : []),
  ]
  const notes = strict ? [] : [...doubts, ...absent.map((each) => showNote(path, each))]
  const isGood = config !== undefined && problems.length === 0
  const preview =
    isGood && running
      ? await connectFor(config, false, options, context).preview(text, { signal: context.signal })
      : undefined
  if (json === true) {
    const ok = problems.length === 0
    const body = { ok, path, problems, notes }
    await printJson(context, 'mesh-config-check/1', {
      ...body,
      ...(preview === undefined ? {} : { running: preview }),
    })
  }
  if (!isGood) throw configError(path, problems)
  if (json !== true) {
    await printFields(context, summary(config))
    for (const note of notes) await warn(context, note)
    if (preview !== undefined) await printPreview(preview, context)
  }
  if (preview !== undefined) requireNoLoss(preview, path)
}

export const configCheckCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Reads a configuration, and the keys and the certificate that it names as far as they are on this machine, and reports everything that is wrong, each with line and column. Changes nothing, and asks no daemon unless --running is given: then it also says what a reload (SIGHUP) of the running daemon with it would withdraw, show an older version of, and bring back, and exits with 9 if anything would be lost. It asks the daemon at the socket of that configuration, unless another is named here or in the environment; only a unix socket tells this. What is allowed but odd, files that are named and not here (the configuration may be for another machine), and a socket in a directory that everybody may write to, are warnings and do not change the exit code; with --strict they are problems.',
    )
    .argument('[path]', `configuration [$MESH_CONFIG; else ${DEFAULT_CONFIG_PATH}]`)
    .option('--strict', 'take every warning for a problem: on the machine that it is for')
    .option('--running', 'ask the running daemon what a reload with it would change')
    .option(...JSON_OPTION)
    .action((path: string | undefined, options: Options) =>
      run(path ?? (context.env.MESH_CONFIG || DEFAULT_CONFIG_PATH), options, context),
    )
