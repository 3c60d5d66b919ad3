import { concatBytes, utf8 } from '../util/index.ts'

/** SSH's `string` (RFC 4251, section 5): a 32-bit big-endian length and that many bytes. */
export const sshString = (value: Uint8Array | string): Uint8Array => {
  const bytes = typeof value === 'string' ? utf8(value) : value
  return concatBytes(sshUint32(bytes.length), bytes)
}

/** SSH's `uint32`. */
export const sshUint32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Reads SSH's wire types; `fail` makes the error of the format being read. */
export class SshReader {
  readonly #bytes: Buffer
  readonly #fail: (why: string) => Error
  #at = 0

  constructor(bytes: Uint8Array, fail: (why: string) => Error) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fail = fail
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  fixed(count: number, what: string): Uint8Array {
    if (count > this.left) throw this.#fail(`it ends within ${what}`)
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  uint32(what: string): number {
    this.fixed(4, what)
    return this.#bytes.readUInt32BE(this.#at - 4)
  }

  string(what: string): Uint8Array {
    return this.fixed(this.uint32(what), what)
  }

  /** A string as Latin-1: for words that are compared with ASCII ones. */
  word(what: string): string {
    return Buffer.from(this.string(what)).toString('latin1')
  }

  end(): void {
    if (this.left > 0) throw this.#fail(`${this.left} bytes are left over at its end`)
  }
}
