import { hash } from 'node:crypto'
import { isMeshError, MeshError } from '../errors/index.ts'
import { concatBytes } from '../util/index.ts'
import { SIGNATURE_BYTES } from './public-key.ts'
import { publicKeyFromSshBlob, singleLine, SSH_KEY_TYPE } from './public-key-text.ts'
import { SshReader, sshString, sshUint32 } from './ssh-wire.ts'
import type { PublicKey } from './types.ts'

/** Longest answer that is read: what OpenSSH allows itself. Stops an agent that never ends. */
export const MAX_AGENT_ANSWER_BYTES = 256 * 2 ** 10

/** Numbers of draft-ietf-sshm-ssh-agent, section 6.1. */
const FAILURE = 5
const REQUEST_IDENTITIES = 11
const IDENTITIES_ANSWER = 12
const SIGN_REQUEST = 13
const SIGN_RESPONSE = 14

const NO_FLAGS = 0

/** One key that an agent holds, of whatever kind. */
export interface AgentIdentity {
  /** The agent's name for it: SSH's binary form of the public key. */
  readonly blob: Uint8Array
  /** `SHA256:…`, as `ssh-add -l` prints it. */
  readonly fingerprint: string
  readonly comment: string
  /** `undefined`: mesh cannot use it, and `fault` says why. */
  readonly publicKey: PublicKey | undefined
  readonly fault: string | undefined
}

const malformed = (why: string): MeshError =>
  new MeshError(
    'ERR_AGENT_UNREACHABLE',
    `what answers as ssh-agent does not answer like one: ${why}; is SSH_AUTH_SOCK the socket of an agent?`,
  )

/** A message with its length before it (section 3). */
const frame = (type: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = concatBytes(Uint8Array.of(type), ...parts)
  return concatBytes(sshUint32(body.length), body)
}

export const identitiesRequest = (): Uint8Array => frame(REQUEST_IDENTITIES)

export const signRequest = (blob: Uint8Array, message: Uint8Array): Uint8Array =>
  frame(SIGN_REQUEST, sshString(blob), sshString(message), sshUint32(NO_FLAGS))

/** Bytes of the answer that these are the first of, its length included; `undefined`: too few to say. */
export const answerLength = (received: Uint8Array): number | undefined => {
  if (received.length < 4) return undefined
  const length = new SshReader(received, malformed).uint32('the length')
  if (length === 0 || length > MAX_AGENT_ANSWER_BYTES) {
    throw malformed(`it announces an answer of ${length} bytes`)
  }
  return length + 4
}

const open = (answer: Uint8Array, wanted: number): SshReader | undefined => {
  const reader = new SshReader(answer, malformed)
  const [type = 0] = reader.fixed(1, 'the type of its answer')
  if (type === FAILURE) return undefined
  if (type !== wanted) throw malformed(`its answer is of type ${type}, not ${wanted}`)
  return reader
}

const identify = (blob: Uint8Array, comment: Uint8Array): AgentIdentity => {
  const common = {
    blob: Uint8Array.from(blob),
    fingerprint: `SHA256:${hash('sha256', blob, 'base64').replace(/=+$/, '')}`,
    comment: singleLine(Buffer.from(comment).toString('utf8')),
  }
  try {
    const publicKey = publicKeyFromSshBlob(blob, (why) => new MeshError('ERR_KEY_MALFORMED', why))
    return { ...common, publicKey, fault: undefined }
  } catch (error) {
    if (!isMeshError(error)) throw error
    return { ...common, publicKey: undefined, fault: error.message }
  }
}

/**
 * The keys in the answer to {@link identitiesRequest}; `undefined`: the agent refuses to tell.
 *
 * @throws MeshError `ERR_AGENT_UNREACHABLE`
 */
export const decodeAgentIdentities = (answer: Uint8Array): AgentIdentity[] | undefined => {
  const reader = open(answer, IDENTITIES_ANSWER)
  if (reader === undefined) return undefined
  const count = reader.uint32('the number of keys')
  const identities: AgentIdentity[] = []
  for (let index = 0; index < count; index++) {
    identities.push(identify(reader.string('a key'), reader.string('a comment')))
  }
  reader.end()
  return identities
}

/**
 * The raw signature in the answer to {@link signRequest}; `undefined`: the agent refuses to sign.
 *
 * @throws MeshError `ERR_AGENT_UNREACHABLE`
 */
export const decodeAgentSignature = (answer: Uint8Array): Uint8Array | undefined => {
  const outer = open(answer, SIGN_RESPONSE)
  if (outer === undefined) return undefined
  const reader = new SshReader(outer.string('the signature'), malformed)
  outer.end()
  const type = reader.word('the signature type')
  if (type !== SSH_KEY_TYPE) throw malformed('its signature is not of the type of the key')
  const signature = reader.string('the signature')
  reader.end()
  if (signature.length !== SIGNATURE_BYTES) {
    throw malformed(`its signature has ${signature.length} bytes, not ${SIGNATURE_BYTES}`)
  }
  return Uint8Array.from(signature)
}
