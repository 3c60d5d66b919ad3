import { MeshError } from '../errors/index.ts'
import { createAgent, MAX_KEY_TEXT_BYTES, parsePublicKey } from '../keys/index.ts'
import { readSmallFile } from './content.ts'
import type { Command } from 'commander'
import type { AgentIdentity, PublicKey, SigningKey } from '../keys/index.ts'
import type { Context } from './context.ts'

/** Options of every command that can sign with a key in ssh-agent. */
export interface AgentOptions {
  readonly agent?: boolean
}

export const withAgentOption = (command: Command): Command =>
  command.option(
    '--agent',
    'sign with ssh-agent [$SSH_AUTH_SOCK]; a key is then named by fingerprint, comment, public key, or file of one',
  )

const describe = ({ fingerprint, comment }: AgentIdentity): string => `${fingerprint} (${comment})`

const refused = (message: string): MeshError => new MeshError('ERR_AGENT_REFUSED', message)

/** The key in a file, or in the `.pub` beside a private one, as ssh looks for it. */
const publicKeyIn = async (path: string): Promise<PublicKey | undefined> => {
  for (const each of path.endsWith('.pub') ? [path] : [`${path}.pub`, path]) {
    const text = await readSmallFile(each, MAX_KEY_TEXT_BYTES).catch(() => undefined)
    if (text === undefined || text.includes('PRIVATE KEY-----')) continue
    return parsePublicKey(text)
  }
  return undefined
}

const tryParse = (text: string): PublicKey | undefined => {
  try {
    return parsePublicKey(text)
  } catch {
    return undefined
  }
}

/** Those of the agent's keys that are meant. */
const matching = async (
  held: readonly AgentIdentity[],
  given: string,
): Promise<readonly AgentIdentity[]> => {
  const named = held.filter(
    ({ fingerprint, comment }) => fingerprint === given || comment === given,
  )
  // A certificate of a key has the key's comment.
  const usable = named.filter(({ publicKey }) => publicKey !== undefined)
  if (named.length > 0) return usable.length > 0 ? usable : named
  const key = tryParse(given) ?? (await publicKeyIn(given))
  return key === undefined ? [] : held.filter(({ publicKey }) => publicKey === key)
}

const choose = async (
  held: readonly AgentIdentity[],
  given: string | undefined,
): Promise<AgentIdentity> => {
  if (held.length === 0) {
    throw refused(
      'ssh-agent shows no key: it holds none ("ssh-add FILE" adds one), or it is locked ("ssh-add -X")',
    )
  }
  const usable = held.filter(({ publicKey }) => publicKey !== undefined)
  const candidates = given === undefined ? usable : await matching(held, given)
  const [first, ...others] = candidates
  if (first !== undefined && others.length === 0) return first
  const list = (candidates.length > 0 ? candidates : held).map(describe).join(', ')
  if (given === undefined) {
    throw first === undefined
      ? refused(`ssh-agent holds no ed25519 key: it has ${list}`)
      : refused(`ssh-agent holds several keys; name one with --key: ${list}`)
  }
  throw first === undefined
    ? refused(`no key in ssh-agent is ${JSON.stringify(given)}; it has ${list}`)
    : refused(`${JSON.stringify(given)} is several keys in ssh-agent; name one of ${list}`)
}

/**
 * Keys in ssh-agent: those that are named, or the only one it has.
 *
 * @throws MeshError `ERR_AGENT_*`, `ERR_KEY_*`
 */
export const findAgentKeys = async (
  given: readonly string[],
  { env, clock, signal }: Context,
): Promise<SigningKey[]> => {
  const path = env.SSH_AUTH_SOCK ?? ''
  if (path === '') {
    throw new MeshError(
      'ERR_AGENT_UNREACHABLE',
      'SSH_AUTH_SOCK is not set: start an agent with "eval $(ssh-agent)" and "ssh-add FILE", or leave --agent out',
    )
  }
  const agent = createAgent({ clock }, { path })
  const held = await agent.identities({ signal })
  const keys = new Map<PublicKey, SigningKey>()
  for (const each of given.length === 0 ? [undefined] : given) {
    const key = agent.signer(await choose(held, each), { signal })
    keys.set(key.publicKey, key)
  }
  return [...keys.values()]
}
