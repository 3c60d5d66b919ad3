/**
 * The checks of mesh, each with what switches it off and the test that must notice.
 *
 * `edits` replace exact text that is in its file exactly once. A check that another one stands behind
 * (two walls, on purpose) is switched off in both places.
 */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly put: string
}

export interface Check {
  /** In a few words; unique. */
  readonly name: string
  readonly edits: readonly Edit[]
  /** Test file and title of the test that must fail. */
  readonly test: string
  readonly title: string
}

type Rule = readonly [name: string, title: string, ...edits: readonly (readonly [string, string])[]]

/** Checks of one source file that one test file holds. */
const checksOf = (file: string, test: string, rules: readonly Rule[]): Check[] =>
  rules.map(([name, title, ...edits]) => ({
    name,
    title,
    test: `test/${test}.test.ts`,
    edits: edits.map(([find, put]) => ({ file: `src/${file}.ts`, find, put })),
  }))

const TAMPERED = 'refuses a statement of which any line was changed after signing'
const NOT_FOR_US = 'refuses from anybody what is for others, or signed by nobody who may'
const POWER = 'loses nothing, and shows nothing wrong, wherever the power fails'
const FORGERIES = 'refuses the golden forgeries, naming the line'
const CERTIFICATES = 'refuses the golden forgeries with the right code'

