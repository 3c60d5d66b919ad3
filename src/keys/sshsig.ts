import { hash } from 'node:crypto'
import { concatBytes, utf8 } from '../util/index.ts'
import { verifySignature } from './public-key.ts'
import { sshString } from './ssh-wire.ts'
import type { PublicKey, SigningKey } from './types.ts'

/** One SSH signature of a message: who, for what purpose, and the raw 64-byte ed25519 signature. */
export interface SshSignature {
  readonly key: PublicKey
  /** Purpose; a signature for one namespace never holds for another. */
  readonly namespace: string
  readonly signature: Uint8Array
}

const MAGIC = utf8('SSHSIG')
const HASH = 'sha512'

/** What the key really signs: PROTOCOL.sshsig, section 3. */
const signedData = (namespace: string, message: Uint8Array): Uint8Array =>
  concatBytes(
    MAGIC,
    sshString(namespace),
    sshString(''),
    sshString(HASH),
    sshString(hash(HASH, message, 'buffer')),
  )

/** Signs `message` as `ssh-keygen -Y sign -n namespace` does. */
export const signSsh = async (
  key: SigningKey,
  namespace: string,
  message: Uint8Array,
): Promise<SshSignature> => ({
  key: key.publicKey,
  namespace,
  signature: await key.sign(signedData(namespace, message)),
})

/** Whether the signature holds for exactly `message`. Callers compare the namespace themselves. */
export const verifySsh = (
  { key, namespace, signature }: SshSignature,
  message: Uint8Array,
): boolean => verifySignature(key, signedData(namespace, message), signature)
