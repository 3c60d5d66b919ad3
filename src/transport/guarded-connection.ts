import { AbstractMultiaddrConnection } from '@libp2p/utils'
import { MeshError, toMeshError } from '../errors/index.ts'
import { equalBytes, utf8 } from '../util/index.ts'
import { MAX_HANDSHAKE_BYTES } from './limits.ts'
import type { AbortOptions, MessageStream, MultiaddrConnection } from '@libp2p/interface'
import type { StreamCipher } from './stream-cipher.ts'

/** What each side says first: the header of multistream-select with its length. */
export const GREETING = utf8('\x13/multistream/1.0.0\n')

type Data = Parameters<MessageStream['send']>[0]

/** What is sent and what is received, in a private network. */
export interface Ciphers {
  readonly inbound: StreamCipher
  readonly outbound: StreamCipher
}

/**
 * A connection as all the rest sees it: enciphered, if the network has a pre-shared key, and able to
 * receive only so many bytes until its other side is a member.
 */
export class GuardedConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #ciphers: Ciphers | undefined
  #allowedBytes = MAX_HANDSHAKE_BYTES
  /** How much of the greeting has come. */
  #greetedBytes = 0
  #proved = false
  #closed = false

  /** @param greeting The greeting, if it has been read from `inner` already. */
  constructor(inner: MultiaddrConnection, ciphers?: Ciphers, greeting?: Uint8Array) {
    super({
      log: inner.log,
      remoteAddr: inner.remoteAddr,
      direction: inner.direction,
      inactivityTimeout: inner.inactivityTimeout,
      maxReadBufferLength: inner.maxReadBufferLength,
    })
    this.#inner = inner
    this.#ciphers = ciphers
    if (greeting !== undefined) this.#deliver(greeting)
    inner.addEventListener('message', ({ data }) => {
      try {
        this.#receive(data)
      } catch (error) {
        // Nobody catches what a listener throws: it would be the end of the process.
        this.abort(toMeshError(error))
      }
    })
    inner.addEventListener('drain', () => this.onMuxerDrain())
    inner.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
      this.#closed = true
    })
  }

  /**
   * The other side has proved its key, and may become a member in the middle of what comes next: it
   * is too late when the bytes before were too many.
   */
  expectMember(): void {
    this.#proved = true
  }

  /** The other side is a member: from now on the multiplexer keeps the limits. */
  lift(): void {
    this.#allowedBytes = Number.POSITIVE_INFINITY
  }

  #receive(data: Data): void {
    if (this.#closed) return
    const leftBytes = this.#allowedBytes - data.byteLength
    if ((this.#proved ? this.#allowedBytes : leftBytes) < 0) {
      const what = `more than ${MAX_HANDSHAKE_BYTES} bytes before it is a member`
      this.abort(new MeshError('ERR_LIMIT_EXCEEDED', what))
      return
    }
    this.#allowedBytes = leftBytes
    this.#deliver(this.#ciphers === undefined ? data : this.#ciphers.inbound.apply(data))
  }

  #deliver(data: Data): void {
    if (this.#greetedBytes < GREETING.length && !this.#isGreeting(data)) {
      const what = 'its first bytes are not those of mesh; has its network a pre-shared key?'
      this.abort(new MeshError('ERR_PROTOCOL_MALFORMED', what))
    } else this.onData(data)
  }

  #isGreeting(data: Data): boolean {
    // A list of bytes, other than bytes, throws when it is asked for more than it has.
    const count = Math.min(data.byteLength, GREETING.length - this.#greetedBytes)
    const bytes = data.subarray(0, count)
    const wanted = GREETING.subarray(this.#greetedBytes, this.#greetedBytes + bytes.length)
    this.#greetedBytes += bytes.length
    return equalBytes(bytes, wanted)
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#inner.close(options)
  }

  sendData(data: Data): { sentBytes: number; canSendMore: boolean } {
    const sentBytes = data.byteLength
    const bytes = this.#ciphers === undefined ? data : this.#ciphers.outbound.apply(data)
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
