import { createCipheriv, hkdfSync } from 'node:crypto'
import { utf8 } from '../util/index.ts'
import type { MessageStream } from '@libp2p/interface'

/** Random bytes that each side sends first, in the clear. */
export const NONCE_BYTES = 32
const KEY_BYTES = 32
/** Counter and nonce of ChaCha20 begin at 0: each key is made for one direction of one connection. */
const START = new Uint8Array(16)

export type Side = 'dialler' | 'listener'
type Data = Parameters<MessageStream['send']>[0]

/** A key stream that is added to all bytes of one direction; the same operation takes it off again. */
export interface StreamCipher {
  /** A new buffer; `data` stays whole. */
  apply(data: Data): Uint8Array
}

/** Parts are joined in here: each would cost a call, and libp2p makes some of two bytes. */
const scratch = Buffer.allocUnsafeSlow(128 * 2 ** 10)

const join = (data: Data): Uint8Array => {
  if (data instanceof Uint8Array || data.byteLength > scratch.length) return data.subarray()
  let [at, count] = [0, 0]
  let only: Uint8Array | undefined
  for (const part of data) {
    only = part
    count++
  }
  if (only !== undefined && count === 1) return only
  for (const part of data) {
    scratch.set(part, at)
    at += part.length
  }
  return scratch.subarray(0, at)
}

/**
 * What one side of a private network sends: ChaCha20 under HKDF-SHA-256(key, nonce, side). The side
 * is part of it, so that what a node sent cannot be sent back to it as somebody else's.
 */
export const createStreamCipher = (
  psk: Uint8Array,
  { nonce, side }: { nonce: Uint8Array; side: Side },
): StreamCipher => {
  const key = hkdfSync('sha256', psk, nonce, utf8(`mesh/private-network/1 ${side}`), KEY_BYTES)
  const cipher = createCipheriv('chacha20', new Uint8Array(key), START)
  return { apply: (data) => cipher.update(join(data)) }
}
