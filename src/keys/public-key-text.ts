import { MeshError } from '../errors/index.ts'
import { concatBytes, equalBytes, fromBase64, toBase64 } from '../util/index.ts'
import { dearmor } from './armor.ts'
import { PUBLIC_KEY_BYTES, publicKeyFromBytes, publicKeyToBytes } from './public-key.ts'
import { publicKeyToSpki, SPKI_PREFIX } from './public-key.ts'
import { SshReader, sshString } from './ssh-wire.ts'
import type { PublicKey } from './types.ts'

/** Longest text that is looked at for a key. Stops a huge file from being read as one. */
export const MAX_KEY_TEXT_BYTES = 16 * 2 ** 10
export const SSH_KEY_TYPE = 'ssh-ed25519'

const malformed = (why: string): MeshError =>
  new MeshError('ERR_KEY_MALFORMED', `not a public key: ${why}`)

/** SSH's binary form of the key (RFC 8709). */
export const publicKeyToSshBlob = (key: PublicKey): Uint8Array =>
  concatBytes(sshString(SSH_KEY_TYPE), sshString(publicKeyToBytes(key)))

/** Reads SSH's binary form; other key types are refused by name. */
export const publicKeyFromSshBlob = (blob: Uint8Array, fail: (why: string) => Error): PublicKey => {
  const reader = new SshReader(blob, fail)
  const type = reader.word('the key type')
  if (type !== SSH_KEY_TYPE) throw fail(otherType(type))
  const bytes = reader.string('the key')
  reader.end()
  if (bytes.length !== PUBLIC_KEY_BYTES) throw fail(`its key has ${bytes.length} bytes`)
  return publicKeyFromBytes(bytes)
}

/** A comment that cannot start another line, and with it another key, in an allowed_signers file. */
export const singleLine = (comment: string): string =>
  comment.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()

/** Says which kind of key this is, and which one is wanted. */
export const otherType = (type: string): string => {
  const shown = /^[\x21-\x7e]{1,64}$/.test(type) ? type : 'unknown'
  return type.startsWith('sk-ssh-ed25519')
    ? `keys on security tokens (${shown}) are not supported yet; use a plain ${SSH_KEY_TYPE} key`
    : `its type is ${shown}, and mesh uses ${SSH_KEY_TYPE} only (ssh-keygen -t ed25519)`
}

const parseSpki = (text: string): PublicKey => {
  const der = dearmor(text, 'PUBLIC KEY', (why) => malformed(why))
  const prefix = der.subarray(0, SPKI_PREFIX.length)
  if (!equalBytes(prefix, SPKI_PREFIX) || der.length !== SPKI_PREFIX.length + PUBLIC_KEY_BYTES) {
    throw malformed('the PEM block holds no ed25519 key (openssl genpkey -algorithm ed25519)')
  }
  return publicKeyFromBytes(der.subarray(SPKI_PREFIX.length))
}

const parseOpensshLine = (line: string): PublicKey => {
  const [type = '', base64 = ''] = line.split(/[ \t]+/)
  if (type !== SSH_KEY_TYPE) throw malformed(otherType(type))
  const blob = fromBase64(base64)
  if (blob === undefined || blob.length === 0) {
    throw malformed(`what follows ${SSH_KEY_TYPE} is not canonical base64`)
  }
  return publicKeyFromSshBlob(blob, malformed)
}

/**
 * Reads a public key in any of its forms: base64 of the 32 bytes, `ssh-ed25519 AAAA… [comment]`,
 * or a PEM block `PUBLIC KEY` (SPKI). White space around it is ignored.
 *
 * @throws MeshError `ERR_KEY_MALFORMED`, `ERR_KEY_WEAK`
 */
export const parsePublicKey = (text: string): PublicKey => {
  if (text.length > MAX_KEY_TEXT_BYTES) {
    throw malformed(`more than ${MAX_KEY_TEXT_BYTES} bytes of text`)
  }
  const trimmed = text.trim()
  if (trimmed === '') throw malformed('the text is empty')
  if (/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(trimmed)) {
    throw malformed('this is a private key; give the public one, as from "ssh-keygen -y -f FILE"')
  }
  if (trimmed.startsWith('-----BEGIN ')) return parseSpki(trimmed)
  if (/[\r\n]/.test(trimmed)) throw malformed('more than one line; give one key')
  if (/^(ssh-|ecdsa-|sk-)/.test(trimmed)) return parseOpensshLine(trimmed)
  const bytes = fromBase64(trimmed)
  if (bytes?.length !== PUBLIC_KEY_BYTES) {
    throw malformed(
      'expected base64 of 32 bytes (44 characters), a line "ssh-ed25519 AAAA…", or a PEM block PUBLIC KEY',
    )
  }
  return publicKeyFromBytes(bytes)
}

/** Text that {@link parsePublicKey} reads; PEM ends with a line feed, the others do not. */
export const formatPublicKey = (
  key: PublicKey,
  format: 'openssh' | 'base64' | 'pem',
  comment = '',
): string => {
  if (format === 'base64') return toBase64(publicKeyToBytes(key))
  if (format === 'pem') {
    return `-----BEGIN PUBLIC KEY-----\n${toBase64(publicKeyToSpki(key))}\n-----END PUBLIC KEY-----\n`
  }
  const line = `${SSH_KEY_TYPE} ${toBase64(publicKeyToSshBlob(key))}`
  const oneLine = singleLine(comment)
  return oneLine === '' ? line : `${line} ${oneLine}`
}
