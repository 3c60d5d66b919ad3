/**
 * Keys: ed25519 keys in every format, SSH signatures, peer ids, node certificates, pre-shared keys.
 *
 * Promises: a {@link PublicKey} is canonical and not of small order, whatever it was read from; a
 * signature is checked by node:crypto over exactly the bytes given; no private key is ever logged
 * or put into an error.
 *
 * @packageDocumentation
 */
export { AGENT_LIST_TIMEOUT_MS, AGENT_SIGN_TIMEOUT_MS, createAgent } from './agent.ts'
export { MAX_AGENT_ANSWER_BYTES } from './agent-messages.ts'
export { CERTIFICATE_NAMESPACE, MAX_CERTIFICATE_BYTES } from './certificate.ts'
export { parseCertificate, signCertificate, verifyCertificate } from './certificate.ts'
export { MAX_CERTIFICATE_NAMESPACE_BYTES, MAX_CERTIFICATE_NAMESPACES } from './certificate-text.ts'
export { MAX_NODE_NAME_BYTES } from './certificate-text.ts'
export { MAX_KDF_ROUNDS, MAX_KDF_SALT_BYTES } from './openssh-private.ts'
export { parsePeerId, peerIdFromPublicKey, publicKeyFromPeerId } from './peer-id.ts'
export { generatePrivateKey, privateKeyFromSeed } from './private-key.ts'
export { readPrivateKey, writePrivateKey } from './private-key-text.ts'
export { generatePsk, MAX_PSKS, parsePsk, PSK_BYTES } from './psk.ts'
export { MAX_CACHED_KEYS, PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from './public-key.ts'
export { publicKeyFromBytes, publicKeyToBytes, verifySignature } from './public-key.ts'
export { formatPublicKey, MAX_KEY_TEXT_BYTES, parsePublicKey } from './public-key-text.ts'
export { armorSshsig, dearmorSshsig, decodeSshsig, encodeSshsig } from './sshsig.ts'
export { MAX_SSHSIG_BYTES, MAX_SSHSIG_NAMESPACE_BYTES, MAX_SSHSIG_TEXT_BYTES } from './sshsig.ts'
export { signSsh, verifySsh } from './sshsig.ts'
export type { Agent } from './agent.ts'
export type { AgentIdentity } from './agent-messages.ts'
export type { CertificateCheck, ParsedCertificate } from './certificate.ts'
export type { NodeCertificate } from './certificate-text.ts'
export type { SshSignature } from './sshsig.ts'
export type { PeerId, PrivateKey, PublicKey, SigningKey } from './types.ts'
