import { Command } from 'commander'
import { DEFAULT_CONFIG_PATH } from '../places.ts'
import type { Context } from '../context.ts'

interface Options {
  readonly config: string
}

export const serverCommand = ({ env }: Context): Command =>
  new Command()
    .description(
      'Runs a daemon until SIGTERM or SIGINT; a second signal ends it at once. SIGHUP reads the configuration again.',
    )
    .option('-c, --config <path>', 'configuration', env.MESH_CONFIG ?? DEFAULT_CONFIG_PATH)
    .action(async ({ config }: Options) => {
      // The only way from here to libp2p, fastify and lmdb.
      const { runDaemon } = await import('../../daemon/index.ts')
      await runDaemon({ configPath: config })
    })
