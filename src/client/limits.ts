/** Longest JSON answer that is read. A catalogue of 100,000 names is about 70 MiB. */
export const MAX_JSON_BYTES = 128 * 2 ** 20
/** Longest problem body. Stops whatever else answers there from filling memory. */
export const MAX_PROBLEM_BYTES = 64 * 2 ** 10
/** Longest `.stmt` file. */
export const MAX_STATEMENT_ANSWER_BYTES = 64 * 2 ** 10
/** Longest event of a stream. */
export const MAX_EVENT_TEXT_BYTES = 256 * 2 ** 10
/** Silence of an event stream, which gives a sign of life every 15 s, before it counts as dead. */
export const EVENT_SILENCE_MS = 40_000
/** Wait before an event stream that broke off is taken up again; doubled with each attempt. */
export const FIRST_RECONNECT_MS = 250
/** Longest such wait. */
export const LONGEST_RECONNECT_MS = 10_000
/** Wait for a connection. */
export const CONNECT_TIMEOUT_MS = 10_000
/** Silence of a connection. */
export const IDLE_TIMEOUT_MS = 120_000
/** Wait for `100 Continue`, which proxies and other servers may not know, before sending anyway. */
export const CONTINUE_WAIT_MS = 2_000
