import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

/** Peers. */
export const peers: readonly Check[] = [
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
      'whoever asks without end waits, and is blamed for nothing',
      ['while (!budgetOf(peer).tryTake(1))', 'while (!budgetOf(peer))'],
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
      ['if (records > MAX_ANSWERED_ROUND_RECORDS)', 'if (false)'],
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
      ['if (sha256(bytes) !== content.list)', 'if (false)'],
    ],
    [
      'length of a block list',
      'a holder whose list has a hundred thousand entries keeps nobody from the content',
      ['if (sizeBytes > most) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('sync/blocks/list-inbox', 'sync/blocks/list-inbox', [
    [
      'small pieces of a block list',
      'refuses what was not asked for, does not fit, or comes in crumbs',
      ['bytes.length < MIN_BLOCK_PIECE_BYTES', 'bytes.length < 0'],
    ],
    [
      'block lists in memory that nobody ends',
      'where more has gathered than may be, whoever gives the least goes',
      ['if (bytes <= MAX_LIST_INBOX_BYTES) return', 'if (bytes > 0) return'],
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
  ...checksOf('sync/intake', 'sync/announce/announcer', [
    [
      'content that comes with a record',
      'content that is not what its record says is a lie',
      [
        'if (inline.length === content.sizeBytes && sha256(inline) === content.digest) return',
        'return',
      ],
    ],
  ]),
  ...checksOf('sync/announce/announcer', 'sync/announce/announcer', [
    [
      'rate of announcements and claims',
      'a neighbour that claims without end has to wait; others do not',
      ['const waitMs = rateOf(from).take(count)', 'const waitMs = 0 * rateOf(from).take(count)'],
    ],
  ]),
  ...checksOf('sync/announce/overlay', 'sync/announce/overlay', [
    [
      'number of neighbours',
      'a node has room for so many that pick it; the others look elsewhere',
      [
        "return inbound.length >= MAX_INBOUND_NEIGHBOURS ? 'full' : undefined",
        "return inbound.length < 0 ? 'full' : undefined",
      ],
    ],
    [
      'messages out of turn',
      'what is no hello, or no announcement, is blamed and costs the stream',
      [
        "const message = decodeAnnounce(frame)\n        if (message.type !== 'items' && message.type !== 'have') {",
        'const message = decodeAnnounce(frame)\n        if (false) {',
      ],
    ],
  ]),
  ...checksOf('sync/push-pull/answerer', 'sync/push-pull/answerer', [
    [
      'rate of rounds',
      'rounds without pause are slowed down, not answered faster',
      ['    await pay(init.rates.rounds, 1)\n', ''],
    ],
    [
      'time of a round',
      'a round that stays open is closed',
      [
        '{ clock, limitMs: MAX_ROUND_MS, giveUp: (why) => stream.abort(why) },',
        '{ clock, limitMs: 1e12, giveUp: (why) => stream.abort(why) },',
      ],
      ['channel.receive({ timeoutMs: MAX_ROUND_MS })', 'channel.receive()'],
    ],
  ]),
  ...checksOf('sync/push-pull/names', 'sync/push-pull/names', [
    [
      'digest of a list of names',
      'a reader refuses disorder, repetition, emptiness and what was not announced',
      ['if (digester.digest() !== expected) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('sync/push-pull/names', 'sync/push-pull/answerer', [
    [
      'length of a list of names',
      'names without end are cut off at the limit',
      ['if (sizeBytes > MAX_NAMES_BYTES) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('transport/address-book', 'transport/address-book', [
    [
      'peers that one peer tells of',
      'one peer can make us hear of so many others and no more',
      ['if ((hearsay.get(from) ?? 0) >= MAX_HEARSAY_PER_PEER) return false', ''],
    ],
  ]),
  ...checksOf('transport/multiplexer', 'transport/multiplexer', [
    [
      'rate of new streams',
      'cuts off a member that sends a flood of streams',
      [
        'if ((header.getUint16(2) & FLAG_SYN) !== 0 && type !== TYPE_PING && !streams.tryTake(1)) {',
        'if (false) {',
      ],
    ],
    [
      'rate of window updates',
      'cuts off a member that sends a flood of window updates',
      ['if (type === TYPE_WINDOW_UPDATE && !updates.tryTake(1)) {', 'if (false) {'],
    ],
    [
      'rate of tiny frames',
      'cuts off a member that sends a flood of tiny frames',
      ['if (lengthBytes < SMALL_FRAME_BYTES && !small.tryTake(1))', 'if (false)'],
    ],
    [
      'answers that a member does not read',
      'a member that makes us answer and reads no answers is cut off',
      ['if (connection.writeBufferLength > MAX_CONNECTION_SEND_BUFFER_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/multiplexer', 'transport/multiplexer', [
    [
      'bytes that a member sends in a second',
      'who has sent more than it may is not read from until its time has come',
      ['brake(bytesAllowed.take(data.byteLength))', 'bytesAllowed.take(data.byteLength)'],
    ],
  ]),
  ...checksOf('transport/peering', 'transport/peering', [
    [
      'dials on hearsay',
      'a member that tells of thousands has us dial so many a minute, and no more',
      [
        '{ perSecond: MAX_HEARSAY_DIALS_PER_MINUTE / 60, burst: MAX_HEARSAY_DIALS_PER_MINUTE },',
        '{ perSecond: 1e9, burst: 1e9 },',
      ],
    ],
  ]),
  ...checksOf('transport/frame-stream', 'transport/frame-stream', [
    [
      'time that a peer has to read',
      'a peer that never reads is given up',
      ['senders.push(waiter), SEND_STALL_TIMEOUT_MS)', 'senders.push(waiter), 1e12)'],
    ],
  ]),
  ...checksOf('sync/blocks/reader', 'sync/blocks/opens', [
    [
      'blocks asked for and not given',
      'who asks for blocks for ever, and waits for none, is cut off',
      ['if (this.#asked >= MAX_OUTSTANDING_BLOCKS) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('sync/push-pull/answerer', 'sync/push-pull/answerer', [
    [
      'rate of records',
      'records are given no faster than the rate, whatever is asked for',
      ['      await payAfter(init.rates.recordBytes, channel.bytes - before)\n', ''],
    ],
    [
      'rate of our list of names',
      'our list of names is told no faster than the rate of records',
      ['    await pay(init.rates.recordBytes, selectors.length * 4)\n', ''],
    ],
    [
      'rate of ranges',
      'ranges asked for again and again are slowed down and then cut off',
      [
        '    await pay(init.rates.ranges, prefixes.length * Math.max(1, maxListIds / HASHES_A_RANGE))\n',
        '',
      ],
    ],
  ]),
]
