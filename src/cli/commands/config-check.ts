import { access, constants } from 'node:fs/promises'
import { Command } from 'commander'
import { checkConfig, configError, DEFAULT_CONFIG_PATH } from '../../config/index.ts'
import { readConfigFile } from '../../config/index.ts'
import { JSON_OPTION, printFields, printJson, warn } from '../print.ts'
import type { Config } from '../../config/index.ts'
import type { Context } from '../context.ts'
import type { ReadOptions } from '../print.ts'

/** Secrets that cannot be read from here: no fault of the file, which may be for another machine. */
const missingSecrets = async ({ network }: Config): Promise<string[]> => {
  const { pskPaths, certificatePath } = network
  const paths = [...pskPaths, ...(certificatePath === undefined ? [] : [certificatePath])]
  const found = await Promise.all(
    paths.map(async (path) => {
      try {
        await access(path, constants.R_OK)
        return []
      } catch {
        return [`${path} cannot be read by this user on this machine`]
      }
    }),
  )
  return found.flat()
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

const run = async (path: string, { json }: ReadOptions, context: Context): Promise<void> => {
  const { problems, doubts, config } = checkConfig(await readConfigFile(path), { path })
  const notes = config === undefined ? doubts : [...doubts, ...(await missingSecrets(config))]
  if (json === true) {
    await printJson(context, 'mesh-config-check/1', {
      ok: config !== undefined,
      path,
      problems,
      notes,
    })
  }
  if (config === undefined) throw configError(path, problems)
  if (json === true) return
  await printFields(context, summary(config))
  for (const note of notes) await warn(context, note)
}

export const configCheckCommand = (context: Context): Command =>
  new Command()
    .description(
      'Reads a configuration as a daemon would and reports everything that is wrong with it, each with line and column. Changes nothing and asks no daemon.',
    )
    .argument('[path]', `configuration [$MESH_CONFIG; else ${DEFAULT_CONFIG_PATH}]`)
    .option(...JSON_OPTION)
    .action((path: string | undefined, options: ReadOptions) =>
      run(path ?? (context.env.MESH_CONFIG || DEFAULT_CONFIG_PATH), options, context),
    )
