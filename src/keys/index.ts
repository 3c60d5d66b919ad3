/**
 * Keys: ed25519 keys in every format, SSH signatures, peer ids, node certificates, pre-shared keys.
 *
 * Promises: a {@link PublicKey} is canonical and not of small order, whatever it was read from; a
 * signature is checked by node:crypto over exactly the bytes given; no private key is ever logged
 * or put into an error.
 *
 * @packageDocumentation
 */
export type { PeerId, PublicKey, SigningKey } from './types.ts'
