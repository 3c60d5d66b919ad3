import * as v from 'valibot'
import { isIP } from 'node:net'
import { DEFAULT_CLUSTER_PORT, DEFAULT_HTTP_PORT, DEFAULT_SOCKET_PATH } from '../api/index.ts'
import { MAX_PSKS, parsePublicKey } from '../keys/index.ts'
import { parseNetworkId } from '../statement/index.ts'
import { isHost } from './address.ts'
import { DEFAULT_FILES_PER_PATTERN, MAX_FILES_PER_PATTERN, MAX_HISTORY } from './limits.ts'
import { MAX_NETWORK_KEYS } from './limits.ts'
import { MAX_HOOK_WORDS } from './limits.ts'
import { MAX_SIGNERS_PER_FILE, MAX_THRESHOLD_SIGNERS } from './limits.ts'
import { address, anyTable, boolean, duration, fileMode, integer, list } from './values.ts'
import { path, rate, setting, size, table, textOf, word, wrong } from './values.ts'

const DAY_MS = 86_400_000
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug'] as const

const publicKey = () => textOf('a public key as a string', (text) => parsePublicKey(text))

const host = () =>
  textOf('a host', (text) => {
    if (!isHost(text)) throw wrong(`${JSON.stringify(text)} is neither an IP address nor a name`)
    return text
  })

/** An interface has up to 15 characters, an alternative name of one up to 127; neither has a `/`. */
const listener = () =>
  textOf('an address or the name of an interface', (text) => {
    if (isIP(text) !== 0 || /^[^\s/:]{1,127}$/.test(text)) return text
    const examples = '"127.0.0.1", "::1", "lo" or "wg0"'
    throw wrong(`${JSON.stringify(text)} is neither an address nor an interface; write ${examples}`)
  })

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

const socketMode = (mode: number): string | undefined =>
  (mode & 0o600) === 0o600 ? undefined : 'must let the owner read and write'

/** One path, or a list of them. */
const paths = (maxItems: number) =>
  v.lazy((input) =>
    Array.isArray(input)
      ? list(path(), 'paths', maxItems)
      : v.pipe(
          path(),
          v.transform((each) => [each]),
        ),
  )

const network = table({
  id: v.pipe(
    v.optional(textOf('a string', (text) => parseNetworkId(text))),
    setting({
      type: 'string',
      fallback: '`"local"` without `keys` and `psk`, else required',
      about:
        'Stable id of the network, part of every statement, so that nothing signed for one network counts in another. `mesh generate network` makes one.',
    }),
  ),
  keys: v.pipe(
    v.optional(list(publicKey(), 'public keys', MAX_NETWORK_KEYS), []),
    setting({
      type: 'list of public keys',
      about:
        'Network keys. With one or more, a peer must show a certificate that one of them signed before any other protocol is spoken (`mesh generate network-key`, `mesh certificate sign`).',
    }),
  ),
  psk: v.pipe(
    v.optional(paths(MAX_PSKS), []),
    setting({
      type: 'path or list of paths',
      secret: true,
      about:
        'Files of pre-shared keys (`mesh generate psk`). Without the right key a machine gets no handshake at all. Several: the first is dialled with, all are accepted, so that a key can be changed without an interruption.',
    }),
  ),
  certificate: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      secret: true,
      fallback: 'none',
      about:
        "This node's certificate; needed when the other nodes have `keys`. Read again on SIGHUP.",
    }),
  ),
  identity_key: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      secret: true,
      fallback: '`identity.key` in `state_dir`',
      about:
        'Private key that is this node. Made on first start, with mode 0600, if it is missing; the peer id follows from it and survives restarts.',
    }),
  ),
  files: v.pipe(
    v.optional(anyTable('a table of file names')),
    setting({
      type: 'table',
      fallback: 'empty',
      about: 'The same as `[files]`; both are read, and a name in both is an error.',
    }),
  ),
})

