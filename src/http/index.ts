/**
 * Http: the API over TCP and over a unix socket; see `docs/http-api.md`.
 *
 * Promises: nothing of a body is read before its statement, its signatures and the policy have been
 * judged, and a body then passes in constant memory; a client is refused in problem+json with a
 * stable code, and sees the answer even while it is still sending; what TCP gives away is what
 * anybody on this machine could read; every size, rate and count that a client controls is bounded.
 *
 * @packageDocumentation
 */
export { fileBody } from './bodies.ts'
export { createHttp } from './http.ts'
export { createFindAddresses } from './interfaces.ts'
export { parseTokens } from './tokens.ts'
export { problemStatus } from './problem.ts'
export type { FindAddresses, FindAddressesComponents } from './interfaces.ts'
export type { TokenDigest } from './tokens.ts'
export type { BlockServices, Http, HttpInit, HttpServices, Reach } from './services.ts'
