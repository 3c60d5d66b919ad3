/**
 * Keys: ed25519 keys in every format, SSH signatures, peer ids, node certificates, pre-shared keys.
 *
 * Promises: a {@link PublicKey} is canonical and not of small order, whatever it was read from; a
 * signature is checked by node:crypto over exactly the bytes given; no private key is ever logged
 * or put into an error.
 *
 * @packageDocumentation
 */
export { parsePeerId, peerIdFromPublicKey, publicKeyFromPeerId } from './peer-id.ts'
export { generatePrivateKey, privateKeyFromSeed } from './private-key.ts'
export { publicKeyFromBytes, publicKeyToBytes, verifySignature } from './public-key.ts'
export { formatPublicKey, parsePublicKey } from './public-key-text.ts'
export { signSsh, verifySsh } from './sshsig.ts'
export type { SshSignature } from './sshsig.ts'
export type { PeerId, PrivateKey, PublicKey, SigningKey } from './types.ts'
