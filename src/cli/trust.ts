import { isMeshError, MeshError } from '../errors/index.ts'
import { formatPublicKey, parseCertificate, publicKeyFromPeerId } from '../keys/index.ts'
import { parsePeerId, verifyCertificate } from '../keys/index.ts'
import { decodeCertificates, decodeRevocations } from '../trust/index.ts'
import { CERTIFICATES_FILE, REVOKED_FILE } from '../trust/index.ts'
import { concatBytes, sha256 } from '../util/index.ts'
import { findAgentKeys, withAgentOption } from './agent.ts'
import { readKeyFile, readPublicKey, withPassphraseOption } from './key-files.ts'
import { withRetries } from './retry.ts'
import { collect } from './sign-options.ts'
import { lookUp, makeStatement } from './statement.ts'
import { fromHeaders, toHeaders } from './statement-headers.ts'
import { requireSigner } from './statement-files.ts'
import type { Command } from 'commander'
import type { StoredBody } from '../api/index.ts'
import type { Client } from '../client/index.ts'
import type { NodeCertificate, PublicKey, SigningKey } from '../keys/index.ts'
import type { FileName } from '../statement/index.ts'
import type { ListedCertificate, Revocation } from '../trust/index.ts'
import type { AgentOptions } from './agent.ts'
import type { Content } from './content.ts'
import type { Context } from './context.ts'
import type { PassphraseOptions } from './key-files.ts'
import type { Standing } from './statement.ts'

/** Options of every command that signs one of the network's own files. */
export interface NetworkKeyOptions extends AgentOptions, PassphraseOptions {
  readonly networkKey: string
  readonly networkPublicKey?: readonly string[]
}

/** Adds `--network-key`. */
export const withNetworkKeyOption = (command: Command): Command =>
  withAgentOption(
    withPassphraseOption(
      command.requiredOption('--network-key <path>', 'private network key that signs'),
    ),
  )

/** Adds `--network-key` and what goes with it. */
export const withNetworkKeyOptions = (command: Command): Command =>
  withNetworkKeyOption(
    command.option(
      '--network-public-key <key>',
      'further network key, public, that may have signed what is there; may be repeated',
      collect,
    ),
  )

/** The key that signs, and all whose word is taken. */
export interface NetworkKeys {
  readonly signer: SigningKey
  readonly trusted: readonly PublicKey[]
}

/**
 * The network key that signs, from its file or in ssh-agent.
 *
 * @throws MeshError `ERR_KEY_*`, `ERR_AGENT_*`
 */
export const readNetworkKey = async (
  { agent = false, networkKey, ...passphrase }: NetworkKeyOptions,
  context: Context,
): Promise<SigningKey> => {
  if (!agent) return readKeyFile(networkKey, passphrase, context)
  const [key] = await findAgentKeys([networkKey], context)
  if (key !== undefined) return key
  throw new MeshError('ERR_AGENT_REFUSED', 'ssh-agent has no such key')
}

/** @throws MeshError `ERR_KEY_*`, `ERR_AGENT_*` */
export const readNetworkKeys = async (
  { networkPublicKey = [], ...options }: NetworkKeyOptions,
  context: Context,
): Promise<NetworkKeys> => {
  const signer = await readNetworkKey(options, context)
  const others = await Promise.all(networkPublicKey.map(readPublicKey))
  return { signer, trusted: [signer.publicKey, ...others] }
}

/** One of the network's own files as a daemon has it, checked. */
export interface PresentFile {
  readonly standing: Standing
  /** `undefined`: none was published, or it was deleted. */
  readonly content: Uint8Array | undefined
  /** Whose signatures are on it, of those that are trusted. */
  readonly signers: readonly PublicKey[]
}

const readAll = async (
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of chunks) {
    length += piece.length
    if (length > maxBytes) {
      throw new MeshError('ERR_FILE_CONTENT_MISMATCH', 'the daemon sends more than was signed')
    }
    pieces.push(Uint8Array.from(piece))
  }
  return concatBytes(...pieces)
}

const noNetworkKeys = (client: Client, cause: unknown): MeshError =>
  new MeshError(
    'ERR_FILE_NOT_CONFIGURED',
    `${client.address} has no network keys configured (network.keys), and so no files of the network's own`,
    { cause },
  )

/**
 * What a daemon has of one of the network's own files. It is the base of the next version, so a daemon
 * is not believed: a network key that we trust must have signed it.
 *
 * @throws MeshError
 */
