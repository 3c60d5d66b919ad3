import * as v from 'valibot'
import { anyTable, path, setting, table, word } from '../values.ts'
import { blocks } from './blocks.ts'
import { cluster } from './cluster.ts'
import { hooks } from './hooks.ts'
import { http } from './http.ts'
import { network } from './network.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug'] as const

/** The whole of `dm.toml`. The one source of its types, defaults, checks and reference. */
export const documentSchema = table({
  log_level: v.pipe(
    v.optional(word(LOG_LEVELS), 'info'),
    setting({
      type: 'string',
      about: 'Least severe lines that are logged: `fatal`, `error`, `warn`, `info`, `debug`.',
    }),
  ),
  state_dir: v.pipe(
    v.optional(path(), '/var/lib/mesh'),
    setting({
      type: 'path',
      about: 'Everything this node keeps. Signed files appear below `files/` in it.',
    }),
  ),
  network: v.pipe(
    v.optional(network, {}),
    setting({ type: 'table', about: 'Which network this is, and who may join it.' }),
  ),
  cluster: v.pipe(
    v.optional(cluster, {}),
    setting({ type: 'table', about: 'How this daemon meets the others.' }),
  ),
  http: v.pipe(
    v.optional(http, {}),
    setting({
      type: 'table',
      about: 'The HTTP API, for uploads, programs and the `mesh` command.',
    }),
  ),
  hooks: v.pipe(
    v.optional(hooks, {}),
    setting({
      type: 'table',
      about: 'What runs when files change; `on_change` of a file says it for one.',
    }),
  ),
  blocks: v.pipe(
    v.optional(blocks, {}),
    setting({ type: 'table', about: 'Pieces of large files: their cache, and their check.' }),
  ),
  files: v.pipe(
    v.optional(anyTable('a table of file names')),
    setting({
      type: 'table',
      fallback: 'empty',
      about:
        'Which files this node takes part in, and who may sign each. A name that is not here is neither accepted nor kept. `"name" = ["<public key>", …]`, `"namespace/*" = "self"`, or a table.',
    }),
  ),
})

/** A `dm.toml` after its keys were checked one by one. */
export type Document = v.InferOutput<typeof documentSchema>
