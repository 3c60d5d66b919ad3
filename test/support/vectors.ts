/** Golden vectors of messages: JSON in which `{ "hex": "…" }` stands for bytes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { isMeshError } from '../../src/errors/index.ts'

interface Vector {
  readonly title: string
  readonly bytes: string
  readonly message?: unknown
}

export const readVectors = (name: string): Record<string, Vector[]> =>
  JSON.parse(readFileSync(join(import.meta.dirname, '..', 'vectors', `${name}.json`), 'utf8'))

/** The message with bytes in place of their hex, and the other way round, for comparing. */
export const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

/** Every valid vector decodes to its message, and that encodes to the very same bytes. */
export const checkVectors = <T>(
  t: Test,
  vectors: readonly Vector[] | undefined,
  codec: { decode(bytes: Uint8Array): T; encode(message: T): Uint8Array },
): void => {
  t.ok(vectors !== undefined && vectors.length > 0)
  for (const { title, bytes, message } of vectors ?? []) {
    const decoded = codec.decode(Buffer.from(bytes, 'hex'))
    t.same(plain(decoded), message, title)
    t.equal(Buffer.from(codec.encode(decoded)).toString('hex'), bytes, title)
  }
}

export const checkRefused = (
  t: Test,
  vectors: readonly Vector[] | undefined,
  decode: (bytes: Uint8Array) => unknown,
): void => {
  t.ok(vectors !== undefined && vectors.length > 0)
  for (const { title, bytes } of vectors ?? []) {
    t.throws(() => decode(Buffer.from(bytes, 'hex')), { code: 'ERR_PROTOCOL_MALFORMED' }, title)
  }
}

/** Whether decoding fails in the one allowed way or yields what encodes to the same bytes. */
export const decodesOrRefuses = <T>(
  bytes: Uint8Array,
  codec: { decode(bytes: Uint8Array): T; encode(message: T): Uint8Array },
): boolean => {
  try {
    return Buffer.from(codec.encode(codec.decode(bytes))).equals(bytes)
  } catch (error) {
    return isMeshError(error, 'ERR_PROTOCOL_MALFORMED')
  }
}
