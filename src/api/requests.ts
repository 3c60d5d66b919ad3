/** Base64 of the exact statement text. */
export const STATEMENT_HEADER = 'Mesh-Statement'
/** Base64 of the certificate that a statement of a namespace is signed under. */
export const CERTIFICATE_HEADER = 'Mesh-Certificate'
/** Query parameter of GET /files/{name}: the id of a remembered statement, whose content it is. */
export const STATEMENT_PARAMETER = 'statement'
/** Base64 of one binary SSHSIG; repeated, or joined by commas, for several. */
export const SIGNATURE_HEADER = 'Mesh-Signature'
/** Both headers together. */
export const MAX_STATEMENT_HEADERS_BYTES = 12 * 2 ** 10
/**
 * Query parameter of PUT and DELETE /files/{name}: `?force=true` allows a jump of versions.
 */
export const FORCE_PARAMETER = 'force'
/** Has garbage collection remove blocks whatever their age: `?now=true`. */
export const NOW_PARAMETER = 'now'
/** Of POST /blocks/verify: one JSON object a line. */
export const VERIFY_MEDIA_TYPE = 'application/x-ndjson'
/**
 * Query parameter of GET /files: `?name=` asks for one name only, 404 if it is not configured, or for
 * those that match a pattern.
 */
export const NAME_PARAMETER = 'name'
/** Query parameter of GET /spread: `?after=` a name goes on behind it. */
export const AFTER_PARAMETER = 'after'
/** Media type of GET /statements/{name}: the `.stmt` file that `parseStatementFile` reads. */
export const STATEMENT_MEDIA_TYPE = 'text/plain; charset=utf-8'
/**
 * Bodies of at least this size are sent by our client with `Expect: 100-continue`: the server checks
 * statement and policy before it asks for the body, and a refusal costs no transfer.
 */
export const EXPECT_CONTINUE_BYTES = 64 * 2 ** 10
