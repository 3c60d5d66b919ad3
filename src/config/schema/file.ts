import * as v from 'valibot'
import {
  DEFAULT_FILES_PER_PATTERN,
  MAX_FILES_PER_PATTERN,
  MAX_HISTORY,
  MAX_HOOK_WORDS,
  MAX_SIGNERS_PER_FILE,
  MAX_THRESHOLD_SIGNERS,
} from '../limits.ts'
import {
  duration,
  fileMode,
  integer,
  list,
  path,
  setting,
  size,
  table,
  textOf,
  word,
  wrong,
} from '../values.ts'
import { DAY_MS, publicKey } from './shared.ts'

const contentType = () =>
  textOf('a media type such as "text/plain; charset=utf-8"', (text) => {
    const token = '[A-Za-z0-9!#$&^_.+-]{1,127}'
    const form = new RegExp(`^${token}/${token}(?:; ?${token}=${token})*$`)
    if (form.test(text)) return text
    throw wrong(`${JSON.stringify(text.slice(0, 60))} is not a media type; write "text/plain"`)
  })

/** Absolute, since what a relative one means would depend on who starts the daemon. */
const program = () =>
  textOf('a word of a command', (text) => {
    if (!text.includes('\0')) return text
    throw wrong('must not have a NUL')
  })

const command = () =>
  v.pipe(
    list(program(), 'words, the program first', MAX_HOOK_WORDS),
    v.minLength(1, 'must name a program'),
    v.check(
      ([first = '']) => first.startsWith('/'),
      'must begin with the absolute path of a program; for a shell, write ["/bin/sh", "-c", "…"]',
    ),
  )

const shownMode = (mode: number): string | undefined => {
  if ((mode & 0o400) === 0) return 'must let the owner read: the daemon itself serves the file'
  return (mode & 0o002) === 0 ? undefined : 'must not let everybody write'
}

/** What can be unpacked. */
const ARCHIVES = ['tar'] as const

/** Written in place of keys: every node signs for itself. */
export const SELF = 'self'

/** A list of keys, or `"self"`. */
const signers = () =>
  v.lazy((input) =>
    typeof input === 'string'
      ? v.literal(SELF, `must be a list of public keys, or "${SELF}"`)
      : v.pipe(
          list(publicKey(), 'public keys', MAX_SIGNERS_PER_FILE),
          v.minLength(1, 'must name at least one public key: nobody could ever sign this file'),
        ),
  )

