import { Command } from 'commander'
import { DEFAULT_CONFIG_PATH } from '../../config/index.ts'
import type { Context } from '../context.ts'

interface Options {
  readonly config?: string
}

export const serverCommand = ({ env }: Context): Command =>
  new Command()
    .description(
      'Runs a daemon until SIGTERM or SIGINT; a second signal ends it at once. SIGHUP reads the configuration again. Exits as a service does: 70 for a defect, 75 for what may be over soon, 78 for a configuration, key or certificate that has to be mended.',
    )
    .option(
      '-c, --config <path>',
      `configuration [$MESH_CONFIG; else ${DEFAULT_CONFIG_PATH}, or all defaults without that]`,
    )
    .action(async ({ config }: Options) => {
      const fromEnvironment = env.MESH_CONFIG === '' ? undefined : env.MESH_CONFIG
      // The only way from here to libp2p, fastify and lmdb.
      const { runDaemon } = await import('../../daemon/index.ts')
      // What may be left of libp2p's timers must not keep a stopped daemon alive.
      process.exit(await runDaemon({ configPath: config ?? fromEnvironment }))
    })
