import { createConnection } from 'node:net'
import { describeSystemError, MeshError } from '../errors/index.ts'
import { concatBytes, formatDuration } from '../util/index.ts'
import { answerLength, decodeAgentIdentities, decodeAgentSignature } from './agent-messages.ts'
import { identitiesRequest, signRequest } from './agent-messages.ts'
import { verifySignature } from './public-key.ts'
import type { Clock } from '../util/index.ts'
import type { AgentIdentity } from './agent-messages.ts'
import type { PublicKey, SigningKey } from './types.ts'

/** How long an agent may take to list its keys. Stops waiting for one that hangs. */
export const AGENT_LIST_TIMEOUT_MS = 10_000
/** How long an agent may take to sign: it may ask a person first (`ssh-add -c`, a card's PIN). */
export const AGENT_SIGN_TIMEOUT_MS = 120_000

/** An ssh-agent. Every request has a connection of its own; nothing is kept between two. */
export interface Agent {
  /** @throws MeshError `ERR_AGENT_UNREACHABLE`, `ERR_AGENT_REFUSED` */
  identities(options?: { signal?: AbortSignal }): Promise<readonly AgentIdentity[]>
  /**
   * The key as one that signs. What the agent answers is verified before it is handed on.
   *
   * @throws MeshError `ERR_KEY_MALFORMED` if mesh cannot use a key of this kind
   */
  signer(identity: AgentIdentity, options?: { signal?: AbortSignal }): SigningKey
}

const unreachable = (path: string, why: string, cause?: unknown): MeshError =>
  new MeshError(
    'ERR_AGENT_UNREACHABLE',
    `the ssh-agent at ${path} ${why}; "ssh-add -l" shows whether it is well`,
    { data: { path }, cause },
  )

const refused = (what: string, next: string): MeshError =>
  new MeshError('ERR_AGENT_REFUSED', `ssh-agent refuses to ${what}: ${next}`)

interface Exchange {
  readonly path: string
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** Sends one request and resolves to the answer without its length. */
const exchange = (
  request: Uint8Array,
  { path, clock, timeoutMs, signal }: Exchange,
): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const socket = createConnection({ path })
    let received: Uint8Array = new Uint8Array()
    const end = (settle: () => void): void => {
      cancel()
      signal?.removeEventListener('abort', abort)
      socket.destroy()
      settle()
    }
    const fail = (error: unknown): void => end(() => reject(error))
    const abort = (): void => fail(signal?.reason)
    const cancel = clock.schedule(timeoutMs, () =>
      fail(unreachable(path, `has not answered within ${formatDuration(timeoutMs)}`)),
    )
    signal?.addEventListener('abort', abort)
    socket.on('connect', () => socket.write(request))
    socket.on('error', (error) =>
      fail(unreachable(path, `cannot be talked to: ${describeSystemError(error)}`, error)),
    )
    socket.on('close', () => fail(unreachable(path, 'hung up before it had answered')))
    socket.on('data', (chunk: Uint8Array) => {
      received = concatBytes(received, chunk)
      try {
        const length = answerLength(received)
        if (length === undefined || received.length < length) return
        end(() => resolve(received.subarray(4, length)))
      } catch (error) {
        fail(error)
      }
    })
  })

const requireSignature = (
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array | undefined,
  { fingerprint, comment }: AgentIdentity,
): Uint8Array => {
  const shown = `${fingerprint} (${comment})`
  if (signature === undefined) {
    throw refused(
      `sign with ${shown}`,
      'it is locked (ssh-add -X unlocks it), somebody declined when it asked (ssh-add -c), or it has the key no more (ssh-add -l)',
    )
  }
  if (verifySignature(key, message, signature)) return signature
  const text = `what ssh-agent signed with ${shown} is no signature of that key over what it was given; nothing was used of it`
  throw new MeshError('ERR_SIGNATURE_INVALID', text)
}

/** Talks to the agent at a unix socket (draft-ietf-sshm-ssh-agent). */
export const createAgent = (
  { clock }: { readonly clock: Clock },
  { path }: { readonly path: string },
): Agent => ({
  async identities({ signal } = {}) {
    const timeoutMs = AGENT_LIST_TIMEOUT_MS
    const answer = await exchange(identitiesRequest(), { path, clock, timeoutMs, signal })
    const identities = decodeAgentIdentities(answer)
    if (identities !== undefined) return identities
    throw refused('list its keys', 'if it is locked, "ssh-add -X" unlocks it')
  },
  signer(identity, { signal } = {}) {
    const { publicKey, fault, fingerprint, comment, blob } = identity
    if (publicKey === undefined) {
      const message = `the key ${fingerprint} (${comment}) in ssh-agent cannot be used: ${fault}`
      throw new MeshError('ERR_KEY_MALFORMED', message)
    }
    return {
      publicKey,
      async sign(message) {
        const timeoutMs = AGENT_SIGN_TIMEOUT_MS
        const request = signRequest(blob, message)
        const answer = await exchange(request, { path, clock, timeoutMs, signal })
        return requireSignature(publicKey, message, decodeAgentSignature(answer), identity)
      },
    }
  },
})
