import { createRequire } from 'node:module'
import { compareBytes } from '../util/index.ts'

type Curves = typeof import('@noble/curves/ed25519.js')

/** Why 32 bytes are no usable ed25519 public key. */
export type PointFault = 'non-canonical' | 'small-order' | 'off-curve'

/** The field's prime 2^255 - 19, big-endian. */
const PRIME = Buffer.from(`7f${'ff'.repeat(30)}ed`, 'hex')

let curves: Curves | undefined
/** Loaded when the first key is parsed: it takes 20 ms, and most commands of the CLI parse none. */
const loadCurves = (): Curves => {
  curves ??= createRequire(import.meta.url)('@noble/curves/ed25519.js') as Curves
  return curves
}

/**
 * Checks the encoding of a point (RFC 8032, section 5.1.3): y below the prime, a point of the curve,
 * not one of the eight of small order. Under a key of small order one signature can be made to hold
 * for any message, by anybody; node:crypto of some versions lets it pass.
 *
 * @returns `undefined` if the point is usable
 */
export const checkPoint = (bytes: Uint8Array): PointFault | undefined => {
  const y = Buffer.from(bytes).reverse()
  y[0] = (y[0] ?? 0) & 0x7f
  if (compareBytes(y, PRIME) >= 0) return 'non-canonical'
  try {
    // ZIP 215 rules, so that every encoding of a point of small order is known for what it is.
    const point = loadCurves().ed25519.Point.fromBytes(bytes, true)
    return point.isSmallOrder() ? 'small-order' : undefined
  } catch {
    return 'off-curve'
  }
}
