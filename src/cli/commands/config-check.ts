import { Command } from 'commander'
import { checkConfig, configError, DEFAULT_CONFIG_PATH } from '../../config/index.ts'
import { problemsAt, readConfigFile } from '../../config/index.ts'
import { checkSecrets } from '../config-secrets.ts'
import { JSON_OPTION, printFields, printJson, warn } from '../print.ts'
import type { Config } from '../../config/index.ts'
import type { Context } from '../context.ts'
import type { ReadOptions } from '../print.ts'

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

const run = async (path: string, { json }: ReadOptions, context: Context): Promise<void> => {
  const text = await readConfigFile(path)
  const { problems: own, doubts, config } = checkConfig(text, { path })
  const nowMs = context.clock.nowMs()
  const secrets = config === undefined ? undefined : await checkSecrets(config, { nowMs })
  const problems = [...own, ...problemsAt(text, secrets?.findings ?? [])]
  const notes = [...doubts, ...(secrets?.notes ?? [])]
  if (json === true) {
    const ok = problems.length === 0
    await printJson(context, 'mesh-config-check/1', { ok, path, problems, notes })
  }
  if (config === undefined || problems.length > 0) throw configError(path, problems)
  if (json === true) return
  await printFields(context, summary(config))
  for (const note of notes) await warn(context, note)
}

export const configCheckCommand = (context: Context): Command =>
  new Command()
    .description(
      'Reads a configuration, and the keys and the certificate that it names as far as they are on this machine, and reports everything that is wrong, each with line and column. Changes nothing and asks no daemon.',
    )
    .argument('[path]', `configuration [$MESH_CONFIG; else ${DEFAULT_CONFIG_PATH}]`)
    .option(...JSON_OPTION)
    .action((path: string | undefined, options: ReadOptions) =>
      run(path ?? (context.env.MESH_CONFIG || DEFAULT_CONFIG_PATH), options, context),
    )