const cluster = table({
  port: v.pipe(
    v.optional(integer(0, 65_535), DEFAULT_CLUSTER_PORT),
    setting({
      type: 'number',
      about:
        'TCP port for other daemons, on all IPv4 and IPv6 addresses; on loopback only while there is neither `network.keys` nor `network.psk`. 0: any free port.',
    }),
  ),
  listen: v.pipe(
    v.optional(list(address({ listen: true, peerId: false }), 'addresses')),
    setting({
      type: 'list of multiaddrs',
      fallback: 'all addresses at `port`',
      about: 'Exactly these addresses, in place of `port`. An empty list: dial out only.',
    }),
  ),
  announce: v.pipe(
    v.optional(list(address({ listen: false, peerId: false }), 'addresses'), []),
    setting({
      type: 'list of multiaddrs',
      about:
        'Addresses told to peers in place of those listened on, as behind port forwarding. Empty: those listened on.',
    }),
  ),
  bootstrap_peers: v.pipe(
    v.optional(list(address({ listen: false, peerId: true }), 'addresses'), []),
    setting({
      type: 'list of multiaddrs',
      about:
        'Where to find the first peers; the rest is learnt from them. `/ip4/…`, `/ip6/…` or `/dns/…`, then `/tcp/PORT`, then `/p2p/PEERID`: `mesh status` on that node prints it whole. Two or three stable nodes are enough.',
    }),
  ),
  push_pull_interval: v.pipe(
    v.optional(duration(100, DAY_MS, 'from "100ms" to "1d"'), '30s'),
    setting({
      type: 'duration',
      about:
        'How often this node compares everything with one random peer. Announcements do not wait for it; it heals what they missed.',
    }),
  ),
  max_connections: v.pipe(
    v.optional(integer(1, 10_000), 256),
    setting({ type: 'number', about: 'Most connections to peers at the same time.' }),
  ),
  max_upload: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about:
        'Most bytes a second of content that this node sends to all peers together, as `"10MiB"`. Applies on SIGHUP.',
    }),
  ),
  max_upload_per_peer: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about: 'The same to each peer.',
    }),
  ),
  max_download: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about:
        'Most bytes a second of content that this node fetches from all peers together. Content that peers send with an announcement (up to 16 KiB) does not count.',
    }),
  ),
  max_download_per_peer: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about: 'The same from each peer.',
    }),
  ),
  allow_open_network: v.pipe(
    v.optional(boolean(), false),
    setting({
      type: 'boolean',
      about:
        'Listen beyond loopback although anybody could join: neither `network.keys` nor `network.psk` is set. File signatures are checked all the same.',
    }),
  ),
  dht: v.pipe(
    v.optional(
      table({
        enabled: v.pipe(
          v.optional(boolean(), false),
          setting({
            type: 'boolean',
            about:
              'Find peers through a distributed hash table (Kademlia) as well. Bootstrap peers and peer exchange are enough for most fleets.',
          }),
        ),
      }),
      {},
    ),
    setting({ type: 'table', about: 'Discovery through a distributed hash table.' }),
  ),
})

