/**
 * Api: the shapes of the HTTP API: headers, paths and JSON bodies, declared once for server and client.
 *
 * Promises: types and pure conversions, no I/O. Times are `YYYY-MM-DDTHH:MM:SS.mmmZ`, sizes bytes,
 * durations milliseconds, keys as `ssh-ed25519 AAAA…`, digests lower-case hex.
 *
 * @packageDocumentation
 */
export * from './types.ts'
