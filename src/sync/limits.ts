/** Every limit of sync. docs/limits.md lists them with the attack that each one stops. */

const KIBIBYTE = 2 ** 10
const MEBIBYTE = 2 ** 20
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS

// All three protocols.

/** Longest frame of any protocol here. Stops a peer making us hold more than this per stream. */
export const MAX_FRAME_BYTES = 256 * KIBIBYTE
/** Room that a frame's own fields take beside its items. */
export const FRAME_HEADER_BYTES = 64
/** Longest encoded record. Stops a record that is content in disguise. */
export const MAX_RECORD_BYTES = 8 * KIBIBYTE
/** Content up to this size travels with its record and costs no fetch. */
export const MAX_INLINE_BYTES = 16 * KIBIBYTE
/** Records in one frame. Stops a frame of nothing but empty items. */
export const MAX_FRAME_RECORDS = 1_024
/** Longest name of a replicated thing. */
export const MAX_NAME_BYTES = 1_024
/** Longest name of a collection. */
export const MAX_COLLECTION_BYTES = 32
/** Records of one peer that are judged at the same time. */
export const MAX_PARALLEL_ACCEPTS = 16

// Announce.

/** Neighbours that each node picks for itself. */
export const TARGET_NEIGHBOURS = 6
/** A neighbour that was picked is let go when this many others are better. Stops churn. */
export const KEPT_NEIGHBOUR_RANK = 8
/** Neighbours that picked us. Stops a crowd from making us relay to everybody. */
export const MAX_INBOUND_NEIGHBOURS = 12
/** Wait before the records of one moment are put into a frame together. */
export const BATCH_MS = 1
/** Announcements that wait for one neighbour; beyond it they are dropped and reconciled instead. */
export const MAX_OUTBOX_BYTES = MEBIBYTE
/** How long a neighbour may take to read one frame. Stops a link that is none. */
export const ANNOUNCE_STALL_MS = 30 * SECOND_MS
/** How long either side may take over hello and welcome. */
export const HELLO_TIMEOUT_MS = 10 * SECOND_MS
/** How long a peer that has no room for us is not asked again. */
export const REFUSED_NEIGHBOUR_MS = MINUTE_MS
/** First wait after a neighbour failed; doubles up to {@link REFUSED_NEIGHBOUR_MS}. */
export const NEIGHBOUR_BACKOFF_MS = SECOND_MS
/** Ids of relayed records that are remembered, so that they are relayed once. */
export const MAX_SEEN_RECORDS = 16_384
/** Unwanted records a second that one peer may have relayed. Stops floods through bystanders. */
export const RELAY_RECORDS_PER_SECOND = 100
/** The same at once, after a pause. */
export const RELAY_BURST_RECORDS = 1_000
/** Peers whose rate is remembered. Bounds memory; those heard of longest ago are forgotten first. */
export const MAX_RATED_PEERS = 1_024

/** Records and claims a second that one neighbour may announce, after a burst; beyond it waits. */
export const ANNOUNCED_PER_SECOND = 2_000
export const ANNOUNCED_BURST = 20_000

// Push-pull.

