/**
 * Trust: the network's own files, `_mesh/certificates`, `_mesh/revoked` and `_mesh/heartbeat`.
 *
 * Promises: pure functions, no I/O. A text decodes only if it equals its own encoding byte for byte,
 * and whatever else comes is refused with `ERR_TRUST_MALFORMED`. See `docs/protocols/trust.md`.
 *
 * @packageDocumentation
 */
export { decodeCertificates, encodeCertificates } from './certificates.ts'
export { checkTrustFile, isTrustFile } from './check.ts'
export { decodeHeartbeat, encodeHeartbeat } from './heartbeat.ts'
export { MAX_CERTIFICATES_FILE_BYTES, MAX_HEARTBEAT_BYTES } from './limits.ts'
export { MAX_LISTED_CERTIFICATES, MAX_REVOKED_FILE_BYTES, MAX_REVOKED_KEYS } from './limits.ts'
export { wrongNetwork } from './lines.ts'
export { CERTIFICATES_FILE, HEARTBEAT_FILE, REVOKED_FILE, trustFiles } from './names.ts'
export { decodeRevocations, encodeRevocations, isRevokedBy, revokedError } from './revocations.ts'
export type { CertificateList, ListedCertificate } from './certificates.ts'
export type { Heartbeat } from './heartbeat.ts'
export type { Revocation, RevocationList } from './revocations.ts'
