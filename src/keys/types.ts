/**
 * An ed25519 public key: 32 bytes as 64 lower-case hex digits, canonical (RFC 8032) and not of
 * small order. Sorts like its bytes.
 */
export type PublicKey = string & { readonly publicKey: unique symbol }

/** A libp2p peer id of an ed25519 key in base58btc, as `12D3KooW…`. */
export type PeerId = string & { readonly peerId: unique symbol }

/** A private key, wherever it lives (memory, or ssh-agent). */
export interface SigningKey {
  readonly publicKey: PublicKey
  /** The 64-byte ed25519 signature (RFC 8032) of `message`. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** A private key in memory. The seed never shows in JSON, inspection or a clone of the object. */
export interface PrivateKey extends SigningKey {
  /** The 32 secret bytes that the key is made of; a copy. */
  readonly seed: Uint8Array
}
