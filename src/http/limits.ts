/** Longest request target. Stops memory and log lines from being filled by an address. */
export const MAX_URL_BYTES = 2 * 2 ** 10
/**
 * All header fields of a request: statement and signatures (12 KiB), the address and what clients
 * add. Stops a client from filling memory before it is known who it is.
 */
export const MAX_HEADER_BYTES = 20 * 2 ** 10
/** Time for all header fields to arrive. Stops connections that are held open by a byte at a time. */
export const HEADERS_TIMEOUT_MS = 10_000
/** Wait for the next request on a connection. Stops idle connections from using up the places. */
export const KEEP_ALIVE_TIMEOUT_MS = 5_000
/** Requests on one connection. Gives others a turn when connections are scarce. */
export const MAX_REQUESTS_PER_CONNECTION = 1_000
/**
 * Requests of one connection before the first of them is answered. Stops everybody else from waiting
 * while hundreds of requests that arrive at once are worked on in one go.
 */
export const MAX_PIPELINED_REQUESTS = 8
/**
 * Longest configuration that is judged without being applied, one at a time. Stops everybody else from
 * waiting: reading the worst of 16 MiB took up to 8 s, this takes about one.
 */
export const MAX_PREVIEW_BYTES = 2 * 2 ** 20
/** Silence in both directions. Stops a reader who asks for a large file and then takes nothing. */
export const IDLE_TIMEOUT_MS = 120_000
/**
 * Connections of one listener; one more takes the place of whoever has waited longest without a whole
 * request. Bounds memory and descriptors.
 */
export const MAX_CONNECTIONS = 256
/**
 * How long an answer may lie there without any of it being taken, when a newcomer finds no place. Stops
 * readers who ask for large files and take nothing from keeping everybody else out.
 */
export const READER_STALL_MS = 2_000
/** Least speed of a reader that keeps its place then, over {@link READER_WINDOW_MS}. Stops the same, drop by drop. */
export const MIN_READER_BYTES_PER_SECOND = 16 * 2 ** 10
/** Time over which a reader's speed is measured. */
export const READER_WINDOW_MS = 5_000
/** How often readers are looked at while half of the places are taken. */
export const PLACES_LOOK_INTERVAL_MS = 500
/** Bodies that stream in at the same time. Bounds staged files and the load on the disk. */
export const MAX_CONCURRENT_UPLOADS = 16
/**
 * Clients without a place that are told so at the same time; one more ends the oldest. Stops a flood of
 * connections from filling memory by being refused.
 */
export const MAX_TURNED_AWAY = 32
/** How long one of them may take to ask and to read that. Stops the same, byte by byte. */
export const TURN_AWAY_MS = 3_000
/** What is read and thrown away of its body, so that it looks up. Stops many of them from sending a lot. */
export const MAX_TURNED_AWAY_BODY_BYTES = 256 * 2 ** 10
/** Least speed of a body, measured over {@link BODY_RATE_WINDOW_MS}. Stops a body that never ends. */
export const MIN_BODY_BYTES_PER_SECOND = 1 * 2 ** 10
/** Waiting for a client that is added up before its speed is judged. */
export const BODY_RATE_WINDOW_MS = 20_000
/**
 * How long a refused body is still read and thrown away, so that the client sees the answer instead
 * of a reset connection.
 */
export const LINGER_MS = 2_000
/**
 * What is read and thrown away of a refused body; then the client has to wait for the end of the answer.
 * Stops bodies without end from having us read as fast as we can.
 */
export const MAX_LINGER_BYTES = 16 * 2 ** 20
/** How long requests under way may take to end when the listeners stop. */
export const STOP_GRACE_MS = 3_000
/** Events of one answer or one piece of a stream. Bounds what a slow reader has us hold for it. */
export const MAX_EVENT_BATCH_COUNT = 500
/** The same in bytes, but for the last event. */
export const MAX_EVENT_BATCH_BYTES = 64 * 2 ** 10
/** Readers of events over TCP from one address. Stops one client from taking the places of all others. */
export const MAX_EVENT_READERS_PER_CLIENT = 16
/** After this, a browser whose event stream broke off connects again. */
export const EVENT_RETRY_MS = 2_000
/** Clients, by address, whose requests are counted. Bounds memory; the one longest silent is forgotten. */
export const MAX_RATED_CLIENTS = 4_096
/** A burst may have as many requests as this many seconds. Lets scripts be scripts. */
export const RATE_BURST_SECONDS = 5
/**
 * Names of a list that cost as much as one request, as far as the rate of a client goes. Stops lists of a
 * million names from being asked for as often as anything else.
 */
export const NAMES_PER_REQUEST = 50
/** Shortest bearer token. Stops those that can be guessed. */
export const MIN_TOKEN_CHARACTERS = 32
/** Longest bearer token. Bounds what is hashed for each request. */
export const MAX_TOKEN_CHARACTERS = 256
/** Bearer tokens at the same time: the old ones, the new ones, and some for separate users. */
export const MAX_TOKENS = 16
/** Between two looks at which addresses the interfaces of `http.listen` have. */
export const INTERFACE_CHECK_INTERVAL_MS = 10_000
/** For `ip`, which is asked for alternative names of interfaces. Stops it from hanging. */
export const ALTNAME_TIMEOUT_MS = 5_000
/** Most that is read of its answer. Stops another program of that name from filling memory. */
export const MAX_ALTNAME_CHARACTERS = 64 * 2 ** 10
/** Names of a list that are written in one turn. Lets others have theirs, and bounds what is held. */
export const NAMES_PER_PIECE = 500
/** After this, who was refused for want of a place may try again. */
export const RETRY_AFTER_SECONDS = 5
/** Between two lines of how far a check of all blocks is. Stops it from telling each block. */
export const VERIFY_PROGRESS_INTERVAL_MS = 500
/** Peers out of reach that one explanation names; the others are counted. Bounds an answer. */
export const MAX_UNREACHABLE_SHOWN = 5
/** Times that a file is opened anew because another one took its place before it could be read. */
export const MAX_OPENINGS = 16