export const readPresent = async (
  client: Client,
  name: FileName,
  trusted: readonly PublicKey[],
  context: Context,
): Promise<PresentFile> => {
  const { signal } = context
  const standing = await withRetries(context, () => lookUp(client, name, context)).catch(
    (error: unknown) => {
      throw isMeshError(error, 'ERR_FILE_NOT_CONFIGURED') ? noNetworkKeys(client, error) : error
    },
  )
  const { current } = standing
  if (current === null || current === undefined || current.deleted) {
    return { standing, content: undefined, signers: [] }
  }
  const download = await client.download(name, { signal }).catch((error: unknown) => {
    if (!isMeshError(error)) throw error
    throw new MeshError(
      error.code,
      `${client.address} has version ${current.version} of ${name} but not its content, which the next version builds on; ask another daemon: ${error.message}`,
      { cause: error },
    )
  })
  const signed = fromHeaders(download)
  let signers: PublicKey[]
  try {
    signers = requireSigner(signed, trusted)
  } catch (error) {
    if (!isMeshError(error, 'ERR_FILE_SIGNER_NOT_ALLOWED')) throw error
    const by = signed.signatures.map(({ key }) => formatPublicKey(key, 'openssh')).join(', ')
    const message = `version ${current.version} of ${name} is signed by ${by}; if that is a network key, name it with --network-public-key`
    throw new MeshError(error.code, message, { cause: error })
  }
  const { statement } = signed
  const isIt = statement.name === name && statement.network === standing.networkId
  const { content } = statement
  if (!isIt || content === 'deleted') {
    throw new MeshError('ERR_RESPONSE_MALFORMED', `${client.address} answers with another file`)
  }
  const bytes = await readAll(download.chunks, content.sizeBytes)
  if (sha256(bytes) !== content.digest) {
    throw new MeshError(
      'ERR_FILE_CONTENT_MISMATCH',
      `${client.address} sends another ${name} than was signed`,
    )
  }
  return {
    standing: {
      ...standing,
      current: { id: signed.id, version: statement.version, deleted: false },
    },
    content: bytes,
    signers,
  }
}

/** The certificates in the file as a daemon has it. */
export const readListed = async (
  ...args: [Client, readonly PublicKey[], Context]
): Promise<PresentFile & { readonly listed: ReadonlyMap<PublicKey, ListedCertificate> }> => {
  const [client, trusted, context] = args
  const present = await readPresent(client, CERTIFICATES_FILE, trusted, context)
  const { content } = present
  return {
    ...present,
    listed: content === undefined ? new Map() : decodeCertificates(content).certificates,
  }
}

/** The revocations in the file as a daemon has it. */
export const readRevoked = async (
  ...args: [Client, readonly PublicKey[], Context]
): Promise<PresentFile & { readonly revoked: ReadonlyMap<PublicKey, Revocation> }> => {
  const [client, trusted, context] = args
  const present = await readPresent(client, REVOKED_FILE, trusted, context)
  const { content } = present
  return {
    ...present,
    revoked: content === undefined ? new Map() : decodeRevocations(content).revocations,
  }
}

/** Small enough to go without blocks. */
const inMemory = (shown: string, bytes: Uint8Array): Omit<Content, 'listed'> => ({
  shown,
  digest: sha256(bytes),
  sizeBytes: bytes.length,
  blocks: 'none',
  async *chunks() {
    yield bytes
  },
  close: async () => {},
})

/** Signs the next version of one of the network's own files and hands it to a daemon. */
export const publishTrust = async (
  client: Client,
  {
    name,
    bytes,
    standing,
    expires,
  }: {
    readonly name: FileName
    readonly bytes: Uint8Array
    readonly standing: Standing
    readonly expires?: string
  },
  { signer }: NetworkKeys,
  context: Context,
): Promise<{ readonly version: number; readonly stored: StoredBody }> => {
  const content = inMemory(name, bytes)
  const options = expires === undefined ? {} : { expires }
  const signed = await makeStatement({ name, content, options, standing }, [signer], context)
  const { sizeBytes, chunks } = content
  const upload = { ...toHeaders(signed), sizeBytes, chunks: chunks(), force: false }
  const stored = await client
    .upload(name, upload, { signal: context.signal })
    .catch((error: unknown) => {
      if (!isMeshError(error, 'ERR_FILE_SIGNER_NOT_ALLOWED')) throw error
      const key = formatPublicKey(signer.publicKey, 'openssh')
      const message = `${key} is not among network.keys of ${client.address}: nothing was published`
      throw new MeshError(error.code, message, { cause: error })
    })
  return { version: signed.statement.version, stored }
}

