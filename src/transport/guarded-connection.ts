import { AbstractMultiaddrConnection } from '@libp2p/utils'
import { MeshError } from '../errors/index.ts'
import { MAX_CIPHER_PIECE_BYTES, MAX_HANDSHAKE_BYTES } from './limits.ts'
import type { AbortOptions, MessageStream, MultiaddrConnection } from '@libp2p/interface'
import type xsalsa20 from 'xsalsa20'

export type Cipher = ReturnType<typeof xsalsa20>
type Data = Parameters<MessageStream['send']>[0]

/**
 * The WASM memory behind xsalsa20 grows with the largest piece, every growth makes each other
 * cipher grow it again, and in the end it fails: so pieces stay below what it has from the start.
 */
const applyTo = (cipher: Cipher, input: Uint8Array, output: Uint8Array): void => {
  for (let from = 0; from < input.length; from += MAX_CIPHER_PIECE_BYTES) {
    const to = from + MAX_CIPHER_PIECE_BYTES
    cipher.update(input.subarray(from, to), output.subarray(from, to))
  }
}

/** What is sent stays whole: libp2p may still need it (Noise mixes its messages into a hash). */
export const encipher = (cipher: Cipher, data: Data): Uint8Array => {
  const output = Buffer.allocUnsafe(data.byteLength)
  let at = 0
  for (const part of data instanceof Uint8Array ? [data] : data) {
    applyTo(cipher, part, output.subarray(at, at + part.length))
    at += part.length
  }
  return output
}

/** What comes from the socket is nobody else's: it is deciphered where it is. */
const decipher = (cipher: Cipher, data: Data): Data => {
  for (const part of data instanceof Uint8Array ? [data] : data) applyTo(cipher, part, part)
  return data
}

/**
 * A connection as all the rest sees it: enciphered, if the network has a pre-shared key, and able to
 * receive only so many bytes until its other side is a member.
 */
export class GuardedConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #ciphers: { inbound: Cipher; outbound: Cipher } | undefined
  #allowedBytes = MAX_HANDSHAKE_BYTES
  #closed = false

  constructor(inner: MultiaddrConnection, ciphers?: { inbound: Cipher; outbound: Cipher }) {
    super({
      log: inner.log,
      remoteAddr: inner.remoteAddr,
      direction: inner.direction,
      inactivityTimeout: inner.inactivityTimeout,
      maxReadBufferLength: inner.maxReadBufferLength,
    })
    this.#inner = inner
    this.#ciphers = ciphers
    inner.addEventListener('message', ({ data }) => this.#receive(data))
    inner.addEventListener('drain', () => this.onMuxerDrain())
    inner.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
      this.#free()
    })
  }

  /** The other side is a member: from now on the multiplexer keeps the limits. */
  lift(): void {
    this.#allowedBytes = Number.POSITIVE_INFINITY
  }

  #receive(data: Data): void {
    if (this.#closed) return
    this.#allowedBytes -= data.byteLength
    if (this.#allowedBytes < 0) {
      const what = `more than ${MAX_HANDSHAKE_BYTES} bytes before it is a member`
      this.abort(new MeshError('ERR_LIMIT_EXCEEDED', what))
      return
    }
    this.onData(this.#ciphers === undefined ? data : decipher(this.#ciphers.inbound, data))
  }

  #free(): void {
    if (this.#closed) return
    this.#closed = true
    // Without this the ciphers of closed connections fill the memory that all of them share.
    this.#ciphers?.inbound.finalize()
    this.#ciphers?.outbound.finalize()
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#inner.close(options)
  }

  sendData(data: Data): { sentBytes: number; canSendMore: boolean } {
    const sentBytes = data.byteLength
    const bytes = this.#ciphers === undefined ? data : encipher(this.#ciphers.outbound, data)
    return { sentBytes, canSendMore: this.#inner.send(bytes) }
  }

  sendReset(error: Error): void {
    this.#inner.abort(error)
  }

  sendPause(): void {
    this.#inner.pause()
  }

  sendResume(): void {
    this.#inner.resume()
  }
}