export const DEFAULT_PUSH_PULL_INTERVAL_MS = 30 * SECOND_MS
/** Share by which the interval varies in both directions. Keeps nodes out of step. */
export const PUSH_PULL_JITTER = 0.2
/** Wait of the side that begins when two have come together; up to twice that. */
export const CATCH_UP_DELAY_MS = 20
/** Wait of the other side, in case the first one does not. */
export const CATCH_UP_ANSWERER_DELAY_MS = 2 * SECOND_MS
/** Rounds that run at the same time. Stops a few silent partners from holding up all others. */
export const MAX_PARALLEL_ROUNDS = 4
/** Wait before a round is begun beside one under way, which may well bring the same records. */
export const BESIDE_ROUND_DELAY_MS = SECOND_MS
/** Wait for the next frame within a round. Stops a partner that holds a round open. */
export const ROUND_FRAME_TIMEOUT_MS = 20 * SECOND_MS
/** The whole round. Stops a partner that is just fast enough for every frame. */
export const MAX_ROUND_MS = 2 * MINUTE_MS
/** Frames of one round, both ways; the next round goes on. Stops endless lists. */
export const MAX_ROUND_BYTES = 64 * MEBIBYTE
/** Records of one round in each direction; the next round goes on. */
export const MAX_ROUND_RECORDS = 10_000
/** Ids in one request for records. */
export const MAX_REQUEST_RECORDS = 1_024
/** Ids that are listed for one range; longer ones are divided. */
export const MAX_LIST_IDS = 254
/** Digits of an id that a range may be told by; with one more it would be the id. */
export const MAX_PREFIX_DIGITS = 63
/** Ranges in one request. */
export const MAX_REQUEST_RANGES = 1_024
/** Short ids and fingerprints in one answer. Bounds its bytes and the time that it takes to hash. */
export const MAX_REQUEST_SHORTS = 32_768
/** Ranges out of which records are asked for in one request; each may have to be hashed whole. */
export const MAX_REQUEST_GROUPS = 256
/** Ranges that are asked for in one round; the next round goes on. Stops differences without end. */
export const MAX_ROUND_RANGES = 32_768
/** Ranges that are known to differ and wait. Stops a peer to whom everything differs at all depths. */
export const MAX_PENDING_RANGES = 65_536
/** Ranges a second that one peer may ask for, after {@link RANGES_BURST}; beyond it waits. */
export const RANGES_PER_SECOND = 4_096
export const RANGES_BURST = 32_768
/** Bytes of records a second that one peer gets, after {@link RECORD_BYTES_BURST}; beyond it waits. */
export const RECORD_BYTES_PER_SECOND = 8 * MEBIBYTE
export const RECORD_BYTES_BURST = 64 * MEBIBYTE
/** One list of wanted names. Stops a list without end. */
export const MAX_NAMES_BYTES = 8 * MEBIBYTE
/** Patterns in one list of wanted names: they are asked one length after the other. */
export const MAX_LIST_PATTERNS = 4_096
/** Lists of names that one peer may tell in a minute, after as many at once; with more it waits. Stops ever-new lists. */
export const MAX_LISTS_PER_MINUTE = 6
/** All lists of wanted names that are remembered; the longest unused are forgotten. */
export const MAX_NAMES_CACHE_BYTES = 8 * MEBIBYTE
/** All filtered views that are remembered; the longest unused are forgotten. */
export const MAX_VIEWS_BYTES = 16 * MEBIBYTE
/** Names of a told list that are taken before others have their turn; a page has as many as fit into a frame. */
export const NAMES_A_TURN = 1_000
/** Ids that are read for a view before others have their turn. */
export const PREPARED_IDS = 2_048
/** Peers whose last rounds are remembered, to be shown. */
export const MAX_REPORTED_PEERS = 1_024
/** Names whose last change is remembered, to tell which peer has it; older ones count as changed then. */
export const MAX_REMEMBERED_CHANGES = 10_000
/** Records on which a peer and we may differ for it to be told what the peer has. Bounds memory. */
export const MAX_AGREED_DIFFERENCES = 256
/** With more nodes than this, each doubling adds one interval between two rounds of a node. */
export const UNSTRETCHED_NODES = 32
/** Record ids on which we and one peer have agreed to differ, on either side. Bounds memory. */
export const MAX_SETTLED_IDS = 1_024
/** Rounds a second that one peer may begin, after a burst of {@link ROUND_BURST}; beyond it waits. */
export const ROUNDS_PER_SECOND = 1
export const ROUND_BURST = 20
/** More records than this in one round are not announced one by one: neighbours reconcile. */
export const MAX_ANNOUNCED_ROUND_RECORDS = 256
/** Wait before a round that reached a limit goes on; after a failure it doubles, up to the interval. */
export const INCOMPLETE_ROUND_DELAY_MS = SECOND_MS

// Content.