/** One certificate that somebody told us of, and that a trusted network key has signed. */
export interface TrustedCertificate {
  readonly certificate: NodeCertificate
  readonly text: string
}

/**
 * A certificate whose signature holds, whether it has expired or not; it may be renewed then. Whoever
 * told of it is not believed: it could have put its own key under another's name.
 *
 * @throws MeshError `ERR_CERTIFICATE_*`
 */
export const trustCertificate = (
  text: string,
  network: string,
  trusted: readonly PublicKey[],
): TrustedCertificate => {
  const nowMs = parseCertificate(text).certificate.issued
  return { certificate: verifyCertificate(text, { network, networkKeys: trusted, nowMs }), text }
}

/** A certificate that a daemon told of and nobody whom we trust has signed. */
export interface LeftOut {
  /** As it says itself; `undefined`: it says nothing that can be read. */
  readonly certificate: NodeCertificate | undefined
  readonly why: string
}

/** What a daemon knows, as far as it can be believed. */
export interface Known {
  /** The newest certificate of each node. */
  readonly certificates: ReadonlyMap<PublicKey, TrustedCertificate>
  readonly leftOut: readonly LeftOut[]
}

/** What a certificate says itself, and why that is not believed. */
const leftOutOf = (text: string, error: MeshError, trusted: readonly PublicKey[]): LeftOut => {
  try {
    const { certificate, signer } = parseCertificate(text)
    if (trusted.includes(signer)) return { certificate, why: error.message }
    const key = formatPublicKey(signer, 'openssh')
    const why = `it is signed by ${key}; if that is a network key, name it with --network-public-key`
    return { certificate, why }
  } catch (cause) {
    if (!isMeshError(cause)) throw cause
    return { certificate: undefined, why: cause.message }
  }
}

/**
 * The newest certificate of each node that a daemon knows of: all of them over the unix socket, those of
 * `_mesh/certificates` over TCP. What no trusted key has signed is left out.
 */
export const readKnown = async (
  client: Client,
  trusted: readonly PublicKey[],
  context: Context,
): Promise<Known> => {
  const { signal } = context
  const known = new Map<PublicKey, TrustedCertificate>()
  const leftOut: LeftOut[] = []
  const add = (text: string, network: string): void => {
    try {
      const found = trustCertificate(text, network, trusted)
      const before = known.get(found.certificate.key)
      if (before !== undefined && before.certificate.issued >= found.certificate.issued) return
      known.set(found.certificate.key, found)
    } catch (error) {
      if (!isMeshError(error)) throw error
      leftOut.push(leftOutOf(text, error, trusted))
    }
  }
  try {
    const { networkId, certificates } = await withRetries(context, () =>
      client.certificates({ signal }),
    )
    for (const { text } of certificates) add(text, networkId)
  } catch (error) {
    if (!isMeshError(error, 'ERR_REQUEST_FORBIDDEN')) throw error
    const { listed, standing } = await readListed(client, trusted, context)
    for (const { text } of listed.values()) add(text, standing.networkId)
  }
  // Of a node with a newer certificate that is trusted, nothing is left out.
  return {
    certificates: known,
    leftOut: leftOut.filter(
      ({ certificate }) => certificate === undefined || !known.has(certificate.key),
    ),
  }
}

/**
 * The node that somebody means by a name, a peer id, a public key or a file of one.
 *
 * @throws MeshError `ERR_USAGE`, `ERR_KEY_*`
 */
export const findNode = async (
  given: string,
  known: ReadonlyMap<PublicKey, TrustedCertificate>,
): Promise<{ readonly key: PublicKey; readonly name: string | undefined }> => {
  const named = [...known.values()].filter(({ certificate }) => certificate.name === given)
  const [first, second] = named
  if (first !== undefined && second === undefined) {
    return { key: first.certificate.key, name: given }
  }
  if (second !== undefined) {
    const message = `${named.length} nodes are named ${JSON.stringify(given)}; name one by its peer id (mesh certificate list)`
    throw new MeshError('ERR_USAGE', message)
  }
  const peerId = parsePeerId(given)
  const key = peerId === undefined ? await readNamedKey(given) : publicKeyFromPeerId(peerId)
  return { key, name: known.get(key)?.certificate.name }
}

const readNamedKey = async (given: string): Promise<PublicKey> => {
  try {
    return await readPublicKey(given)
  } catch (error) {
    if (!isMeshError(error)) throw error
    const message = `${JSON.stringify(given)} is no node that the daemon knows by this name, and no peer id or public key; see mesh certificate list`
    throw new MeshError('ERR_USAGE', message, { cause: error })
  }
}
