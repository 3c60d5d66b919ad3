import * as v from 'valibot'
import { isIP } from 'node:net'
import { DEFAULT_HTTP_PORT, DEFAULT_SOCKET_PATH } from '../../api/index.ts'
import { isHost } from '../address.ts'
import { boolean, fileMode, integer, list, path, setting, table, textOf, wrong } from '../values.ts'

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

const socketMode = (mode: number): string | undefined =>
  (mode & 0o600) === 0o600 ? undefined : 'must let the owner read and write'

export const http = table({
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
