import { noise } from '@chainsafe/libp2p-noise'
import { lpStream } from '@libp2p/utils'
import { isMeshError, MeshError } from '../errors/index.ts'
import { concatBytes, fromUtf8, utf8 } from '../util/index.ts'
import { withDeadline } from './deadline.ts'
import { fromLibp2pPeerId } from './identity.ts'
import { MAX_MEMBERSHIP_MESSAGE_BYTES, MEMBERSHIP_TIMEOUT_MS, REFUSAL_LINGER_MS } from './limits.ts'
import { createNoiseCrypto } from './noise-crypto.ts'
import type {
  AbortOptions,
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface'
import type { ErrorCode } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'
import type { Admission } from './membership.ts'
import type { Session } from './session.ts'

/** Wire format: docs/protocols/membership.md. */
export const MEMBERSHIP_PROTOCOL = '/mesh/noise/1'

const ACCEPTED = 0
const REFUSED = 255
/** Verdict byte of each reason to refuse, and what the refused side is told to do about it. */
const VERDICTS: readonly { byte: number; code: ErrorCode; advice: string }[] = [
  {
    byte: 1,
    code: 'ERR_CERTIFICATE_MISSING',
    advice:
      'its network asks for a node certificate and we show none; configure network.certificate',
  },
  { byte: 2, code: 'ERR_CERTIFICATE_MALFORMED', advice: 'it cannot read our certificate' },
  {
    byte: 3,
    code: 'ERR_CERTIFICATE_INVALID',
    advice: 'our certificate is signed by none of its network keys',
  },
  {
    byte: 4,
    code: 'ERR_CERTIFICATE_EXPIRED',
    advice: 'our certificate has expired; renew it with "mesh certificate renew"',
  },
  {
    byte: 5,
    code: 'ERR_CERTIFICATE_MISMATCH',
    advice: 'our certificate is for another key or for another network',
  },
  { byte: 6, code: 'ERR_PEER_MISBEHAVED', advice: 'it avoids us for a while after faults of ours' },
  { byte: 7, code: 'ERR_LIMIT_EXCEEDED', advice: 'it has as many connections as it may have' },
  { byte: 8, code: 'ERR_KEY_WEAK', advice: 'it does not accept keys of our kind' },
  {
    byte: 9,
    code: 'ERR_CERTIFICATE_REVOKED',
    advice:
      'a network key has revoked this node; get a new key and certificate, or let it be taken back with "mesh certificate revoke --undo"',
  },
]

/** Two bytes, little-endian: the usual variable length may go on for ever. */
const encodeLength = (length: number): Uint8Array => Uint8Array.of(length & 0xff, length >> 8)

const decodeLength = (bytes: { readonly byteLength: number; subarray(): Uint8Array }): number => {
  const [low, high] = bytes.subarray()
  // How the reader is told that there is not enough yet.
  if (low === undefined || high === undefined) throw new RangeError('two bytes are a length')
  return low | (high << 8)
}

/** What travels as "certificate": a tag byte, then the text if there is one. */
const NONE = 0
const CERTIFICATE = 1

export const encodeCertificate = (certificate: string | undefined): Uint8Array =>
  certificate === undefined
    ? Uint8Array.of(NONE)
    : concatBytes(Uint8Array.of(CERTIFICATE), utf8(certificate))

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeCertificate = (bytes: Uint8Array): string | undefined => {
  const text = bytes[0] === CERTIFICATE ? fromUtf8(bytes.subarray(1)) : undefined
  if (text !== undefined && text !== '') return text
  if (bytes[0] === NONE && bytes.length === 1) return undefined
  throw new MeshError('ERR_PROTOCOL_MALFORMED', 'its certificate message is malformed')
}

const verdictOf = (error: MeshError): number =>
  VERDICTS.find(({ code }) => code === error.code)?.byte ?? REFUSED

const refusedBy = (peer: PeerId, verdict: number): MeshError => {
  const found = VERDICTS.find(({ byte }) => byte === verdict)
  return new MeshError(
    'ERR_PEER_REFUSED',
    `${peer} refused us: ${found?.advice ?? `for a reason that we do not know (${verdict})`}`,
    { data: { peer, reason: found?.code ?? null } },
  )
}

export interface MembershipExchangeInit {
  /** Our own certificate as of now. */
  own(): string | undefined
  /** Judges a peer that has proved its key. @throws MeshError */
  admit(certificate: string | undefined, peer: PeerId): Admission
  /** Noise is done or about to begin: see `Handshakes`. */
  onStage(connection: MessageStream, stage: 'negotiated' | 'secured'): void
  onFailed(connection: MessageStream, error: MeshError): void
  onAdmitted(connection: MessageStream, secured: MessageStream, session: Session): void
}

type Components = Parameters<ReturnType<typeof noise>>[0]
type Messages = ReturnType<typeof lpStream<MessageStream>>

/** The other side, with its key proved. */
interface Party {
  readonly connection: MessageStream
  readonly messages: Messages
  readonly peer: PeerId
}

/** What Noise and the reader of messages say, in our words. */
const EXPLANATIONS: Readonly<Record<string, { code: ErrorCode; why: string }>> = {
  UnexpectedPeerError: {
    code: 'ERR_PEER_UNREACHABLE',
    why: 'another node answers there: its key is not the one that the address names',
  },
  InvalidDataLengthError: {
    code: 'ERR_LIMIT_EXCEEDED',
    why: `a message of more than ${MAX_MEMBERSHIP_MESSAGE_BYTES} bytes before it is a member`,
  },
}

const explain = (error: unknown): MeshError | undefined => {
  if (isMeshError(error)) return error
  const found = error instanceof Error ? EXPLANATIONS[error.name] : undefined
  return found === undefined ? undefined : new MeshError(found.code, found.why, { cause: error })
}

/**
 * Noise, and then, before any multiplexer or protocol: whoever dialled shows its certificate; the
 * other side judges it and answers with its verdict and its own certificate, which is judged in
 * turn. A stranger therefore learns nothing but the reason for its refusal.
 */
export const membershipExchange = (
  { clock }: { clock: Clock },
  init: MembershipExchangeInit,
): ((components: Components) => ConnectionEncrypter) => {
  const read = async (messages: Messages, options: AbortOptions): Promise<Uint8Array> =>
    (await messages.read(options)).subarray()

  /** A reason is lost if the connection is reset before the other side has read it. */
  const linger = async (messages: Messages): Promise<void> => {
    const deadline = { timeoutMs: REFUSAL_LINGER_MS, what: 'the end of a refused connection' }
    await withDeadline({ clock }, deadline, (signal) => read(messages, { signal })).catch(() => {})
  }

  /** Whoever dialled is told that its kind of key is not taken. */
  const identify = async (
    connection: MessageStream,
    messages: Messages,
    secured: SecuredConnection,
  ): Promise<PeerId> => {
    try {
      return fromLibp2pPeerId(secured.remotePeer)
    } catch (error) {
      if (!isMeshError(error)) throw error
      init.onFailed(connection, error)
      if (connection.direction === 'inbound') {
        await messages.write(Uint8Array.of(verdictOf(error)))
        await linger(messages)
      }
      throw error
    }
  }

  const judge = async (
    { connection, messages, peer }: Party,
    shown: Uint8Array,
    options: AbortOptions,
  ): Promise<Session> => {
    try {
      const certificate = decodeCertificate(shown)
      const admission = init.admit(certificate, peer)
      return { peer, certificate, admission, heardMs: clock.monotonicMs() }
    } catch (error) {
      if (!isMeshError(error)) throw error
      init.onFailed(connection, error)
      await messages.write(Uint8Array.of(verdictOf(error)), options)
      await linger(messages)
      throw error
    }
  }

  const asInitiator = async (party: Party, options: AbortOptions): Promise<Session> => {
    const { messages, peer } = party
    await messages.write(encodeCertificate(init.own()), options)
    const [verdict = REFUSED, ...rest] = await read(messages, options)
    if (verdict !== ACCEPTED) throw refusedBy(peer, verdict)
    const session = await judge(party, Uint8Array.from(rest), options)
    await messages.write(Uint8Array.of(ACCEPTED), options)
    return session
  }

  const asResponder = async (party: Party, options: AbortOptions): Promise<Session> => {
    const { messages, peer } = party
    const session = await judge(party, await read(messages, options), options)
    const answer = concatBytes(Uint8Array.of(ACCEPTED), encodeCertificate(init.own()))
    await messages.write(answer, options)
    const [verdict = REFUSED] = await read(messages, options)
    if (verdict !== ACCEPTED) throw refusedBy(peer, verdict)
    return session
  }

  const exchange = async (
    connection: MessageStream,
    secured: SecuredConnection,
    options: SecureConnectionOptions | undefined,
    run: typeof asInitiator,
  ): Promise<SecuredConnection> => {
    init.onStage(connection, 'secured')
    const messages = lpStream(secured.connection, {
      maxDataLength: MAX_MEMBERSHIP_MESSAGE_BYTES,
      lengthEncoder: encodeLength,
      lengthDecoder: decodeLength,
    })
    const peer = await identify(connection, messages, secured)
    const deadline = {
      timeoutMs: MEMBERSHIP_TIMEOUT_MS,
      what: `the certificate or verdict of ${peer}`,
      signal: options?.signal,
    }
    const session = await withDeadline({ clock }, deadline, (signal) =>
      run({ connection, messages, peer }, { signal }),
    )
    messages.unwrap()
    init.onAdmitted(connection, secured.connection, session)
    return secured
  }

  const watched = async <T>(connection: MessageStream, work: () => Promise<T>): Promise<T> => {
    init.onStage(connection, 'negotiated')
    try {
      return await work()
    } catch (error) {
      const known = explain(error)
      if (known !== undefined) init.onFailed(connection, known)
      throw error
    }
  }

  return (components) => {
    const inner = noise({ crypto: createNoiseCrypto() })(components)
    return {
      protocol: MEMBERSHIP_PROTOCOL,
      secureOutbound: (connection, options) =>
        watched(connection, async () => {
          const secured = await inner.secureOutbound(connection, options)
          return exchange(connection, secured, options, asInitiator)
        }),
      secureInbound: (connection, options) =>
        watched(connection, async () => {
          const secured = await inner.secureInbound(connection, options)
          return exchange(connection, secured, options, asResponder)
        }),
    }
  }
}
