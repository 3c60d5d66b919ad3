import { MeshError } from '../errors/index.ts'
import { fromUtf8 } from './bytes.ts'

const malformed = (why: string): MeshError =>
  new MeshError('ERR_PROTOCOL_MALFORMED', `malformed bytes: ${why}`)

/**
 * Reads a binary message from start to end: unsigned little-endian integers and length-prefixed
 * bytes. Every read checks its bounds and every length is capped by the caller, so that hostile
 * bytes cost at most their own size. Views returned point into the message; copy what is kept.
 *
 * @throws MeshError `ERR_PROTOCOL_MALFORMED` on any violation, and nothing else.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  #take(count: number): number {
    if (count > this.left)
      throw malformed(`${count} bytes wanted at ${this.#at}, ${this.left} left`)
    const at = this.#at
    this.#at += count
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** A 64-bit integer that must be at most 2^53 − 1. */
  u53(): number {
    const value = this.#view.getBigUint64(this.#take(8), true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`${value} is above 2^53 - 1`)
    return Number(value)
  }

  /** Exactly `count` bytes. */
  fixed(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  /** Bytes after a 32-bit length of at most `maxBytes`. */
  bytes(maxBytes: number): Uint8Array {
    const length = this.u32()
    if (length > maxBytes) throw malformed(`${length} bytes where at most ${maxBytes} may be`)
    return this.fixed(length)
  }

  /** UTF-8 text after a 32-bit length of at most `maxBytes`. */
  text(maxBytes: number): string {
    const text = fromUtf8(this.bytes(maxBytes))
    if (text === undefined) throw malformed('text is not UTF-8')
    return text
  }

  /** A 32-bit count of at most `max`, then that many items. */
  list<T>(max: number, item: (reader: ByteReader) => T): T[] {
    const count = this.u32()
    if (count > max) throw malformed(`${count} items where at most ${max} may be`)
    // Not preallocated: a hostile count costs nothing until its items are really there.
    const items: T[] = []
    for (let index = 0; index < count; index++) items.push(item(this))
    return items
  }

  /** Ends the message: bytes left over are an error. */
  end(): void {
    if (this.left > 0) throw malformed(`${this.left} bytes left over`)
  }
}

/** Writes what {@link ByteReader} reads. Grows as needed; `finish` returns the bytes written. */
export class ByteWriter {
  #buffer: Buffer
  #at = 0

  constructor(sizeHintBytes = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeHintBytes)
  }

  #grow(count: number): number {
    const need = this.#at + count
    if (need > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(need, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, this.#at)
      this.#buffer = grown
    }
    const at = this.#at
    this.#at = need
    return at
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#buffer.writeUInt8(value, at)
    return this
  }

  u16(value: number): this {
    const at = this.#grow(2)
    this.#buffer.writeUInt16LE(value, at)
    return this
  }

  u32(value: number): this {
    const at = this.#grow(4)
    this.#buffer.writeUInt32LE(value, at)
    return this
  }

  u53(value: number): this {
    const at = this.#grow(8)
    this.#buffer.writeBigUInt64LE(BigInt(value), at)
    return this
  }

  fixed(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#buffer.set(bytes, at)
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).fixed(bytes)
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'))
  }

  list<T>(items: readonly T[], item: (writer: ByteWriter, value: T) => void): this {
    this.u32(items.length)
    for (const value of items) item(this, value)
    return this
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }
}