/** Content on its way in at the same time. */
export const MAX_FETCHES = 4
/** One of the places is kept for content up to this size, so that large content never blocks small. */
export const SMALL_CONTENT_BYTES = MEBIBYTE
/** Pieces in which content is sent. */
export const CONTENT_FRAME_BYTES = 128 * KIBIBYTE
/** Every piece but the last has at least this many bytes. Stops a flood of tiny frames. */
export const MIN_CONTENT_FRAME_BYTES = 4 * KIBIBYTE
/** A holder must send {@link MIN_RATE_BYTES} within every such window, or another one is asked. */
export const MIN_RATE_WINDOW_MS = 20 * SECOND_MS
export const MIN_RATE_BYTES = 128 * KIBIBYTE
/** The same while another holder is there that was not tried. Stops one that is just fast enough. */
export const FAIR_RATE_BYTES = 5 * MEBIBYTE
/** Wait for a holder's answer to a request. */
export const HOLDER_ANSWER_TIMEOUT_MS = 10 * SECOND_MS
/** How long a fetch that has begun waits without progress before it gives up what it has. */
export const HOLDER_WAIT_MS = 30 * SECOND_MS
/** Wait before a holder whose stream broke is asked again within one attempt. */
export const HOLDER_RETRY_MS = 2 * SECOND_MS
/** Wait before peers are asked that did not say they have it: announcements may still come. */
export const ASK_AROUND_DELAY_MS = 500
/** Peers that are asked in one attempt without having said that they hold the content. */
export const MAX_ASKED_PEERS = 32
/** Holders remembered for one content. */
export const MAX_HOLDERS = 64
/** Peers remembered for one content because they did not deliver it. Stops ever-new identities. */
export const MAX_REMEMBERED_HOLDERS = 256
/**
 * Contents that are looked for at the same time, and so the claims that one peer can make; others wait
 * by their names only. Each costs about 2 KiB beside its claims.
 */
export const MAX_SOUGHT_CONTENTS = 16_384
/** Claims of all peers to all contents; beyond it holders are found by asking around. */
export const MAX_CLAIMS = 131_072
/** First wait after a failed attempt; doubles, with jitter. */
export const FETCH_BACKOFF_MS = SECOND_MS
export const MAX_FETCH_BACKOFF_MS = 2 * MINUTE_MS
/** How long a holder that failed is asked after all others; doubles with each failure. */
export const HOLDER_COOLDOWN_MS = 30 * SECOND_MS
/** Failed attempts after which health says that content cannot be found. */
export const FAILURES_BEFORE_WARNING = 4
/** Pieces of a mixed fetch whose senders are remembered, to find out who lied. */
export const MAX_SEGMENTS = 64
/** Requests that one peer may have open. */
export const MAX_SERVED_STREAMS_PER_PEER = 4
/** Requests served at the same time; beyond it the answer is "busy". */
export const MAX_SERVED_STREAMS = 32
/** How long a reader may take over one piece. Stops readers that hold files open. */
export const SERVE_STALL_MS = 30 * SECOND_MS

// Blocks.

/** Bytes of a block in one frame. */
export const MAX_BLOCK_PIECE_BYTES = 64 * KIBIBYTE
/** What we send: with all its headers it fills one message of Noise, and needs no second one. */
export const BLOCK_PIECE_BYTES = 63 * KIBIBYTE
/** Buffers of blocks that are kept for the next one. */
export const MAX_IDLE_BUFFER_BYTES = 8 * MEBIBYTE
/** Every piece of a block or a block list but its last has at least this many. Stops a flood of tiny frames. */
export const MIN_BLOCK_PIECE_BYTES = 16 * KIBIBYTE
/**
 * Pieces of a block list that are kept of all holders of one content together: two of the longest. Stops
 * holders that send lists and never end them from filling the memory.
 */
export const MAX_LIST_INBOX_BYTES = 8 * MEBIBYTE
/** Longest frame: a piece and its fields. */
export const MAX_BLOCK_FRAME_BYTES = MAX_BLOCK_PIECE_BYTES + FRAME_HEADER_BYTES
/** Blocks in one request. */
export const MAX_ASKED_INDEXES = 256
/** Blocks that one stream may have asked for and not been given. Stops queues without end. */
export const MAX_OUTSTANDING_BLOCKS = 512
/** Blocks in one message about what a holder has got. */
export const MAX_GAINED_INDEXES = 4_096
/** Contents that one stream may have open. Stops a peer making us remember more than this. */
export const MAX_OPEN_CONTENTS = 64
/**
 * Blocks of lists that stay decoded for the next reader, about 3 MiB in memory. Bounds what those cost that
 * nobody has open.
 */
export const MAX_CACHED_LIST_BLOCKS = 16_384
/** Lists that are found while somebody has them. Stops ever-new contents from being remembered. */
export const MAX_CACHED_LISTS = 4_096
/**
 * Blocks of the contents that one peer opens in a second, after a burst of {@link OPENED_BLOCKS_BURST};
 * beyond it waits. The list of a content is read and hashed to open it: stops a member that opens and
 * closes the largest one from using up the processor.
 */
