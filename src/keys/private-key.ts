import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { inspect } from 'node:util'
import { MeshError } from '../errors/index.ts'
import { concatBytes } from '../util/index.ts'
import { publicKeyFromBytes, SPKI_PREFIX } from './public-key.ts'
import type { KeyObject } from 'node:crypto'
import type { Random } from '../util/index.ts'
import type { PrivateKey, PublicKey } from './types.ts'

export const SEED_BYTES = 32

/** DER of an ed25519 private key in PKCS#8 (RFC 8410) up to the seed's 32 bytes. */
export const PKCS8_PREFIX: Uint8Array = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Private fields keep the secret out of JSON, inspection, structured clones and spreads. */
class MemoryKey implements PrivateKey {
  readonly publicKey: PublicKey
  readonly #seed: Uint8Array
  readonly #key: KeyObject

  constructor(seed: Uint8Array) {
    this.#seed = Uint8Array.from(seed)
    const der = Buffer.from(concatBytes(PKCS8_PREFIX, seed))
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' })
    this.publicKey = publicKeyFromBytes(spki.subarray(SPKI_PREFIX.length))
  }

  /** A copy: nobody can change the key from outside. */
  get seed(): Uint8Array {
    return Uint8Array.from(this.#seed)
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(sign(null, message, this.#key))
  }

  toJSON(): { publicKey: PublicKey } {
    return { publicKey: this.publicKey }
  }

  [inspect.custom](): string {
    return `PrivateKey(${this.publicKey})`
  }
}

/**
 * The key of a 32-byte seed (RFC 8032 calls it the private key).
 *
 * @throws MeshError `ERR_KEY_MALFORMED`
 */
export const privateKeyFromSeed = (seed: Uint8Array): PrivateKey => {
  if (seed.length !== SEED_BYTES) {
    throw new MeshError(
      'ERR_KEY_MALFORMED',
      `the seed of an ed25519 key has ${SEED_BYTES} bytes, not ${seed.length}`,
    )
  }
  return new MemoryKey(seed)
}

/** A new key. */
export const generatePrivateKey = (random: Random): PrivateKey =>
  privateKeyFromSeed(random.bytes(SEED_BYTES))