export const checks: readonly Check[] = [
  // Statements: who may say what.
  ...checksOf('files/judge', 'files/judge', [
    ['signature of a statement', TAMPERED, ['if (!verifyEntry(signed, entry)) {', 'if (false) {']],
    [
      'signature of one that is kept already',
      'refuses a bad signature on a statement that is kept already',
      ['entry.key === key && equalBytes(entry.signature, signature),', 'entry.key === key,'],
    ],
    [
      'allowed signers',
      NOT_FOR_US,
      [
        'const signed = countedBy(given, rule.authority)',
        'const signed = countedBy(given, rule.authority) ?? given',
      ],
      ['if (!suffices(signed, rule.authority))', 'if (false)'],
    ],
    ['network of a statement', NOT_FOR_US, ['statement.network !== network', 'false']],
    [
      'order of versions for uploads',
      'refuses an upload of an older version',
      ['if (equalLoses || compareStatements(signed, winner) < 0) {', 'if (false) {'],
    ],
    [
      'jump of versions',
      'refuses an upload of a jump of versions',
      ['> MAX_VERSION_JUMP && from.force !== true', '> Number.MAX_SAFE_INTEGER'],
    ],
    [
      'time ahead of the clock',
      'refuses an upload of a time far ahead',
      ['if (aheadMs > MAX_TIME_AHEAD_MS) {', 'if (false) {'],
    ],
    [
      'size limit for uploads',
      'refuses an upload of content above the limit',
      [
        "if (content === 'deleted' || !isTooLarge(signed, policy)) return",
        "if (content === 'deleted' || signed !== undefined) return",
      ],
    ],
  ]),
  ...checksOf('files/judge', 'files/publisher', [
    [
      'size limit for content from peers',
      'applies mode and size limit of a new policy',
      ['&& content.sizeBytes > maxContentBytes(signed, policy)', '&& false'],
    ],
    [
      'expiry',
      'hides a file when it expires, and shows it again when the clock was wrong',
      ["return end !== 'never' && end <= nowMs", 'return end < nowMs && nowMs < 0'],
    ],
  ]),
  ...checksOf('files/judge', 'files/policy', [
    [
      'number of signatures that a file needs',
      'refuses what has too few signatures, and says how many are missing',
      ['if (!suffices(signed, rule.authority))', 'if (false)'],
    ],
  ]),
  ...checksOf('statement/signed', 'statement/signed', [
    [
      'order of versions',
      'orders by version, then time, then id',
      ['a.statement.version - b.statement.version ||', ''],
    ],
    [
      'number of signatures',
      'sorts signatures and refuses none, two by one key, and too many',
      ['if (signatures.length > MAX_SIGNATURES) {', 'if (false) {'],
    ],
  ]),

  // Spelling: one text for one fact.
  ...checksOf('statement/text', 'statement/text', [
    [
      'canonical text (each field, and the whole)',
      FORGERIES,
      ['/^(?:0|[1-9][0-9]{0,15})$/', '/^[0-9]{1,16}$/'],
      ['if (write(statement) !== text)', 'if (false)'],
    ],
    [
      'length of a statement',
      'refuses what is far too long before it looks at it',
      ['if (text.length > MAX_STATEMENT_BYTES)', 'if (false)'],
    ],
  ]),
  ...checksOf('statement/file-name', 'statement/file-name', [
    [
      'names that climb out',
      'says which rule a name breaks',
      ["if (part === '.' || part === '..')", "if (part === '.')"],
    ],
    [
      'characters of names',
      'says which rule a name breaks',
      ['if (!/^[A-Za-z0-9_.:-]*$/.test(part))', 'if (false)'],
    ],
    [
      'length of names',
      'says which rule a name breaks',
      ['if (text.length > MAX_NAME_BYTES)', 'if (false)'],
    ],
    [
      'names that cannot live together',
      'finds names that cannot be files side by side',
      ["clashes.push({ a: shorter, b: name, kind: 'prefix' })", 'continue'],
    ],
  ]),
  ...checksOf('config/files', 'config/files', [
    [
      'reserved names',
      'refuses entries that could not work',
      ['return isReservedName(name)\n', 'return isReservedName(name) && false\n'],
    ],
  ]),
  ...checksOf('statement/statement-file', 'statement/statement-file', [
    [
      'purpose of a signature in a file',
      'keeps signatures to their purpose',
      ['if (namespace === STATEMENT_NAMESPACE) return', 'if (namespace) return'],
    ],
  ]),
  ...checksOf('http/statement-headers', 'http/upload', [
    [
      'purpose of a signature in an upload',
      'refuses each wrong field with its own code and stores nothing',
      ['namespace !== STATEMENT_NAMESPACE', 'false'],
    ],
  ]),

  // Content.
  ...checksOf('files/staging', 'files/judge', [
    [
      'hash of content',
      'wants an upload to bring its content, right to the last byte',
      ['if (digest !== expected.digest)', 'if (false)'],
    ],
  ]),
  ...checksOf('files/staging', 'files/staging', [
    [
      'length of content',
      'reads no further than the piece that is too much',
      ['if (staged.sizeBytes + piece.length > expected.sizeBytes) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('files/verifier', 'files/open', [
    [
      'hash of what lies on the disk',
      'finds bytes that changed without a trace when it reads each file once',
      ['if (digest === contentDigest(shown.signed)) {', 'if (digest !== undefined) {'],
    ],
    [
      'fingerprint of what lies on the disk',
      'hands nothing out that was changed on the disk while the daemon ran',
      ['if (stat?.fingerprint === shown.fingerprint) {', 'if (stat !== undefined) {'],
    ],
  ]),

  // Keys.
  ...checksOf('keys/point', 'keys/point', [
    [
      'keys of small order',
      'refuses every encoding of a point of small order',
      ["return point.isSmallOrder() ? 'small-order' : undefined", 'return point && undefined'],
    ],
    [
      'keys not canonical',
      'refuses every y of p and above',
      ["if (compareBytes(y, PRIME) >= 0) return 'non-canonical'", ''],
    ],
  ]),
  ...checksOf('keys/public-key', 'keys/public-key', [
    [
      'ed25519 itself',
      'takes a signature for exactly its message and its key',
      ['verify(null, message, importKey(key), signature)', 'importKey(key) !== undefined'],
    ],
  ]),
  ...checksOf('config/secret', 'config/secret', [
    [
      'permissions of private keys',
      'refuses a secret that is open to everybody, also behind a link',
      ['if ((stat.mode & 0o007) !== 0) {', 'if (false) {'],
    ],
  ]),

  // Who is a member.
  ...checksOf('keys/certificate', 'keys/certificate', [
    [
      'signature of a certificate',
      CERTIFICATES,
      ['if (!verifySsh(signature, utf8(signedText))) {', 'if (false) {'],
    ],
    [
      'network key of a certificate',
      CERTIFICATES,
      ['if (!networkKeys.includes(signer)) {', 'if (false) {'],
    ],
    [
      'network of a certificate',
      CERTIFICATES,
      ['if (certificate.network !== network) {', 'if (false) {'],
    ],
    [
      'node key of a certificate',
      CERTIFICATES,
      ['if (key !== undefined && certificate.key !== key) {', 'if (false) {'],
    ],
    [
      'expiry of a certificate',
      'expires to the millisecond, and only by the expiry',
      ['if (nowMs >= certificate.expires) {', 'if (false) {'],
    ],
    [
      'purpose of the signature of a certificate',
      CERTIFICATES,
      ['if (signature.namespace !== CERTIFICATE_NAMESPACE) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/membership', 'transport/membership', [
    [
      'revocation of a certificate',
      'a certificate that has lost its right admits nobody; another one of the key may',
      ['checkRevoked?.(found)', ''],
    ],
    [
      'certificate needed',
      'with network keys, everything else is refused by name',
      [
        'if (texts.length > 0) return newest(',
        'if (texts.length === 0) return {}\n      return newest(',
      ],
    ],
  ]),
  ...checksOf('transport/members', 'transport/members', [
    [
      'a connection ends with its certificate',
      'a connection ends when the certificate of its peer expires',
      ['if (expiresAtMs === undefined) return', 'return'],
    ],
  ]),
  ...checksOf('transport/private-network', 'transport/private-network', [
    [
      'pre-shared key',
      'another key, or none, is noticed at once and named on both sides',
      [
        'if (equalBytes(cipher.apply(enciphered), GREETING)) return',
        'if (cipher.apply(enciphered)) return',
      ],
    ],
  ]),

  // Durability.
  ...checksOf('disk/staged', 'files/faults', [
    ['fsync of a file', POWER, ['await openHandle().sync()', '']],
  ]),
  ...checksOf('disk/disk', 'files/faults', [
    [
      'fsync of its directory',
      POWER,
      ['      }\n    }\n    await this.#directories.sync(parentOf(to))', '      }\n    }'],
    ],
  ]),
  ...checksOf('disk/disk', 'disk/memory', [
    [
      'fsync after a removal',
      'keeps what write answered to when the power fails',
      [
        'if (!(await this.#unlink(path))) return\n      await this.#directories.sync(parentOf(path))',
        'if (!(await this.#unlink(path))) return',
      ],
    ],
    [
      'fsync of the directory that a file was moved out of',
      'keeps what write answered to when the power fails',
      ['await this.#directories.sync(former)', 'return'],
    ],
  ]),
  ...checksOf('disk/directories', 'disk/memory', [
    [
      'fsync of a new directory',
      'keeps what write answered to when the power fails',
      ['await sync(parentOf(directory))\n    return enter(directory)', 'return enter(directory)'],
    ],
  ]),
  ...checksOf('store/environment', 'store/sync', [
    [
      'fsync of the database',
      'acknowledges nothing that the disk did not confirm',
      ['overlappingSync: false,', 'overlappingSync: false,\n    noSync: true,'],
    ],
  ]),
  ...checksOf('files/acceptor', 'files/faults', [
    [
      'the statement is durable before it is acknowledged',
      POWER,
      [
        'left = await catalogue.change(name, changeOf(taking))',
        'void catalogue.change(name, changeOf(taking)).catch(() => {})',
      ],
    ],
    [
      'the content is durable before its statement',
      POWER,
      ['await staged?.commit(contentPath(name, fresh), { mode: rule.policy.mode })', ''],
      [
        'left = await catalogue.change(name, changeOf(taking))',
        'left = await catalogue.change(name, changeOf(taking))\n      if (fresh !== undefined) await staged?.commit(contentPath(name, fresh), { mode: rule.policy.mode })',
      ],
    ],
  ]),
  ...checksOf('disk/disk', 'disk/disk', [
    [
      'leftovers of a crash are removed',
      'removes everything from tmp when it is opened',
      ['else await this.#fileSystem.unlink(join(tmp, name))', ''],
    ],
  ]),
  ...checksOf('disk/lock', 'disk/lock', [
    [
      'lock of the state directory',
      'names the process that holds the lock, and takes it over when that was killed',
      ['PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE', 'SELECT 1'],
    ],
  ]),
  ...checksOf('disk/directories', 'disk/disk', [
    [
      'links in the state directory',
      'follows no link below the root',
      [
        'if ((await fileSystem.realpath(path)) !== path) throw linkError(path)',
        'await fileSystem.realpath(path)',
      ],
    ],
  ]),
  ...checksOf('disk/paths', 'disk/disk', [
    [
      'paths that leave the state directory',
      'refuses paths that leave the tree or cannot be',
      ["part !== '..' &&", ''],
    ],
  ]),

  // HTTP.
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

  // Peers.
  ...checksOf('transport/frame-buffer', 'transport/frame-buffer', [
    [
      'size of frames',
      'a frame above the limit is refused when its length is known',
      ['if (wanted > maxFrameBytes) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/multiplexer', 'transport/multiplexer', [
    [
      'size of frames of the multiplexer',
      'cuts off a member that sends a frame of 2 GiB',
      ['if (lengthBytes > MAX_MULTIPLEXER_FRAME_BYTES)', 'if (false)'],
    ],
    [
      'rate of pings',
      'cuts off a member that sends a flood of pings',
      ['if (type === TYPE_PING && !control.tryTake(1))', 'if (false)'],
    ],
  ]),
  ...checksOf('transport/blame', 'transport/blame', [
    [
      'blame for a forged signature',
      'one forged signature is enough',
      [' || GRAVE.has(error.code)', ''],
    ],
    [
      'blame for repeated faults',
      'the third fault within ten minutes makes a peer avoided, for ten minutes',
      ['faults >= MAX_FAULTS ||', ''],
    ],
  ]),
  ...checksOf('transport/streams', 'transport/streams', [
    [
      'number of streams',
      'one stream too many is refused, and no fault',
      [
        'if (release === undefined) return refuse(stream, peer, max)',
        'if (release === undefined) return void run(link, stream, served)',
      ],
    ],
    [
      'malformed frames are held against their sender',
      'a frame that is too long, or cut short, costs its sender a fault',
      ['if (FAULTS.has(failure.code)) init.blame(peer, failure)', ''],
    ],
  ]),
  ...checksOf('transport/handshakes', 'transport/handshakes', [
    [
      'rate of connections',
      'one host opens so many connections a second',
      ['if (count > MAX_CONNECTIONS_PER_HOST_PER_SECOND) {', 'if (false) {'],
    ],
    [
      'pending handshakes of a host',
      'one host has so many handshakes pending, and others still get in',
      ['if ((perHost.get(host) ?? 0) >= MAX_PENDING_HANDSHAKES_PER_HOST) {', 'if (false) {'],
    ],
    [
      'pending handshakes in all',
      'there is a limit for all hosts together',
      ['if (pending.size >= MAX_PENDING_HANDSHAKES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/peer-exchange', 'transport/peer-exchange', [
    [
      'rate of exchanges of peers',
      'garbage is a fault, and so is asking without end',
      ['if (budgetOf(peer).tryTake(1)) return', 'if (budgetOf(peer)) return'],
    ],
  ]),
  ...checksOf('sync/intake', 'sync/announce/announcer', [
    [
      'signatures of what is passed on',
      'a forged record is not passed on, and its sender is blamed at once',
      ['if (!arrival.verify()) throw forged(arrival.name)', ''],
    ],
    [
      'rate of what is passed on',
      'what is unwanted is relayed within a rate, and no faster',
      ['if (!bucketOf(from).tryTake(1)) return false', ''],
    ],
  ]),
  ...checksOf('sync/push-pull/answerer', 'sync/push-pull/answerer', [
    [
      'records of one round',
      'the same records asked for again and again are cut off',
      ['if (records > RECORDS_ALLOWANCE * MAX_ROUND_RECORDS)', 'if (false)'],
    ],
    [
      'ranges of one round',
      'ranges asked for again and again are slowed down and then cut off',
      ['if (ranges > 2 * MAX_ROUND_RANGES)', 'if (false)'],
    ],
    [
      'rate of lists of names',
      'ever-new lists of names are learned slowly, and blamed on nobody',
      ['while (!init.rates.lists.tryTake(1))', 'while (!init.rates.lists)'],
    ],
  ]),
  ...checksOf('sync/collections/files', 'sync/collections/files', [
    [
      'network of what is passed on',
      'what is for another network is not to be passed on',
      ['relayable: signed.statement.network === init.network,', 'relayable: init !== undefined,'],
    ],
  ]),
  ...checksOf('sync/blocks/reader', 'sync/blocks/server', [
    [
      'contents that one stream has open',
      'ends the stream of a member that breaks the rules',
      ['if (this.opened.size >= MAX_OPEN_CONTENTS)', 'if (false)'],
    ],
    [
      'blocks asked for twice',
      'ends the stream of a member that breaks the rules',
      ['if (asked.has(index)) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('sync/blocks/list-inbox', 'sync/blocks/link', [
    [
      'digest of a block list',
      'a holder that sends another list keeps nobody from the content',
      ['if (sha256(from.bytes) !== content.list)', 'if (false)'],
    ],
    [
      'length of a block list',
      'a holder whose list has a hundred thousand entries keeps nobody from the content',
      ['if (sizeBytes > most) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('sync/blocks/incoming', 'sync/blocks/link', [
    [
      'small pieces of a block',
      'a holder that sends crumbs keeps nobody from the content',
      ['bytes.length < MIN_BLOCK_PIECE_BYTES', 'bytes.length < 0'],
    ],
  ]),
  ...checksOf('sync/content/server', 'sync/content/server', [
    [
      'rate of content',
      'a limit of bytes a second holds over all streams of a peer',
      ['takeUpload?.(stream.peer, piece.length) ?? 0', '(takeUpload === undefined ? 0 : 0)'],
    ],
    [
      'number of served streams',
      'one peer has so many requests open; all peers together have a limit too',
      ['if (streams.size > MAX_SERVED_STREAMS)', 'if (false)'],
    ],
  ]),

  // State of another age, or none.
  ...checksOf('store/lmdb', 'store/damage', [
    [
      'entries that a page has lost',
      'a page with other entries than it had is noticed by who reads the whole table',
      ['if (count < expected && isStill) {', 'if (isStill && false) {'],
    ],
    [
      'renewal of a database after deaths',
      'after two deaths every entry is copied into new pages, and none is lost',
      ['if (await renewDatabase(this.#path))', 'if (this.#closing)'],
    ],
  ]),
  ...checksOf('store/inspect', 'store/damage', [
    [
      'who ended the check of a database',
      'a check that is ended from outside says nothing about the database',
      [
        "const FROM_OUTSIDE: readonly string[] = ['SIGTERM', ",
        'const FROM_OUTSIDE: readonly string[] = [',
      ],
    ],
  ]),
  ...checksOf('store/migrations', 'store/memory', [
    [
      'a store of a newer version',
      'refuses a store that a newer version wrote',
      ['if (found !== undefined && found > current) {', 'if (false) {'],
    ],
  ]),
]
