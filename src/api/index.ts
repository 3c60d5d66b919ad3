/**
 * Api: the shapes of the HTTP API: headers, paths and JSON bodies, declared once for server and client.
 *
 * Promises: types and pure conversions, no I/O. Times are `YYYY-MM-DDTHH:MM:SS.mmmZ`, sizes bytes,
 * durations milliseconds, keys as `ssh-ed25519 AAAA…`, digests lower-case hex.
 *
 * @packageDocumentation
 */
export * from './addresses.ts'
export * from './blocks.ts'
export * from './certificates.ts'
export * from './event-requests.ts'
export * from './events.ts'
export * from './explain.ts'
export * from './files.ts'
export * from './health.ts'
export * from './peers.ts'
export * from './preview.ts'
export * from './problem.ts'
export * from './requests.ts'
export * from './routes.ts'
export * from './spread.ts'
export * from './status.ts'
export * from './transfers.ts'
