/** Every limit of the transport. docs/limits.md lists them with the attack that each one stops. */

const KIBIBYTE = 2 ** 10
const MEBIBYTE = 2 ** 20
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

// Handshakes: what a stranger can make us do before it has proved to be a member.

/** Connections under negotiation at once. Stops a flood of half-open connections. */
export const MAX_PENDING_HANDSHAKES = 128
/** The same, of one remote host, so that one host cannot use up the rest. */
export const MAX_PENDING_HANDSHAKES_PER_HOST = 64
/** Connections that one remote host may open in a second. Stops connection floods. */
export const MAX_CONNECTIONS_PER_HOST_PER_SECOND = 64
/** From the first byte to an admitted member. Stops silent and slow strangers holding a place. */
export const HANDSHAKE_TIMEOUT_MS = 10 * SECOND_MS
/** Of that, the exchange of nonces and the first bytes under the pre-shared key. */
export const PRIVATE_NETWORK_TIMEOUT_MS = 5 * SECOND_MS
/** Of that, the exchange of certificates and verdicts. */
export const MEMBERSHIP_TIMEOUT_MS = 5 * SECOND_MS
/** Bytes that one connection may send before its other side is a member. Stops endless data from strangers. */
export const MAX_HANDSHAKE_BYTES = 8 * KIBIBYTE
/** How long the refusing side waits for the other side to read why. */
export const REFUSAL_LINGER_MS = 500
/** Longest message of the membership exchange: a certificate of 1 KiB and its tag. */
export const MAX_MEMBERSHIP_MESSAGE_BYTES = KIBIBYTE + 1

// Connections and streams of members.

/** Connections in all. Stops a crowd (or one peer under many keys) using up sockets and memory. */
export const DEFAULT_MAX_CONNECTIONS = 128
/**
 * Connections of one peer; one more takes the place of its oldest. Stops one member from using up the
 * places of all others. Two are common: peers that dial each other at once.
 */
export const MAX_CONNECTIONS_PER_PEER = 4
/** Time for one attempt to connect, TCP and handshake together. */
export const DIAL_TIMEOUT_MS = 10 * SECOND_MS
/** Outcomes of attempts to connect that are kept for whoever made them. */
export const MAX_DIAL_OUTCOMES = 256
/** Attempts to connect at once. */
export const MAX_PARALLEL_DIALS = 8
/** Time to open a stream and agree on its protocol. Stops streams that never say what they are. */
export const STREAM_OPEN_TIMEOUT_MS = 5 * SECOND_MS
/** Streams that one connection may have open towards us, of all protocols. */
export const MAX_STREAMS_PER_CONNECTION = 256
/** Streams that one connection may open in a second, after a burst of four times as many. */
export const MAX_NEW_STREAMS_PER_SECOND = 100
/** Pings and other control frames of the multiplexer that we would have to answer, a second. */
export const MAX_CONTROL_FRAMES_PER_SECOND = 20
/**
 * Frames of a member that say how much room it has; a burst may have ten times as many. An honest one
 * sends one for 128 KiB at least. Stops floods of what is short, costs work and carries nothing.
 */
export const MAX_WINDOW_UPDATES_PER_SECOND = 10_000
/** Data frames of the multiplexer below {@link SMALL_FRAME_BYTES}, a second, after ten times as many. */
export const MAX_SMALL_FRAMES_PER_SECOND = 2_000
/** A buffered frame costs about 150 bytes whatever its size: many tiny ones are an amplification. */
export const SMALL_FRAME_BYTES = 64
/** Bytes in flight on one stream that its reader has not asked for yet. Bounds what a paused stream holds. */
export const MAX_STREAM_WINDOW_BYTES = 2 * MEBIBYTE
/** Longest data frame of the multiplexer: no sender may exceed the window. Stops frames of 4 GiB. */
export const MAX_MULTIPLEXER_FRAME_BYTES = MAX_STREAM_WINDOW_BYTES
/** Unread bytes of one stream above which its sender is stopped. One whole frame always fits. */
export const STREAM_HIGH_WATER_BYTES = 256 * KIBIBYTE
/** Bytes that wait for one stream to take them before the stream is given up. */
export const MAX_STREAM_SEND_BUFFER_BYTES = 32 * MEBIBYTE
/** Bytes waiting to be written to one connection. Stops peers that make us answer and do not read. */
export const MAX_CONNECTION_SEND_BUFFER_BYTES = 64 * MEBIBYTE
/** How long a blocked send waits for the peer to read anything. Stops peers that never read. */
export const SEND_STALL_TIMEOUT_MS = MINUTE_MS
/** Bytes a second that one connection may send us, after a burst of as many; beyond it waits. */
export const DEFAULT_MAX_INBOUND_BYTES_PER_SECOND = 512 * MEBIBYTE
/** How long a handler that has returned lets the peer end its side before the stream is cut. */
export const STREAM_CLOSE_TIMEOUT_MS = 5 * SECOND_MS
/** How long an orderly close of a connection may take before it is cut. */
export const CONNECTION_CLOSE_TIMEOUT_MS = SECOND_MS
/** Two connections opened within this time are a simultaneous dial; later the newer one replaces. */
export const SIMULTANEOUS_DIAL_MS = HANDSHAKE_TIMEOUT_MS

// Liveness.

