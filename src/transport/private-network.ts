import { AbstractMultiaddrConnection, byteStream } from '@libp2p/utils'
import xsalsa20 from 'xsalsa20'
import { isMeshError, MeshError } from '../errors/index.ts'
import { concatBytes, equalBytes, utf8 } from '../util/index.ts'
import { withDeadline } from './deadline.ts'
import { MAX_CIPHER_PIECE_BYTES, PRIVATE_NETWORK_TIMEOUT_MS } from './limits.ts'
import type {
  AbortOptions,
  ConnectionProtector,
  MessageStream,
  MultiaddrConnection,
} from '@libp2p/interface'
import type { Clock, Random } from '../util/index.ts'

type Cipher = ReturnType<typeof xsalsa20>
type Data = Parameters<MessageStream['send']>[0]

const NONCE_BYTES = 24
export const PSK_BYTES = 32
/** What whoever dials says first: the header of multistream-select with its length. */
const GREETING = utf8('\x13/multistream/1.0.0\n')

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
const encipher = (cipher: Cipher, data: Data): Uint8Array => {
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

/** A connection whose bytes are enciphered in both directions. */
class PrivateConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #outbound: Cipher
  #freed = false

  constructor(inner: MultiaddrConnection, ciphers: { inbound: Cipher; outbound: Cipher }) {
    super({
      log: inner.log,
      remoteAddr: inner.remoteAddr,
      direction: inner.direction,
      inactivityTimeout: inner.inactivityTimeout,
      maxReadBufferLength: inner.maxReadBufferLength,
    })
    this.#inner = inner
    this.#outbound = ciphers.outbound
    inner.addEventListener('message', ({ data }) => {
      if (!this.#freed) this.onData(decipher(ciphers.inbound, data))
    })
    inner.addEventListener('drain', () => this.onMuxerDrain())
    inner.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
      if (this.#freed) return
      this.#freed = true
      // Without this the ciphers of closed connections fill the memory that all of them share.
      ciphers.inbound.finalize()
      ciphers.outbound.finalize()
    })
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#inner.close(options)
  }

  sendData(data: Data): { sentBytes: number; canSendMore: boolean } {
    const sentBytes = data.byteLength
    return { sentBytes, canSendMore: this.#inner.send(encipher(this.#outbound, data)) }
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

const isMultiaddrConnection = (stream: MessageStream): stream is MultiaddrConnection =>
  'remoteAddr' in stream

export interface PrivateNetworkInit {
  /** 32 bytes each; the first is used for dialling, any of them is accepted. */
  readonly psks: readonly Uint8Array[]
  /** Sees each protected connection with the one below it. */
  readonly onProtected: (outer: MessageStream, inner: MessageStream) => void
  /** Sees why an inbound connection is refused. */
  readonly onRefused: (connection: MessageStream, error: MeshError) => void
}

/**
 * libp2p's private network (specs/pnet: nonces of 24 bytes, then XSalsa20 both ways) with several
 * keys at once, so that a key can be replaced while the network runs. Whoever dials uses the first
 * key; whoever answers finds out which one it was from the greeting, which is always the same.
 * On the wire it is what `@libp2p/pnet` speaks.
 */
export const privateNetwork = (
  { clock, random }: { clock: Clock; random: Random },
  init: PrivateNetworkInit,
): (() => ConnectionProtector) => {
  const exchangeNonces = async (
    bytes: ReturnType<typeof byteStream>,
    options: AbortOptions,
  ): Promise<{ local: Uint8Array; remote: Uint8Array }> => {
    const local = random.bytes(NONCE_BYTES)
    await bytes.write(local, options)
    const remote = await bytes.read({ bytes: NONCE_BYTES, ...options })
    return { local, remote: remote.subarray() }
  }

  /** The key under which `enciphered` is the greeting, and its cipher, right after it. */
  const findKey = (nonce: Uint8Array, enciphered: Uint8Array) => {
    for (const psk of init.psks) {
      const cipher = xsalsa20(nonce, psk)
      if (equalBytes(encipher(cipher, enciphered), GREETING)) return { psk, cipher }
      cipher.finalize()
    }
    return undefined
  }

  const outbound = async (connection: MultiaddrConnection, options: AbortOptions) => {
    const bytes = byteStream(connection)
    const [psk] = init.psks
    if (psk === undefined) throw new MeshError('ERR_INTERNAL', 'a private network without a key')
    const { local, remote } = await exchangeNonces(bytes, options)
    const ciphers = { outbound: xsalsa20(local, psk), inbound: xsalsa20(remote, psk) }
    return new PrivateConnection(bytes.unwrap(), ciphers)
  }

  const inbound = async (connection: MultiaddrConnection, options: AbortOptions) => {
    const bytes = byteStream(connection)
    const { local, remote } = await exchangeNonces(bytes, options)
    if (equalBytes(remote.subarray(0, GREETING.length), GREETING)) {
      // It would wait for our greeting, and we for the rest of what it takes for ours.
      throw new MeshError('ERR_PSK_MISMATCH', 'it uses no pre-shared key')
    }
    const enciphered = await bytes.read({ bytes: GREETING.length, ...options })
    const found = findKey(remote, concatBytes(...enciphered))
    if (found === undefined) {
      throw new MeshError('ERR_PSK_MISMATCH', 'its pre-shared key is none of ours')
    }
    const ciphers = { outbound: xsalsa20(local, found.psk), inbound: found.cipher }
    const inner = bytes.unwrap()
    const outer = new PrivateConnection(inner, ciphers)
    outer.onData(GREETING)
    return outer
  }

  return () => ({
    async protect(connection, options) {
      if (!isMultiaddrConnection(connection)) {
        throw new MeshError('ERR_INTERNAL', 'only whole connections can be protected')
      }
      const { direction } = connection
      const deadline = {
        timeoutMs: PRIVATE_NETWORK_TIMEOUT_MS,
        what: 'proof of the pre-shared key',
        signal: options?.signal,
      }
      try {
        const outer = await withDeadline({ clock }, deadline, (signal) =>
          direction === 'inbound'
            ? inbound(connection, { signal })
            : outbound(connection, { signal }),
        )
        init.onProtected(outer, connection)
        return outer
      } catch (error) {
        init.onRefused(connection, asRefusal(error))
        throw error
      }
    },
  })
}

const asRefusal = (error: unknown): MeshError => {
  if (error instanceof MeshError) return error
  const cause = error instanceof Error ? error.cause : undefined
  if (isMeshError(cause)) return cause
  return new MeshError(
    'ERR_PSK_MISMATCH',
    'it hung up before it had proved to know the pre-shared key',
    { cause: error },
  )
}
