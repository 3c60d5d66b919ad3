import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

/** HTTP. */
export const http: readonly Check[] = [
  ...checksOf('http/http', 'http/listeners', [
    [
      'names that a request may be addressed to',
      'answers only to its own names over TCP',
      [
        'for (const host of named) checkHost(host, raw.socket.localAddress)',
        'for (const host of named) if (host === undefined) checkHost(host, undefined)',
      ],
    ],
    [
      'length of a request line',
      'refuses addresses and header fields without measure',
      ['if (raw.url !== undefined && raw.url.length > MAX_URL_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/http', 'http/page', [
    [
      'what a browser runs of an answer',
      'lets a browser run nothing of any other answer',
      ["if (!reply.hasHeader('Content-Security-Policy')) {", 'if (false) {'],
    ],
  ]),
  ...checksOf('web/page-files', 'http/page', [
    [
      'what a browser runs of the page',
      'serves the dashboard on every listener, each file of it as it is',
      [`"script-src 'self'",`, `"script-src 'self' 'unsafe-inline'",`],
    ],
    [
      'files that belong to the page',
      'serves nothing else from there',
      ['if (type === undefined) return []', ''],
    ],
  ]),
  ...checksOf('http/routes/status', 'http/read', [
    [
      'who has what, on the socket only',
      'gives over TCP only what is world-readable',
      ["if (!isLocal(request.raw)) throw socketOnly('who has what is told', socketPath)", ''],
    ],
  ]),
  ...checksOf('sync/push-pull/agreements', 'sync/push-pull/agreements', [
    [
      'what is forgotten counts as changed',
      'what it has forgotten counts as changed later than it was, never earlier',
      ['forgotten = oldMark', ''],
    ],
  ]),
  ...checksOf('sync/push-pull/knowledge', 'daemon/spread', [
    [
      'what a peer was last found to have',
      'tells who has what, who is behind and who differs',
      ["if (replica.agreements.changedAt(name) > agreement.mark) return 'before'", ''],
    ],
  ]),
  ...checksOf('http/pipelines', 'http/pipelines', [
    [
      'number of requests sent ahead',
      'of many requests sent ahead the first are answered, in order, and no other is worked on',
      ['if (pipeline.unanswered === maxUnanswered) {', 'if (false) {'],
    ],
    [
      'turns of requests sent ahead',
      'who sends ahead waits for its own answers, and nobody else does',
      ['if (pipeline.unanswered === 1) begin', 'if (pipeline.unanswered > 0) begin'],
    ],
  ]),
  ...checksOf('http/places', 'http/listeners', [
    [
      'number of HTTP connections',
      'one connection too many takes the place of who waits longest without asking',
      ['if (open.size <= maxConnections) return', 'return'],
    ],
  ]),
  ...checksOf('http/holders', 'http/places', [
    [
      'share of the HTTP connections that one client has',
      'who holds most places gives one to each newcomer with fewer',
      ['return most === own ? undefined : [...most].at(-1)', 'return undefined'],
    ],
  ]),
  ...checksOf('http/turned-away', 'http/places', [
    [
      'number of clients that are told that there is no place',
      'only so many are told at a time, and each for a short while',
      ['sockets.size >= MAX_TURNED_AWAY', 'false'],
    ],
  ]),
  ...checksOf('http/readers', 'http/places', [
    [
      'readers that take nothing',
      'who takes nothing of an answer loses its place to a newcomer',
      ['idlest.idleMs >= READER_STALL_MS', 'false'],
      [': slowest?.socket', ': undefined'],
    ],
  ]),
  ...checksOf('http/linger', 'http/linger', [
    [
      'what is read of a refused body',
      'of a refused body without end so much is read and no more',
      ['if (leftBytes < 0) request.pause()', ''],
    ],
  ]),
  ...checksOf('http/routes/preview', 'http/read', [
    [
      'configurations judged at a time',
      'judges a configuration on the socket only, and none that is too long',
      ['if (judging) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/routes/upload', 'http/upload', [
    [
      "what the network's own files say",
      'refuses a file of the network itself that no node could read',
      ['isTrustFile(statement.name)\n', 'statement === undefined\n'],
    ],
  ]),
  ...checksOf('http/context', 'http/read', [
    [
      'what TCP shows',
      'gives over TCP only what is world-readable',
      ['if (!isLocal(request.raw) && !isWorldReadable(view.policy)) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/range', 'http/range', [
    [
      'ranges outside the file',
      'a range outside the file cannot be satisfied',
      ["if (start >= sizeBytes) return 'unsatisfiable'", ''],
    ],
  ]),
  ...checksOf('http/routes/content', 'http/read', [
    [
      'the condition of a range (If-Range)',
      'answers conditions and ranges',
      ['(condition === undefined || condition === tag)', 'condition !== 0'],
    ],
  ]),
  ...checksOf('http/upload-body', 'http/upload-body', [
    [
      'rate of uploads',
      'cuts off a client that is too slow, however it spreads its bytes',
      ['if (bytesPerSecond < MIN_BODY_BYTES_PER_SECOND) return cut()', ''],
    ],
  ]),
  ...checksOf('http/statement-headers', 'http/upload', [
    [
      'length of the statement fields',
      'refuses each wrong field with its own code and stores nothing',
      ['if (lengthBytes > MAX_STATEMENT_HEADERS_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/tokens', 'http/tokens', [
    [
      'bearer tokens',
      'tells a token from none and from a wrong one',
      [
        'found = timingSafeEqual(digest, each) || found',
        'found = timingSafeEqual(digest, digest) || found',
      ],
    ],
    [
      'form of bearer tokens',
      'reads tokens, one a line',
      [
        'if (line.length < MIN_TOKEN_CHARACTERS || line.length > MAX_TOKEN_CHARACTERS) {',
        'if (false) {',
      ],
    ],
  ]),
  ...checksOf('http/http', 'http/tokens', [
    [
      'wrong bearer tokens',
      'with a token TCP may do what the unix socket may',
      ['if (hasToken(raw.headers.authorization, tokens()) === false) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/http', 'http/client-rates', [
    [
      'rate of requests',
      'who asks too often is told when to come back; the unix socket is free',
      ['      rates.check(raw.socket.remoteAddress, kindOf(raw.url))\n', ''],
    ],
  ]),
  ...checksOf('http/access', 'http/access', [
    [
      'two hosts in one request',
      'the target names a host too, and two fields are refused',
      ['if (fields.length > 1) {', 'if (false) {'],
    ],
    [
      'what counts as world-readable',
      'only the permission of others counts as world-readable',
      ['(mode & 0o004) !== 0', '(mode & 0o044) !== 0'],
    ],
  ]),
  ...checksOf('http/routes/events', 'http/events', [
    [
      'events over TCP',
      'over TCP only what is public is told',
      ['local: isLocal(request.raw),', 'local: true,'],
    ],
    [
      'readers of events of one client',
      'one client takes some of the places of readers, and never all',
      ['if (count >= MAX_EVENT_READERS_PER_CLIENT) {', 'if (false) {'],
    ],
    [
      'events after a token was taken away',
      'tells nothing more to whoever began with a token that was taken away',
      ['while (!signal.aborted && mayRead()) {', 'while (!signal.aborted) {'],
    ],
  ]),
  ...checksOf('http/routes/blocks', 'http/blocks', [
    [
      'blocks on the socket only',
      'tells of blocks and works on them over the unix socket only',
      ['if (!isLocal(raw)) throw socketOnly(what, socketPath)', ''],
    ],
    [
      'checks of all blocks at a time',
      'verifies once at a time, and ends a check that nobody waits for',
      ['if (verifying) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/routes/status', 'http/read', [
    [
      'status over TCP',
      'tells its status: all on the socket, over TCP whom to sign for',
      ['if (isLocal(request.raw)) return body', 'if (body) return body'],
    ],
    [
      'health over TCP',
      'tells its health, and over TCP only how severe it is',
      ['const shown = isLocal(request.raw)\n', 'const shown = isLocal !== undefined\n'],
    ],
  ]),
  ...checksOf('http/routes/metrics', 'http/metrics', [
    [
      'metrics over TCP',
      'metrics over TCP are refused until the configuration allows them',
      ['if (!isLocal(request.raw) && !exposeMetrics) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/routes/preview', 'http/read', [
    [
      'configurations judged on the socket only',
      'judges a configuration on the socket only, and none that is too long',
      ["if (!isLocal(request.raw)) throw socketOnly('configurations are judged', socketPath)", ''],
    ],
    [
      'length of a configuration that is judged',
      'judges a configuration on the socket only, and none that is too long',
      ['if (length > MAX_PREVIEW_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/routes/upload', 'http/upload', [
    [
      'uploads at a time',
      'bodies beyond the places for uploads are asked to come later',
      ['if (underWay >= MAX_CONCURRENT_UPLOADS) {', 'if (false) {'],
    ],
    [
      'name of an upload',
      'refuses each wrong field with its own code and stores nothing',
      ['if (signed.statement.name !== name) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/content-types', 'http/content-types', [
    [
      'types that a browser would run',
      'nothing that a browser would run has a type that makes it run',
      ["html: 'text/plain; charset=utf-8',\n  ini", "html: 'text/html; charset=utf-8',\n  ini"],
    ],
  ]),
  ...checksOf('http/unix-socket', 'http/listeners', [
    [
      'permissions of the unix socket',
      'the unix socket has the permission bits asked for and goes with the daemon',
      ['process.umask(0o777 & ~mode)', 'process.umask(0o000)'],
    ],
    [
      'what lies where the socket is to be',
      'leaves alone a socket on which somebody answers, and what is not a socket',
      ['if (!found.isSocket()) {', 'if (false) {'],
    ],
    [
      'another daemon on the socket',
      'leaves alone a socket on which somebody answers, and what is not a socket',
      ['if (await answers(path)) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('feed/feed', 'feed/feed', [
    [
      'rate of refusals that are told',
      'a flood of refusals is counted and not told',
      ['if (!refusals.tryTake(1)) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/routes/explain', 'http/read', [
    [
      'explanations on the socket only',
      'explains a name on the unix socket',
      ["if (!isLocal(request.raw)) throw socketOnly('explanations are given', socketPath)", ''],
    ],
  ]),
  ...checksOf('http/explain', 'http/explain', [
    [
      'what arrived and does not count, in an explanation',
      'a node that was revoked: what it signed is here and counts nowhere',
      [
        'const hasArrived = refusals.length + setAside.length > 0',
        'const hasArrived = refusals.length > 0',
      ],
    ],
    [
      'nobody connected, in an explanation',
      'whoever is connected to nobody is told that there may be something newer',
      ['reach.peers.length === 0 ? aboutPeers(reach) : []', '[]'],
    ],
  ]),
  ...checksOf('http/listeners', 'http/listeners', [
    [
      'size of header fields',
      'refuses addresses and header fields without measure',
      ['maxHeaderSize: MAX_HEADER_BYTES,', 'maxHeaderSize: 2 ** 20,'],
    ],
    [
      'time of header fields',
      'header fields that come byte by byte are cut off in time',
      ['headersTimeout: HEADERS_TIMEOUT_MS,', 'headersTimeout: 0,'],
    ],
  ]),
]
