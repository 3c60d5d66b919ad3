import { createPublicKey, verify } from 'node:crypto'
import { MeshError } from '../errors/index.ts'
import { concatBytes, fromHex, toHex } from '../util/index.ts'
import { checkPoint } from './point.ts'
import type { KeyObject } from 'node:crypto'
import type { PublicKey } from './types.ts'

export const PUBLIC_KEY_BYTES = 32
export const SIGNATURE_BYTES = 64

/** DER of an ed25519 SubjectPublicKeyInfo (RFC 8410) up to the key's 32 bytes. */
export const SPKI_PREFIX: Uint8Array = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * How many keys are remembered as checked and imported. Bounds what peers with ever new keys can
 * make us hold; beyond it a key costs 0.2 ms again.
 */
export const MAX_CACHED_KEYS = 1024

/** Least recently used first. */
const known = new Map<PublicKey, KeyObject>()

const importKey = (key: PublicKey): KeyObject => {
  const found = known.get(key)
  if (found !== undefined) {
    known.delete(key)
    known.set(key, found)
    return found
  }
  const der = Buffer.concat([SPKI_PREFIX, Buffer.from(key, 'hex')])
  const imported = createPublicKey({ key: der, format: 'der', type: 'spki' })
  known.set(key, imported)
  if (known.size > MAX_CACHED_KEYS) {
    for (const oldest of known.keys()) {
      known.delete(oldest)
      break
    }
  }
  return imported
}

/**
 * The key that 32 bytes encode.
 *
 * @throws MeshError `ERR_KEY_MALFORMED`, `ERR_KEY_WEAK`
 */
export const publicKeyFromBytes = (bytes: Uint8Array): PublicKey => {
  if (bytes.length !== PUBLIC_KEY_BYTES) {
    throw new MeshError(
      'ERR_KEY_MALFORMED',
      `an ed25519 public key has ${PUBLIC_KEY_BYTES} bytes, not ${bytes.length}`,
    )
  }
  const key = toHex(bytes) as PublicKey
  if (known.has(key)) return key
  const fault = checkPoint(bytes)
  if (fault === 'off-curve') {
    throw new MeshError('ERR_KEY_MALFORMED', `${key} is not an ed25519 public key: no such point`)
  }
  if (fault !== undefined) {
    throw new MeshError(
      'ERR_KEY_WEAK',
      `the public key ${key} is ${fault === 'small-order' ? 'of small order' : 'not canonical'}: signatures under it could be forged; make a new one with "mesh generate signing-key"`,
      { data: { fault } },
    )
  }
  importKey(key)
  return key
}

/** The key's 32 bytes. */
export const publicKeyToBytes = (key: PublicKey): Uint8Array => Buffer.from(key, 'hex')

/** The key of 64 lower-case hex digits, or `undefined` if `text` is not that. */
export const publicKeyFromHex = (text: string): PublicKey | undefined => {
  const bytes = text.length === 2 * PUBLIC_KEY_BYTES ? fromHex(text) : undefined
  return bytes === undefined ? undefined : publicKeyFromBytes(bytes)
}

/** Whether `signature` is `key`'s ed25519 signature (RFC 8032) of exactly `message`. */
export const verifySignature = (
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean =>
  signature.length === SIGNATURE_BYTES && verify(null, message, importKey(key), signature)

/** SubjectPublicKeyInfo of the key in DER. */
export const publicKeyToSpki = (key: PublicKey): Uint8Array =>
  concatBytes(SPKI_PREFIX, publicKeyToBytes(key))
