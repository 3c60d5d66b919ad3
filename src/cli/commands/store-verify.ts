import { Command } from 'commander'
import { DEFAULT_CONFIG_PATH, loadConfig } from '../../config/index.ts'
import { MeshError } from '../../errors/index.ts'
import { JSON_OPTION, printFields, printJson } from '../print.ts'
import type { Context } from '../context.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends ReadOptions {
  readonly config?: string
  readonly stateDir?: string
  readonly mend?: boolean
}

const run = async (options: Options, context: Context): Promise<void> => {
  const { env } = context
  const mend = options.mend === true
  const stateDir =
    options.stateDir ??
    (await loadConfig(options.config ?? (env.MESH_CONFIG || DEFAULT_CONFIG_PATH))).stateDir
  // Beside `mesh server` the only way from here to lmdb; a daemon has no need to run, and must not.
  const { verifyStore } = await import('../../daemon/index.ts')
  const { ids, nodes, root, damage, indexDamage } = await verifyStore(stateDir, { mend })
  const isTreeSound = damage.length === 0
  const isIndexSound = indexDamage.length === 0
  const mended = mend && !isTreeSound
  const ok = isIndexSound && (isTreeSound || mended)
  if (options.json === true) {
    const body = { ok, stateDir, records: ids, nodes, root, damage, indexDamage, mended }
    await printJson(context, 'mesh-store-verify/1', body)
  } else {
    await printFields(context, [
      ['state', stateDir],
      ['records', `${ids}`],
      ['root', root],
      ['index', isIndexSound ? 'all right' : 'damaged'],
      [
        'tree of hashes',
        isTreeSound ? `${nodes} nodes, all right` : mended ? 'made anew' : 'damaged',
      ],
    ])
    for (const each of [...indexDamage, ...damage]) await context.out.line(`  ${each}`)
  }
  if (ok) return
  if (!isIndexSound) {
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `the index of records in ${stateDir} is damaged; start the daemon, which makes it anew from what is kept and its configuration; and look after the disk`,
      { data: { stateDir } },
    )
  }
  throw new MeshError(
    'ERR_STATE_CORRUPT',
    `the tree of hashes in ${stateDir} is damaged; run mesh store verify --mend, or start the daemon, which makes it anew; and look after the disk`,
    { data: { stateDir } },
  )
}

export const storeVerifyCommand = (context: Context): Command =>
  new Command()
    .description(
      'Checks the database of a daemon that does not run: reads all of it, makes the tree of hashes that sync compares anew and holds the stored one against it, and holds the index of records against what is kept.',
    )
    .option('-c, --config <path>', `configuration [$MESH_CONFIG; else ${DEFAULT_CONFIG_PATH}]`)
    .option('--state-dir <path>', 'state directory, in place of a configuration that names it')
    .option('--mend', 'make a tree that is damaged anew')
    .option(...JSON_OPTION)
    .action((options: Options) => run(options, context))