const http = table({
  listen: v.pipe(
    v.optional(list(listener(), 'addresses or interfaces'), ['127.0.0.1']),
    setting({
      type: 'list of addresses and interfaces',
      about:
        'Where the HTTP API listens: IP addresses, names of network interfaces (`lo`, `wg0`), or their alternative names, which stands for every address that the interface has except link-local ones. An interface may come and go while the daemon runs: it is looked for every 10 s, and health says that it is missing. An empty list: the unix socket only. Uploads are signed and need no further right.',
    }),
  ),
  port: v.pipe(
    v.optional(integer(0, 65_535), DEFAULT_HTTP_PORT),
    setting({ type: 'number', about: 'TCP port of the HTTP API. 0: any free port.' }),
  ),
  socket: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      fallback: `\`${DEFAULT_SOCKET_PATH}\` if that directory exists, else \`mesh.sock\` in \`state_dir\``,
      about: 'Unix socket of the HTTP API; it shows more than the TCP port does.',
    }),
  ),
  socket_mode: v.pipe(
    v.optional(fileMode(socketMode), '0660'),
    setting({ type: 'file mode', about: 'Who may use the socket: owner and group by default.' }),
  ),
  allowed_hosts: v.pipe(
    v.optional(list(host(), 'hosts'), []),
    setting({
      type: 'list of hosts',
      about:
        'Further names that requests may address this daemon by (`Host`), as behind a proxy. `localhost` and the addresses listened on always may; the list keeps web pages from reaching the daemon through a browser.',
    }),
  ),
  requests_per_second: v.pipe(
    v.optional(integer(0, 1_000_000), 500),
    setting({
      type: 'number',
      about:
        'How often one address (an IPv6 /64) may ask over TCP, on average over 5 s; beyond it the answer is 429. Raise it where everybody comes through one proxy. 0: no limit. The unix socket has none.',
    }),
  ),
  token_file: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      secret: true,
      fallback: 'none',
      about:
        'File of bearer tokens, one a line, of at least 32 characters each (`openssl rand -hex 32`). Whoever shows one (`Authorization: Bearer …`) may do over TCP what the unix socket may. Several: for changing them without an interruption. Read again on SIGHUP. Nothing is encrypted on the way: listen on a private network, or behind a proxy that speaks TLS.',
    }),
  ),
  metrics: v.pipe(
    v.optional(boolean(), false),
    setting({
      type: 'boolean',
      about:
        'Whether `GET /metrics` is answered over TCP, too, for a Prometheus on another machine or under another user. It names peers; the unix socket always tells it.',
    }),
  ),
})

const hooks = table({
  directory: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      fallback: 'none',
      about:
        'Each program in this directory runs for each file that changes, after its `on_change`, in the order of their names and with the same arguments. Names begin with a letter, digit or `_`; nobody else may be able to write there.',
    }),
  ),
  timeout: v.pipe(
    v.optional(duration(100, DAY_MS, 'from "100ms" to "1d"'), '1m'),
    setting({
      type: 'duration',
      about: 'How long one run may take, before it and everything it has started is ended.',
    }),
  ),
  allow_root: v.pipe(
    v.optional(boolean(), false),
    setting({ type: 'boolean', about: 'Run hooks although the daemon runs as root.' }),
  ),
})

const blocks = table({
  cache: v.pipe(
    v.optional(size(), '1GiB'),
    setting({
      type: 'size',
      about:
        'Room for blocks that were read or passed on and that no file here needs. What was asked for least, recent times counting more, makes way first. `"0B"`: keep none.',
    }),
  ),
  quota: v.pipe(
    v.optional(size(), '16GiB'),
    setting({
      type: 'size',
      about:
        'Room for all blocks that are stored as such, the cache included. Published files serve their own blocks and do not count; their lists of blocks do, with 36 bytes for each MiB. Beyond it, the cache makes way, and then a block is refused.',
    }),
  ),
  scrub_rate: v.pipe(
    v.optional(size(), '4MiB'),
    setting({
      type: 'size',
      about:
        'Bytes a second that the check in the background reads: once a week every stored block and every file that is made of blocks is compared with what was signed. What is damaged is put aside and fetched again. `"0B"`: only when `mesh blocks scrub` says so, and then without a pause.',
    }),
  ),
})

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
      about: 'Larger content is neither taken as an upload nor fetched from peers.',
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
      about: 'How long the content of older versions stays on the disk after a deletion.',
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
        'With `"tar"`, a file that is a plain tar is shown as a tree, too: `state_dir/trees/NAME` is a symbolic link to it, switched by one rename when a new version is complete, so that files which belong together change together. Absolute paths, `..`, links that lead out, hard links, devices and names that differ in case only are refused; then the old tree stays, and `mesh explain` says why.',
    }),
  ),
  max_files: v.pipe(
    v.optional(integer(1, MAX_FILES_PER_PATTERN)),
    setting({
      type: 'number',
      fallback: `\`${DEFAULT_FILES_PER_PATTERN}\``,
      about:
        'Of a pattern: how many names each signer (each set of signers, where a threshold asks for several; all nodes together under `"self"`) may use. Deleted names count, as tombstones are kept. Uploads beyond it are refused; of what arrives from peers the names that sort first are kept.',
    }),
  ),
})

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
export type FileDocument = v.InferOutput<typeof fileSchema>
