import { hash } from 'node:crypto'
import { MeshError } from '../errors/index.ts'
import { concatBytes, equalBytes, utf8 } from '../util/index.ts'
import { armor, dearmor } from './armor.ts'
import { SIGNATURE_BYTES, verifySignature } from './public-key.ts'
import { publicKeyFromSshBlob, publicKeyToSshBlob, SSH_KEY_TYPE } from './public-key-text.ts'
import { SshReader, sshString, sshUint32 } from './ssh-wire.ts'
import type { PublicKey, SigningKey } from './types.ts'

/** One SSH signature of a message: who, for what purpose, and the raw 64-byte ed25519 signature. */
export interface SshSignature {
  readonly key: PublicKey
  /** Purpose; a signature for one namespace never holds for another. */
  readonly namespace: string
  readonly signature: Uint8Array
}

/** Longest namespace. */
export const MAX_SSHSIG_NAMESPACE_BYTES = 128
/** Largest binary signature: its fixed parts have 177 bytes. Stops a huge field from being read. */
export const MAX_SSHSIG_BYTES = 512
/** Longest armored signature. */
export const MAX_SSHSIG_TEXT_BYTES = 2 * 2 ** 10

const LABEL = 'SSH SIGNATURE'
/** Width of the lines that `ssh-keygen` writes. */
const ARMOR_WIDTH = 70
const MAGIC = utf8('SSHSIG')
const FORMAT_VERSION = 1
const HASH = 'sha512'

const malformed = (why: string): MeshError =>
  new MeshError('ERR_SSHSIG_MALFORMED', `malformed SSH signature: ${why}`)

/** What the key really signs: PROTOCOL.sshsig of OpenSSH, section 3. */
const signedData = (namespace: string, message: Uint8Array): Uint8Array =>
  concatBytes(
    MAGIC,
    sshString(namespace),
    sshString(''),
    sshString(HASH),
    sshString(hash(HASH, message, 'buffer')),
  )

const checkNamespace = (namespace: string): string => {
  if (!/^[\x21-\x7e]+$/.test(namespace)) throw malformed('its namespace is not a printable word')
  if (namespace.length > MAX_SSHSIG_NAMESPACE_BYTES) throw malformed('its namespace is too long')
  return namespace
}

/** Signs `message` as `ssh-keygen -Y sign -n namespace` does. */
export const signSsh = async (
  key: SigningKey,
  namespace: string,
  message: Uint8Array,
): Promise<SshSignature> => ({
  key: key.publicKey,
  namespace: checkNamespace(namespace),
  signature: await key.sign(signedData(namespace, message)),
})

/** Whether the signature holds for exactly `message`. Callers compare the namespace themselves. */
export const verifySsh = (
  { key, namespace, signature }: SshSignature,
  message: Uint8Array,
): boolean => verifySignature(key, signedData(namespace, message), signature)

/** The binary form (PROTOCOL.sshsig, section 2). */
export const encodeSshsig = ({ key, namespace, signature }: SshSignature): Uint8Array =>
  concatBytes(
    MAGIC,
    sshUint32(FORMAT_VERSION),
    sshString(publicKeyToSshBlob(key)),
    sshString(namespace),
    sshString(''),
    sshString(HASH),
    sshString(concatBytes(sshString(SSH_KEY_TYPE), sshString(signature))),
  )

const readSignature = (blob: Uint8Array): Uint8Array => {
  const reader = new SshReader(blob, malformed)
  const type = reader.word('the signature type')
  if (type !== SSH_KEY_TYPE) throw malformed('its signature is not of the type of its key')
  const signature = reader.string('the signature')
  reader.end()
  if (signature.length !== SIGNATURE_BYTES) {
    throw malformed(`its signature has ${signature.length} bytes, not ${SIGNATURE_BYTES}`)
  }
  return Uint8Array.from(signature)
}

/**
 * Reads the binary form. Only one spelling is taken: version 1, ssh-ed25519, sha512, nothing
 * reserved, nothing left over.
 *
 * @throws MeshError `ERR_SSHSIG_MALFORMED`, `ERR_KEY_MALFORMED`, `ERR_KEY_WEAK`
 */
export const decodeSshsig = (blob: Uint8Array): SshSignature => {
  if (blob.length > MAX_SSHSIG_BYTES) throw malformed(`it is longer than ${MAX_SSHSIG_BYTES} bytes`)
  const reader = new SshReader(blob, malformed)
  if (!equalBytes(reader.fixed(MAGIC.length, 'its first word'), MAGIC)) {
    throw malformed('it does not begin with "SSHSIG"')
  }
  const version = reader.uint32('the version')
  if (version !== FORMAT_VERSION) throw malformed(`its version is ${version}, not 1`)
  const key = publicKeyFromSshBlob(reader.string('the public key'), malformed)
  const namespace = checkNamespace(reader.word('the namespace'))
  if (reader.string('the reserved field').length > 0) throw malformed('its reserved field is used')
  const algorithm = reader.word('the hash algorithm')
  if (algorithm !== HASH) {
    const shown = /^[a-z0-9-]{1,32}$/.test(algorithm) ? algorithm : 'unknown'
    throw malformed(`its hash is ${shown}; sign with ${HASH}, the default of ssh-keygen`)
  }
  const signature = readSignature(reader.string('the signature'))
  reader.end()
  return { key, namespace, signature }
}

/** The binary form as the text that `ssh-keygen -Y sign` writes. */
export const armorSshsig = (blob: Uint8Array): string => armor(blob, LABEL, ARMOR_WIDTH)

/**
 * The binary form in a text that consists of one armored signature.
 *
 * @throws MeshError `ERR_SSHSIG_MALFORMED`
 */
export const dearmorSshsig = (text: string): Uint8Array => {
  if (text.length > MAX_SSHSIG_TEXT_BYTES) {
    throw malformed(`more than ${MAX_SSHSIG_TEXT_BYTES} bytes of text`)
  }
  return dearmor(text, LABEL, malformed)
}
