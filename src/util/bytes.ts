const BASE58_ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** UTF-8 bytes of a string. */
export const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8')

/** The string that `bytes` encode, or `undefined` if they are not valid UTF-8. */
export const fromUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const view = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Lower-case hex. */
export const toHex = (bytes: Uint8Array): string => view(bytes).toString('hex')

/** Bytes of lower-case hex, or `undefined`. */
export const fromHex = (text: string): Uint8Array | undefined =>
  text.length % 2 === 0 && /^[0-9a-f]*$/.test(text) ? Buffer.from(text, 'hex') : undefined

/** Padded standard base64 (RFC 4648, section 4). */
export const toBase64 = (bytes: Uint8Array): string => view(bytes).toString('base64')

/** Bytes of padded standard base64 with zero spare bits, or `undefined` for any other spelling. */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => view(a).equals(b)

/** Negative, zero or positive, in unsigned lexicographic order. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => view(a).compare(b)

/** Base58 in the Bitcoin alphabet, as libp2p writes peer ids. */
export const base58 = {
  encode(bytes: Uint8Array): string {
    let zeros = 0
    while (bytes[zeros] === 0) zeros++
    let value = zeros === bytes.length ? 0n : BigInt(`0x${toHex(bytes)}`)
    let digits = ''
    while (value > 0n) {
      digits = (BASE58_ALPHABET[Number(value % 58n)] as string) + digits
      value /= 58n
    }
    return '1'.repeat(zeros) + digits
  },
  /** `undefined` for a foreign character. Callers bound the length of `text` themselves. */
  decode(text: string): Uint8Array | undefined {
    let zeros = 0
    while (text[zeros] === '1') zeros++
    let value = 0n
    for (const character of text) {
      const digit = BASE58_ALPHABET.indexOf(character)
      if (digit < 0) return undefined
      value = value * 58n + BigInt(digit)
    }
    const hex = value === 0n ? '' : value.toString(16)
    return Buffer.from('00'.repeat(zeros) + (hex.length % 2 === 1 ? '0' : '') + hex, 'hex')
  },
}
