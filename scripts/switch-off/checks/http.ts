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
      ['if (count === maxUnanswered) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('http/places', 'http/listeners', [
    [
      'number of HTTP connections',
      'one connection too many takes the place of who waits longest without asking',
      ['if (open.size <= maxConnections) return', 'return'],
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
]
