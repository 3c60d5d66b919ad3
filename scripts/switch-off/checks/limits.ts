import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

const MOST = 'as much as may be is taken, and one more is refused'

/** What bounds a message, what is remembered, or how long somebody is waited for. */
export const limits: readonly Check[] = [
  // Messages.
  ...checksOf('sync/wire', 'sync/push-pull/messages', [
    [
      'length of the name of a collection',
      MOST,
      ['if (length > MAX_COLLECTION_BYTES)', 'if (false)'],
    ],
    ['length of a record', MOST, ['reader.bytes(MAX_RECORD_BYTES)', 'reader.bytes(1e9)']],
    [
      'length of content that comes with a record',
      MOST,
      ['reader.bytes(MAX_INLINE_BYTES)', 'reader.bytes(1e9)'],
    ],
  ]),
  ...checksOf('sync/push-pull/messages', 'sync/push-pull/messages', [
    [
      'records that are put at a time',
      MOST,
      [
        '{ type, items: reader.list(MAX_FRAME_RECORDS, readItem) }',
        '{ type, items: reader.list(1e9, readItem) }',
      ],
    ],
    [
      'records that are given at a time',
      MOST,
      [
        '{ type, last, items: reader.list(MAX_FRAME_RECORDS, readItem) }',
        '{ type, last, items: reader.list(1e9, readItem) }',
      ],
    ],
    ['ids that a list is asked to have', MOST, ['if (maxListIds > MAX_LIST_IDS)', 'if (false)']],
    ['ids of a group', MOST, ['count === 0 || count > MAX_LIST_IDS', 'count === 0']],
    [
      'rivals of a group',
      MOST,
      [
        'const count = reader.u8()\n  if (count > MAX_LIST_IDS)',
        'const count = reader.u8()\n  if (false)',
      ],
    ],
    ['length of a prefix', MOST, ['if (digits > MAX_PREFIX_DIGITS)', 'if (false)']],
    [
      'ranges of one request',
      MOST,
      [
        'Math.min(MAX_REQUEST_RANGES, Math.floor(MAX_REQUEST_SHORTS / Math.max(16, maxListIds)))',
        '1e9',
      ],
    ],
    [
      'groups of one request',
      MOST,
      ['readMany(reader, MAX_REQUEST_GROUPS,', 'readMany(reader, 1e9,'],
    ],
  ]),
  ...checksOf('sync/announce/messages', 'sync/announce/messages', [
    [
      'records that are announced at a time',
      'a frame has so many records or claims, and one more is refused',
      ['items: reader.list(MAX_FRAME_RECORDS,', 'items: reader.list(1e9,'],
    ],
    [
      'claims at a time',
      'a frame has so many records or claims, and one more is refused',
      ['const holdings = reader.list(MAX_FRAME_RECORDS,', 'const holdings = reader.list(1e9,'],
    ],
  ]),
  ...checksOf('sync/blocks/messages', 'sync/blocks/messages', [
    [
      'blocks of one request',
      MOST,
      ['indexes: readIndexes(reader, MAX_ASKED_INDEXES),', 'indexes: readIndexes(reader, 1e9),'],
    ],
    [
      'blocks that are gained at a time',
      MOST,
      ['readIndexes(reader, MAX_GAINED_INDEXES)', 'readIndexes(reader, 1e9)'],
    ],
    [
      'length of a piece of a block',
      MOST,
      ['count === 0 || count > MAX_BLOCK_PIECE_BYTES', 'count === 0'],
    ],
  ]),
  ...checksOf('sync/announce/overlay', 'sync/limits', [
    [
      'length of frames of announcements',
      'a frame of announcements that is too long is blamed for its length',
      ['maxFrameBytes: MAX_FRAME_BYTES', 'maxFrameBytes: 1e9'],
    ],
  ]),
  ...checksOf('sync/push-pull/channel', 'sync/limits', [
    [
      'length of frames of rounds',
      'a frame of rounds that is too long is blamed for its length',
      ['maxFrameBytes: MAX_FRAME_BYTES', 'maxFrameBytes: 1e9'],
    ],
  ]),
  ...checksOf('sync/content/server', 'sync/limits', [
    [
      'length of frames of content',
      'a frame of content that is too long is blamed for its length',
      ['maxFrameBytes: MAX_FRAME_BYTES', 'maxFrameBytes: 1e9'],
    ],
  ]),
  ...checksOf('sync/blocks/server', 'sync/limits', [
    [
      'length of frames of blocks',
      'a frame of blocks that is too long is blamed for its length',
      ['maxFrameBytes: MAX_BLOCK_FRAME_BYTES', 'maxFrameBytes: 1e9'],
    ],
    [
      'number of streams of blocks',
      'a member has so many streams of blocks, and no more',
      ['maxStreamsPerPeer: MAX_BLOCK_STREAMS_PER_PEER', 'maxStreamsPerPeer: 1e9'],
    ],
  ]),
  ...checksOf('sync/content/server', 'sync/content/server', [
    [
      'number of streams of content',
      'one peer has so many requests open; all peers together have a limit too',
      ['maxStreamsPerPeer: MAX_SERVED_STREAMS_PER_PEER', 'maxStreamsPerPeer: 1e9'],
    ],
    [
      'time until content is asked for',
      'a peer that says nothing, or does not read, loses its stream',
      ['stream.receive({ timeoutMs: HOLDER_ANSWER_TIMEOUT_MS })', 'stream.receive()'],
    ],
  ]),
  ...checksOf('sync/push-pull/answerer', 'sync/push-pull/answerer', [
    [
      'bytes of one round',
      'a round without end is cut off',
      ['if (channel.bytes > MAX_ANSWERED_ROUND_BYTES) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('sync/push-pull/channel', 'sync/push-pull/beginner', [
    [
      'time of one answer in a round',
      'silence ends the round after a while, at every step',
      ['receive({ timeoutMs: ROUND_FRAME_TIMEOUT_MS })', 'receive()'],
    ],
  ]),
  ...checksOf('sync/push-pull/difference', 'sync/push-pull/difference', [
    [
      'ranges that wait',
      'of the ranges that differ so many wait, and no more',
      ['if (waiting + differing.length > MAX_PENDING_RANGES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('sync/collections/compact-selection', 'sync/collections/compact-selection', [
    [
      'patterns of a list of names',
      'refuses what is no selector, and more patterns than may be',
      ['if (patterns.size >= MAX_LIST_PATTERNS) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('sync/announce/outbox', 'sync/announce/outbox', [
    [
      'announcements that a neighbour does not read',
      'while a frame is on its way the next ones gather, up to a limit',
      ['if (queuedBytes + parcel.bytes.length > MAX_OUTBOX_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/peer-exchange-codec', 'transport/peer-exchange-codec', [
    [
      'peers in one message',
      'as many peers as may be are taken, and one more is refused',
      ['reader.list(MAX_EXCHANGED_PEERS, (each)', 'reader.list(1e9, (each)'],
    ],
    [
      'addresses of a peer in a message',
      'messages are as they are written down',
      ['reader.list(MAX_ADDRESSES_PER_PEER, (each)', 'reader.list(1e9, (each)'],
    ],
    [
      'length of an address in a message',
      'messages are as they are written down',
      ['each.text(MAX_ADDRESS_BYTES)', 'each.text(1e9)'],
    ],
  ]),
  ...checksOf('sync/push-pull/beginner', 'sync/push-pull/beginner', [
    [
      'names that change within a round',
      'a peer that keeps changing its names does not keep us busy',
      ['if (comparison > MAX_NAMES_TOLD) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/multiplexer', 'transport/multiplexer', [
    [
      'streams of one connection',
      'a member has so many streams open, and those that never say what they are end in time',
      ['maxInboundStreams: MAX_STREAMS_PER_CONNECTION,', 'maxInboundStreams: 1e9,'],
    ],
  ]),
  ...checksOf('http/listeners', 'http/listeners', [
    [
      'requests in one packet',
      'of requests in one packet so many are answered, and the connection is closed',
      ['maxUnanswered: MAX_PIPELINED_REQUESTS', 'maxUnanswered: 1e9'],
    ],
    [
      'requests of one connection',
      'a connection has so many requests, and the next one comes over another',
      ['server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION', ''],
    ],
    [
      'time without a request',
      'a connection on which nothing more is asked is closed after a while',
      ['keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,', 'keepAliveTimeout: 0,'],
    ],
  ]),
  ...checksOf('sync/content/sought', 'sync/content/backlog', [
    [
      'contents that are looked for',
      'more missing contents than are looked for at once all have their turn',
      ['if (tasks.size >= maxSought) {', 'if (false) {'],
    ],
  ]),
  // Memory.
  ...checksOf('transport/handshakes', 'transport/handshakes', [
    [
      'outcomes of attempts to connect',
      'outcomes of attempts nobody asks about do not pile up',
      ['outcomes.size > MAX_DIAL_OUTCOMES', 'outcomes.size < 0'],
    ],
  ]),
  ...checksOf('transport/dht', 'transport/dht-records', [
    [
      'records and providers in the DHT',
      'keeps neither records nor providers for anybody',
      ['datastore: withoutRecords(components.datastore)', 'datastore: components.datastore'],
    ],
  ]),
  ...checksOf('transport/remembered-peers', 'transport/remembered-peers', [
    [
      'peers that the DHT tells of',
      'who was heard of longest ago is forgotten first, and nobody who is connected',
      ['if (heard.size <= maxPeers) return', 'return'],
    ],
  ]),
  ...checksOf('transport/tuned-streams', 'transport/tuned-streams', [
    [
      'what pieces of a stream hold in memory',
      'a piece keeps what was sent, not the message that it came in',
      ['if (heldBytes <= MAX_HELD_FOR_A_BYTE * data.byteLength)', 'if (true)'],
    ],
  ]),
  ...checksOf('transport/streams', 'transport/streams', [
    [
      'streams that have ended as they come up',
      'a stream that is reset as it comes up is not handed out',
      ['if (frames.signal.aborted) throw frames.signal.reason', ''],
    ],
  ]),
  ...checksOf('transport/peering-health', 'transport/peering-health', [
    [
      'peers that are counted as refusing us',
      'counts no more peers that refuse us than so many: they may be made up',
      ['peers.size > MAX_REFUSING_PEERS && first !== undefined', 'false'],
    ],
  ]),
  ...checksOf('sync/content/fetcher', 'sync/content/fetcher', [
    [
      'claims of those who have left',
      'a claim that had to wait until its peer had left counts for nothing',
      ['if (!here.has(peer)) return', ''],
    ],
  ]),
  ...checksOf('sync/blocks/avoided', 'sync/blocks/avoided', [
    [
      'holders of blocks that are avoided',
      'a peer is avoided for a while, and forgotten though nobody asks about it again',
      ['untilMs.delete(each)', ''],
    ],
  ]),
  ...checksOf('transport/gone-names', 'transport/gone-names', [
    [
      'names of peers that are gone',
      'who was gone longest has no name any more',
      ['names.size > MAX_REMEMBERED_NAMES', 'names.size < 0'],
    ],
  ]),
  ...checksOf('transport/libp2p-node', 'transport/remembered-peers', [
    [
      'peers that libp2p remembers without a DHT',
      'without a DHT, libp2p remembers at most 0 that are gone',
      ['maxPeers: init.dht ? MAX_DHT_PEERS : 0', 'maxPeers: MAX_DHT_PEERS'],
    ],
  ]),
  ...checksOf('transport/refusal-log', 'transport/refusal-log', [
    [
      'refused strangers that are remembered',
      'a crowd fills neither the log nor memory, and who was not told is told later',
      ['told.size > MAX_REMEMBERED_REFUSALS', 'told.size < 0'],
    ],
  ]),
  ...checksOf('transport/blame', 'transport/blame', [
    [
      'peers whose faults are remembered',
      'a crowd of faulty peers costs bounded memory and frees nobody who is avoided',
      ['if (entries.size < MAX_FAULTY_PEERS) return', 'return'],
    ],
  ]),
  ...checksOf('transport/address-book', 'transport/address-book', [
    [
      'peers in the address book',
      'hearsay never drives out who was reached, and who was reached longest ago goes first',
      ['if (entries.size < MAX_KNOWN_PEERS) return true', 'return true'],
    ],
  ]),
  ...checksOf('transport/peering', 'transport/peering', [
    [
      'peers on hearsay that never answer',
      'a peer that is only heard of and never answers is forgotten',
      ['if (failures < MAX_HEARSAY_FAILURES) return', 'return'],
    ],
  ]),
  ...checksOf('sync/push-pull/agreements', 'sync/push-pull/agreements', [
    [
      'changes that are remembered',
      'what it has forgotten counts as changed later than it was, never earlier',
      ['if (changes.size <= maxChanges || oldest.done) return', 'return'],
    ],
    [
      'peers whose rounds are remembered',
      'remembers so many peers and differences and no more',
      ['agreements.size > MAX_REPORTED_PEERS', 'agreements.size < 0'],
    ],
    [
      'differences that are remembered',
      'remembers so many peers and differences and no more',
      ['if (ours.size + theirs.size > MAX_AGREED_DIFFERENCES) return', ''],
    ],
  ]),
  ...checksOf('sync/push-pull/settled', 'sync/push-pull/settled', [
    [
      'ids on which two nodes agree to differ',
      'remembers so many and no more',
      ['if (map.size < MAX_SETTLED_IDS) map', 'map'],
    ],
  ]),
  ...checksOf('sync/blocks/link', 'sync/blocks/link', [
    [
      'cancelled blocks that are remembered',
      'of so many cancelled blocks something may still come, and others are asked for again',
      ['entry.asked.size > MAX_DROPPED_BLOCKS', 'entry.asked.size < 0'],
    ],
  ]),
  ...checksOf('sync/blocks/exchange', 'sync/blocks/crew', [
    [
      'holders that are asked at the same time',
      'no more than so many holders are asked at the same time, for all contents',
      ['if (links.size >= MAX_ASKED_HOLDERS)', 'if (false)'],
    ],
  ]),
  ...checksOf('http/routes/events', 'http/events', [
    [
      'events of one answer',
      'an answer has so many events and so many bytes, and the rest comes with the next',
      ['maxEvents: MAX_EVENT_BATCH_COUNT', 'maxEvents: 1e9'],
    ],
    [
      'bytes of the events of one answer',
      'an answer has so many events and so many bytes, and the rest comes with the next',
      ['maxBytes: MAX_EVENT_BATCH_BYTES', 'maxBytes: 1e9'],
    ],
  ]),
  ...checksOf('sync/content/holders', 'sync/content/holders', [
    [
      'peers that are asked in one attempt',
      'so many peers are asked at random in one attempt and no more',
      ['tried.size >= MAX_ASKED_PEERS', 'tried.size < 0'],
    ],
    [
      'holders of one content',
      'so many holders of one content are remembered and no more',
      ['claimants.size >= MAX_HOLDERS || claims.left === 0', 'claims.left === 0'],
    ],
  ]),
  ...checksOf('sync/content/segments', 'sync/content/segments', [
    [
      'pieces of a content that are remembered',
      'with more parts than are remembered nobody is accused by exclusion',
      ['if (segments.length === MAX_SEGMENTS) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('sync/content/fetcher', 'sync/content/fetcher', [
    [
      'number of fetches',
      'so many fetches run at once and no more; small content comes first',
      ['{ length: MAX_FETCHES }', '{ length: 100 }'],
    ],
  ]),
  ...checksOf('sync/blocks/list-cache', 'sync/blocks/list-cache', [
    [
      'block lists that are remembered',
      'no more lists are remembered than may be',
      ['known.size > MAX_CACHED_LISTS', 'known.size < 0'],
    ],
    [
      'blocks of lists that are kept',
      'lists that nobody has go when memory is wanted, but for those wanted last',
      ['if (blocks <= MAX_CACHED_LIST_BLOCKS) return', 'return'],
    ],
  ]),
  ...checksOf('sync/blocks/crew', 'sync/blocks/crew', [
    [
      'blocks that a holder takes back',
      'a holder that takes back each block and claims it again is blamed',
      ['++part.retractions > MAX_RETRACTIONS', '++part.retractions < 0'],
    ],
  ]),
  ...checksOf('files/refusals', 'http/explain', [
    [
      'refusals of one name',
      'remembers few refusals of few names',
      ['.slice(0, MAX_REFUSALS_PER_NAME)', ''],
    ],
    [
      'names with refusals',
      'remembers few refusals of few names',
      ['if (byName.size <= MAX_NAMES_WITH_REFUSALS) break', 'break'],
    ],
  ]),
  ...checksOf('http/tokens', 'http/tokens', [
    [
      'number of bearer tokens',
      'reads tokens, one a line',
      ['if (tokens.length === MAX_TOKENS) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('util/token-bucket', 'util/token-bucket', [
    [
      'rates that are remembered',
      'each key has its own bucket, and the one used longest ago is forgotten',
      ['buckets.size > maxKeys', 'buckets.size < 0'],
    ],
  ]),
  ...checksOf('sync/bounded-set', 'sync/bounded-set', [
    [
      'sets that forget',
      'a bounded set forgets what was longest not asked for',
      ['if (items.size <= maxItems) return', 'return'],
    ],
  ]),
  ...checksOf('sync/push-pull/names', 'sync/push-pull/names', [
    [
      'lists of names that are remembered',
      'the cache forgets the longest unused beyond its size',
      ['if (cachedBytes <= maxBytes || digest === list.digest) break', 'break'],
    ],
  ]),
  ...checksOf('sync/push-pull/views', 'sync/push-pull/views', [
    [
      'views that are remembered',
      'views are forgotten beyond their size, the longest unused first',
      ['if (sizeBytes <= maxBytes || digest === kept) return', 'return'],
    ],
    [
      'lists that remembered views look at',
      'what a view looks at counts as its size: a list is much longer than what is kept',
      ['tree.sizeBytes + selection.sizeBytes + VIEW_BYTES', 'tree.sizeBytes + VIEW_BYTES'],
    ],
  ]),
  ...checksOf('sync/content/holders', 'sync/content/holders', [
    [
      'claims of all contents',
      'claims take room that all contents share, and give it back',
      ['claimants.size >= MAX_HOLDERS || claims.left === 0', 'claimants.size >= MAX_HOLDERS'],
    ],
  ]),
  ...checksOf('sync/blocks/crew', 'sync/blocks/crew', [
    [
      'holders that are asked for one content',
      'a crowd that has all of it and give not even the list keeps nobody from the content',
      ['parts.size >= MAX_CONTENT_HOLDERS && !this.#makeRoom(() => true)', 'parts.size < 0'],
    ],
  ]),
  ...checksOf('sync/push-pull/replica', 'sync/push-pull/replica', [
    [
      'lists of names that were compared',
      'so many lists are compared with ours once, and are not compared again',
      ['if (shared.size >= MAX_COMPARED_LISTS) shared.clear()', ''],
    ],
  ]),
  ...checksOf('files/publisher', 'files/publisher', [
    [
      'statements of a withdrawn name',
      'of a name that is withdrawn so many statements stay, and no more',
      ['rule?.history ?? MAX_HISTORY_COUNT', 'rule?.history ?? 1e9'],
    ],
  ]),
  ...checksOf('http/readers', 'http/places', [
    [
      'readers that take drop by drop',
      'who reads drop by drop loses its place',
      ['slowest?.bytesPerSecond ?? MIN_READER_BYTES_PER_SECOND', 'slowest?.bytesPerSecond ?? 0'],
    ],
  ]),
  ...checksOf('http/turned-away', 'http/places', [
    [
      'what is read of who finds no place',
      'an upload that finds no place reads the answer, however much it sends',
      ['const maxBytes = MAX_TURNED_AWAY_BODY_BYTES', 'const maxBytes = 1e12'],
    ],
  ]),
  // Time.
  ...checksOf('sync/announce/overlay', 'sync/announce/overlay', [
    [
      'time until a hello',
      'who opens a stream and says nothing on it loses it',
      [
        'bind(stream)\n    const frame = await stream.receive({ timeoutMs: HELLO_TIMEOUT_MS })',
        'bind(stream)\n    const frame = await stream.receive()',
      ],
    ],
  ]),
  ...checksOf('transport/streams', 'transport/streams', [
    [
      'time until a stream is ended',
      'a stream whose peer does not end it is cut some time after its handler',
      ['clock.schedule(STREAM_CLOSE_TIMEOUT_MS,', 'clock.schedule(1e12,'],
    ],
  ]),
  ...checksOf('transport/liveness', 'transport/liveness', [
    [
      'pings that are not answered',
      'three pings without an answer are the end of a connection',
      ['if (watch.misses < MAX_PING_MISSES) return', 'return'],
    ],
    [
      'time of an answer to a ping',
      'a connection that is busy with something else is not dead',
      ['.receive({ timeoutMs: PING_TIMEOUT_MS })', '.receive()'],
    ],
  ]),
  ...checksOf('transport/peer-exchange', 'transport/peering', [
    [
      'time of an exchange of peers',
      'a member that begins an exchange and says nothing loses its stream',
      [
        'const request = await stream.receive({ timeoutMs: PEER_EXCHANGE_TIMEOUT_MS })',
        'const request = await stream.receive()',
      ],
    ],
  ]),
  ...checksOf('transport/dialler', 'transport/libp2p-transport', [
    [
      'time of an attempt to connect',
      'a host that accepts and says nothing is given up in time',
      ['timeoutMs: DIAL_TIMEOUT_MS', 'timeoutMs: 1e12'],
    ],
  ]),
  ...checksOf('transport/libp2p-node', 'transport/multiplexer', [
    [
      'time until a stream says what it is',
      'a member has so many streams open, and those that never say what they are end in time',
      [
        'inboundStreamProtocolNegotiationTimeout: STREAM_OPEN_TIMEOUT_MS,',
        'inboundStreamProtocolNegotiationTimeout: 1e9,',
      ],
    ],
  ]),
  // Behind both stands the time of a handshake.
  {
    name: 'time of a pre-shared key',
    test: 'test/transport/private-network.test.ts',
    title: 'a bare socket that says nothing, little or anything does not get in',
    edits: [
      {
        file: 'src/transport/private-network.ts',
        find: 'timeoutMs: PRIVATE_NETWORK_TIMEOUT_MS',
        put: 'timeoutMs: 1e12',
      },
      {
        file: 'src/transport/handshakes.ts',
        find: 'clock.schedule(HANDSHAKE_TIMEOUT_MS, ',
        put: 'clock.schedule(1e12, ',
      },
    ],
  },
  {
    name: 'time of a certificate',
    test: 'test/transport/membership-exchange.test.ts',
    title: 'who proves its key and then does not keep to the exchange is refused',
    edits: [
      {
        file: 'src/transport/membership-exchange.ts',
        find: 'timeoutMs: MEMBERSHIP_TIMEOUT_MS',
        put: 'timeoutMs: 1e12',
      },
      {
        file: 'src/transport/handshakes.ts',
        find: 'clock.schedule(HANDSHAKE_TIMEOUT_MS, ',
        put: 'clock.schedule(1e12, ',
      },
    ],
  },
]