/** A file of `[files]` in its long form. */
export const fileSchema = table({
  signers: v.pipe(
    signers(),
    setting({
      type: 'list of public keys, or `"self"`',
      fallback: 'required',
      about:
        'Who may sign: any one of these, or as many as `threshold` says. `"self"`, for a pattern `"<namespace>/*"`: each node whose certificate names the namespace may sign `<namespace>/<its public key as 64 hex digits>`, and nobody else may; the certificate travels with the statement, and its end hides the file.',
    }),
  ),
  threshold: v.pipe(
    v.optional(integer(1, MAX_THRESHOLD_SIGNERS), 1),
    setting({
      type: 'number',
      about:
        'How many of the signers have to sign one statement. One with fewer signatures is refused: co-signers pass the `.stmt` file on (`mesh file sign x.stmt`). Signatures that arrive on different ways are put together. Raising it leaves only what enough of them have signed; sign anew first.',
    }),
  ),
  delete_signers: v.pipe(
    v.optional(
      v.pipe(
        list(publicKey(), 'public keys', MAX_THRESHOLD_SIGNERS),
        v.minLength(1, 'must name at least one public key: nobody could ever delete this file'),
      ),
    ),
    setting({
      type: 'list of public keys',
      fallback: 'everybody who may sign',
      about:
        'Then deleting takes a signature by one of these, and so does any expiry other than the one they last set (`never`, until they set one). They count for the threshold of a deletion, and need not be among `signers`; alone they cannot publish.',
    }),
  ),
  max_size: v.pipe(
    v.optional(size(), '64MiB'),
    setting({
      type: 'size',
      about:
        'Larger content is neither taken as an upload nor kept. Where it has a block list (`mesh file update` makes one), it can be read here all the same: its blocks come from the nodes that keep it, and those read often stay in `blocks.cache`.',
    }),
  ),
  mode: v.pipe(
    v.optional(fileMode(shownMode), '0644'),
    setting({
      type: 'file mode',
      about:
        'Permission bits of the file under `state_dir/files`. Only files that everybody may read are served over TCP.',
    }),
  ),
  history: v.pipe(
    v.optional(integer(1, MAX_HISTORY), 5),
    setting({
      type: 'number',
      about:
        'How many versions are remembered with their content, the current one included (`mesh file history`, `mesh file restore`).',
    }),
  ),
  min_version: v.pipe(
    v.optional(integer(1, Number.MAX_SAFE_INTEGER), 1),
    setting({
      type: 'number',
      about:
        'Lower versions are neither shown nor taken as uploads: keeps a machine that was installed anew from being given an old file. What arrives from peers is kept and passed on all the same.',
    }),
  ),
  fallback: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      fallback: 'none',
      about:
        'A file of this machine that is shown under `state_dir/files` until the first delivery, and never again after it. It is not served over HTTP and told to nobody. Not for patterns.',
    }),
  ),
  purge_after: v.pipe(
    v.optional(duration(0, 3650 * DAY_MS, 'from "0s" to "3650d"'), '0s'),
    setting({
      type: 'duration',
      about:
        'How long the content of older versions stays on the disk after a deletion, for `mesh file restore`; with `"0s"` it goes with the file.',
    }),
  ),
  on_change: v.pipe(
    v.optional(command()),
    setting({
      type: 'list of strings',
      fallback: 'none',
      about:
        'Program (absolute path) and arguments that run when what is to be seen of the file changes: with name, version, state (`shown`, `deleted`, `expired`, …) and path as further arguments and in `MESH_FILE_NAME`, `MESH_FILE_VERSION`, `MESH_FILE_STATE` and `MESH_FILE_PATH`. At least once for what is to be seen in the end, also across restarts; one at a time for a name, and once more for what changes meanwhile. No shell, unless one is written here. It runs as the daemon does: in the unit of NixOS in its sandbox, where path units are the better way.',
    }),
  ),
  content_type: v.pipe(
    v.optional(contentType()),
    setting({
      type: 'string',
      fallback: 'by the extension of the name',
      about:
        'Media type of the content over HTTP, as `"text/plain; charset=utf-8"`. Whatever it is, a browser runs nothing of it (`Content-Security-Policy: sandbox`).',
    }),
  ),
  unpack: v.pipe(
    v.optional(word(ARCHIVES)),
    setting({
      type: 'string',
      fallback: 'none',
      about:
        'With `"tar"`, a file that is a plain tar is shown as a tree, too: `state_dir/trees/NAME` is a symbolic link to it, switched by one rename when a new version is complete, so that files which belong together change together. Absolute paths, `..`, links that lead out, hard links, devices and names that differ in case only are refused; then the old tree stays, and `mesh explain` says why. A replaced tree stays for a minute, for whoever reads it; what is deleted, expired or not configured any more is gone at once. After each start and once a week, as fast as `blocks.scrub_rate` allows, each tree is held against its tar: what is not what was signed, an added file included, is made anew.',
    }),
  ),
  max_files: v.pipe(
    v.optional(integer(1, MAX_FILES_PER_PATTERN)),
    setting({
      type: 'number',
      fallback: `\`${DEFAULT_FILES_PER_PATTERN}\``,
      about:
        'Of a pattern: how many names each signer (each set of signers, where a threshold asks for several; all nodes together under `"self"`) may use. Deleted names count, as tombstones are kept. Uploads beyond it are refused; of what arrives from peers the names that sort first are kept. So a signer that fills a pattern at several nodes at once may lose the names that sort last, though they were answered with 201.',
    }),
  ),
})

export type FileDocument = v.InferOutput<typeof fileSchema>