export const OPENED_BLOCKS_PER_SECOND = 20_000
export const OPENED_BLOCKS_BURST = 200_000
/** What a content counts for at least. The same, with many small ones. */
export const MIN_OPENED_BLOCKS = 16
/** Streams of blocks that one peer may have open: one that is kept, and its successor. */
export const MAX_BLOCK_STREAMS_PER_PEER = 2
/** Answers that a requester has not read; with more, nothing else is read from it. */
export const MAX_UNREAD_ANSWERS = 256
/** Blocks in memory on their way out, to all peers together. */
export const MAX_SENDING_BLOCKS = 8
/** A reader that takes longer over a piece gives its place to others meanwhile. */
export const SENDING_PATIENCE_MS = SECOND_MS
/** Wait before those who look on are told of new blocks: they come together. */
export const GAINED_DELAY_MS = 50
/** Contents with fewer blocks are given to whoever asks; of larger ones each gets others first. */
export const MIN_SPREAD_BLOCKS = 8
/** How long a block is waited for that somebody else was given, before its holder is asked again. */
export const SPREAD_WAIT_MS = 3 * SECOND_MS
/** Bytes asked of one holder and not written yet, at least two blocks of common size. */
export const MIN_PEER_WINDOW_BYTES = 2 * MEBIBYTE
/**
 * The same of all holders together, where some are fast enough for more. Bounds what lies in memory because
 * it comes faster than the disk takes it, and what a broken holder holds up.
 */
export const MAX_WINDOW_BYTES = 16 * MEBIBYTE
/** What a holder is asked for ahead: as much as it gives in this time. */
export const PEER_WINDOW_MS = SECOND_MS
/** Holders of one content that are asked at the same time. */
export const MAX_CONTENT_HOLDERS = 24
/**
 * How long a holder may give less than {@link MIN_RATE_BYTES} of a content before another may have its place.
 * Stops a crowd that says to have everything and gives nothing from keeping out whoever does.
 */
export const HOLDER_TRIAL_MS = 10 * SECOND_MS
/**
 * How often a holder may say again that it has blocks which it had not when it was asked. Stops one that
 * says so for ever; a disk may be mended meanwhile.
 */
export const MAX_RETRACTIONS = 8
/** Holders that are asked at the same time, for all contents; a block of each may be in memory. */
export const MAX_ASKED_HOLDERS = 32
/**
 * Blocks that are being checked and written, from all holders together; of each, one more may wait. With
 * few, what comes meanwhile piles up in small pieces, which cost the garbage collector much.
 */
export const MAX_WRITING_BLOCKS = 8
/** Blocks of one stream that are not wanted any more and may still come; older ones are forgotten. */
export const MAX_DROPPED_BLOCKS = 4_096
/** How long a content that nobody says to have any of is waited for. */
export const NOBODY_WAIT_MS = 3 * SECOND_MS
/** Between two looks at which holders stall. */
export const TRANSFER_TICK_MS = SECOND_MS
/** A block that is waited for so long may be asked of another holder as well, when nothing else is left. */
export const OVERTAKE_AFTER_MS = 2 * SECOND_MS
/** How long a stream of blocks without any content is kept. */
export const IDLE_BLOCK_STREAM_MS = MINUTE_MS
/** Between two looks at whether every content that is here serves its blocks. */
export const SHELF_INTERVAL_MS = 60 * MINUTE_MS
/** Wait for whoever is still putting together what is not wanted any more. */
export const SHELF_RETRY_MS = SECOND_MS

// Reading through.

/** Contents that are read and not kept at the same time. Stops readers from using up memory. */
export const MAX_READ_THROUGHS = 4
/** Bytes of one such content that are asked for ahead of its reader; at least one block is. */
export const READ_THROUGH_BYTES = 8 * MEBIBYTE
/** Contents that were read and of which something may be in the cache, for others. */
export const MAX_PASSED_CONTENTS = 256
/** Hashes that a range costs if it is divided; what costs more is counted as so many ranges. */
export const HASHES_A_RANGE = 16
/** What a round may come to in our answers: frames beyond the beginner's own limit are under way at its end. */
export const MAX_ANSWERED_ROUND_BYTES = 2 * MAX_ROUND_BYTES
/** Records may be asked for, asked for again, and put. */
export const MAX_ANSWERED_ROUND_RECORDS = 3 * MAX_ROUND_RECORDS
/** Times that names may be told in one round before ranges are compared. */
export const MAX_NAMES_TOLD = 2
/** Pairs of lists of names of which it is remembered whether they have one in common. */
export const MAX_COMPARED_LISTS = 256
