/**
 * Client: the HTTP API of a daemon as typed methods, over TCP or a unix socket.
 *
 * Promises: whatever fails is a MeshError, with the daemon's own code where it gave one; an answer is
 * checked against the API's shapes before anybody sees it, and bounded in size; content streams both
 * ways with back-pressure, and a refusal that comes early stops the upload. Loads nothing but
 * node:http, so that a command is quick to start. Signs and verifies nothing.
 *
 * @packageDocumentation
 */
export { createClient } from './client.ts'
export type {
  Client,
  ClientEvent,
  ClientInit,
  DaemonAddress,
  Download,
  EventsInit,
} from './types.ts'
export type { Removal, RequestOptions, StatementHeaders, Upload } from './types.ts'