/** Silence after which a connection is pinged. */
export const PING_INTERVAL_MS = 10 * SECOND_MS
/** Wait for the answer. */
export const PING_TIMEOUT_MS = 5 * SECOND_MS
/** Unanswered pings in a row after which the connection is closed. */
export const MAX_PING_MISSES = 3
export const PING_BYTES = 8
/** The socket's own limit on silence, should liveness itself be broken. */
export const SOCKET_IDLE_TIMEOUT_MS = 2 * MINUTE_MS

// Faults.

/** Faults within {@link FAULT_WINDOW_MS} after which a peer is avoided. */
export const MAX_FAULTS = 3
export const FAULT_WINDOW_MS = 10 * MINUTE_MS
/** How long a peer is avoided: neither dialled nor let in. */
export const AVOID_MS = 10 * MINUTE_MS
/** Strangers whose refusals are remembered, so that each is told once: the oldest are forgotten first. */
export const MAX_REMEMBERED_REFUSALS = 1_024
/** Peers that are gone whose names are remembered, for what they are blamed for afterwards. */
export const MAX_REMEMBERED_NAMES = 1_024
/** Peers whose faults are remembered; the oldest are forgotten first. */
export const MAX_FAULTY_PEERS = 4_096

// Peering and peer exchange.

/** Connections that peering keeps up by dialling random known peers. */
export const DEFAULT_TARGET_CONNECTIONS = 24
/** First wait after a failed attempt; doubles, with full jitter. */
export const MIN_BACKOFF_MS = SECOND_MS / 2
/** Longest wait before a bootstrap peer is tried again. */
export const MAX_BACKOFF_MS = MINUTE_MS
/** Longest wait before a peer that we only heard of (or do not need now) is tried again. */
export const MAX_IDLE_BACKOFF_MS = 10 * MINUTE_MS
/** A connection that lasts this long was a success; a shorter one counts as a failed attempt. */
export const STABLE_CONNECTION_MS = 30 * SECOND_MS
/** Peers in the address book. */
export const MAX_KNOWN_PEERS = 1_024
/** Of those, peers that one peer has told us of and we never reached. Stops one liar filling the book. */
export const MAX_HEARSAY_PER_PEER = 128
/**
 * Addresses a minute that are dialled only because somebody told us of them, after as many at once.
 * Stops a member that has all others dial addresses of its choice, to scan or to flood them.
 */
export const MAX_HEARSAY_DIALS_PER_MINUTE = 60
/** Failed attempts in a row after which a peer that we only heard of is forgotten. */
export const MAX_HEARSAY_FAILURES = 5
export const MAX_ADDRESSES_PER_PEER = 8
export const MAX_ADDRESS_BYTES = 256
/** Peers that were not reached for this long are forgotten. */
export const KNOWN_PEER_TTL_MS = 30 * 24 * HOUR_MS
/** Peers that were not reached for this long are not passed on to others. */
export const PASS_ON_TTL_MS = 24 * HOUR_MS
/** Peers in one message of peer exchange. */
export const MAX_EXCHANGED_PEERS = 32
/** Messages of peer exchange: 33 address lists at their limits, and keys. */
export const MAX_PEER_EXCHANGE_BYTES = 80 * KIBIBYTE
export const PEER_EXCHANGE_INTERVAL_MS = 5 * MINUTE_MS
/** The same while there are fewer connections than wanted and nobody is left to dial. */
export const PEER_EXCHANGE_HUNGRY_INTERVAL_MS = 30 * SECOND_MS
/**
 * Longest wait, with fewer connections than wanted, before peers are asked for what they have told
 * already: some of it may have been tried and forgotten. Doubles from the line above.
 */
export const MAX_TOLD_ANEW_INTERVAL_MS = HOUR_MS
export const PEER_EXCHANGE_TIMEOUT_MS = 10 * SECOND_MS
/** Exchanges that one peer may ask for in a minute, after a burst of as many; beyond it waits. */
export const MAX_PEER_EXCHANGES_PER_MINUTE = 12
/** Peers whose askings are counted after they have gone, so that coming back gains nothing. */
export const MAX_REMEMBERED_BUDGETS = 1_024
/** How long nobody may be connected before health warns. */
export const NO_PEERS_WARNING_MS = 30 * SECOND_MS
/** Streams that we may have open towards one peer; each protocol opens far fewer. */
export const MAX_OUTBOUND_STREAMS = 4 * MAX_STREAMS_PER_CONNECTION
/** Streams of each of the DHT's three protocols that one connection may have open towards us. */
export const MAX_DHT_STREAMS = 8
/** Strangers are named in the log this often; the rest is counted and at level debug. */
export const REFUSALS_LOGGED_PER_MINUTE = 10
/** The same at once, after a pause. */
export const REFUSALS_LOGGED_BURST = 10
/** Reasons for being alone that the health warning tells, the latest. Bounds what failures make us remember. */
export const MAX_LONELY_REASONS = 3
/** Bytes of memory that one byte of a stream, which is not read yet, may hold. Stops pieces that keep what they came with. */
export const MAX_HELD_FOR_A_BYTE = 4
/** Peers that are counted as refusing us for one reason, the latest. Bounds what made-up peers make us remember. */
export const MAX_REFUSING_PEERS = 256
/** Peers that libp2p remembers for the DHT beside those that are connected. Bounds what members make up. */
export const MAX_DHT_PEERS = 1_024
