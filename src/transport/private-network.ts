import { byteStream } from '@libp2p/utils'
import { isMeshError, MeshError } from '../errors/index.ts'
import { concatBytes, equalBytes } from '../util/index.ts'
import { withDeadline } from './deadline.ts'
import { GREETING, GuardedConnection } from './guarded-connection.ts'
import { PRIVATE_NETWORK_TIMEOUT_MS } from './limits.ts'
import { createStreamCipher, NONCE_BYTES } from './stream-cipher.ts'
import type {
  AbortOptions,
  ConnectionProtector,
  MessageStream,
  MultiaddrConnection,
} from '@libp2p/interface'
import type { Clock, Random } from '../util/index.ts'

export interface PrivateNetworkInit {
  /** 32 bytes each; the first is used for dialling, any of them is accepted. None: no secrecy. */
  readonly psks: readonly Uint8Array[]
  /** Sees each protected connection with the one below it. */
  readonly onProtected: (outer: MessageStream, inner: MessageStream) => void
  /** Sees why a connection is given up. */
  readonly onRefused: (connection: MessageStream, error: MeshError) => void
}

type Bytes = ReturnType<typeof byteStream<MultiaddrConnection>>

const mismatch = (why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_PSK_MISMATCH', why, { cause })

const readExactly = async (bytes: Bytes, count: number, options: AbortOptions) =>
  concatBytes(...(await bytes.read({ bytes: count, ...options })))

/**
 * A private network as libp2p's (each side sends a nonce, then everything is enciphered), with
 * several keys at once, so that a key can be replaced while the network runs. Whoever dials uses the
 * first key; whoever answers finds out which one it was from the greeting, which is always the same.
 * The cipher is one that OpenSSL has: docs/decisions/0012 says what that gains.
 */
export const privateNetwork = (
  { clock, random }: { clock: Clock; random: Random },
  init: PrivateNetworkInit,
): (() => ConnectionProtector) => {
  const exchangeNonces = async (bytes: Bytes, options: AbortOptions) => {
    const local = random.bytes(NONCE_BYTES)
    await bytes.write(local, options)
    return { local, remote: await readExactly(bytes, NONCE_BYTES, options) }
  }

  /** The key under which `enciphered` is the greeting, and its cipher, right after it. */
  const findKey = (nonce: Uint8Array, enciphered: Uint8Array) => {
    for (const psk of init.psks) {
      const cipher = createStreamCipher(psk, { nonce, side: 'dialler' })
      if (equalBytes(cipher.apply(enciphered), GREETING)) return { psk, cipher }
    }
    return undefined
  }

  const dialled = async (
    connection: MultiaddrConnection,
    psk: Uint8Array,
    options: AbortOptions,
  ) => {
    const bytes = byteStream(connection)
    const { local, remote } = await exchangeNonces(bytes, options)
    const ciphers = {
      outbound: createStreamCipher(psk, { nonce: local, side: 'dialler' }),
      inbound: createStreamCipher(psk, { nonce: remote, side: 'listener' }),
    }
    return new GuardedConnection(bytes.unwrap(), ciphers)
  }

  const answered = async (connection: MultiaddrConnection, options: AbortOptions) => {
    const bytes = byteStream(connection)
    const { local, remote } = await exchangeNonces(bytes, options)
    if (equalBytes(remote.subarray(0, GREETING.length), GREETING)) {
      // It would wait for our greeting, and we for the rest of what it takes for ours.
      throw mismatch('it uses no pre-shared key')
    }
    const found = findKey(remote, await readExactly(bytes, GREETING.length, options))
    if (found === undefined) throw mismatch('its pre-shared key is none of ours')
    const ciphers = {
      outbound: createStreamCipher(found.psk, { nonce: local, side: 'listener' }),
      inbound: found.cipher,
    }
    return new GuardedConnection(bytes.unwrap(), ciphers, GREETING)
  }

  const protect = async (connection: MultiaddrConnection, options: AbortOptions) => {
    const [psk] = init.psks
    if (psk === undefined) return new GuardedConnection(connection)
    return connection.direction === 'inbound'
      ? answered(connection, options)
      : dialled(connection, psk, options)
  }

  const asRefusal = (error: unknown): MeshError => {
    if (isMeshError(error)) return error
    return mismatch('it hung up before it had proved to know the pre-shared key', error)
  }

  return () => ({
    async protect(connection, options) {
      if (!isMultiaddrConnection(connection)) {
        throw new MeshError('ERR_INTERNAL', 'only whole connections can be protected')
      }
      const deadline = {
        timeoutMs: PRIVATE_NETWORK_TIMEOUT_MS,
        what: 'the first bytes',
        signal: options?.signal,
      }
      try {
        const outer = await withDeadline({ clock }, deadline, (signal) =>
          protect(connection, { signal }),
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

const isMultiaddrConnection = (stream: MessageStream): stream is MultiaddrConnection =>
  'remoteAddr' in stream
