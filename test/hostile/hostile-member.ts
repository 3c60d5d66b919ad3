/** A member of a cluster with every right to be in it, that says whatever a test has it say. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generatePrivateKey, parsePsk, signCertificate } from '../../src/keys/index.ts'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createLibp2pTransport, createMembership } from '../../src/transport/index.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { FrameStream, ProtocolHandler, Transport } from '../../src/transport/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Cluster } from '../integration/cluster.ts'

export const PROTOCOLS = [
  '/mesh/announce/1',
  '/mesh/push-pull/1',
  '/mesh/content/1',
  '/mesh/blocks/1',
  '/mesh/peers/1',
] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** Type byte of the answer to hello; see docs/protocols/announce.md. */
const WELCOME = 2
/** No limits of ours keep it from anything. */
const UNLIMITED = { maxFrameBytes: 64 * 2 ** 20, maxStreamsPerPeer: 1_000 }

export interface HostileMember {
  readonly transport: Transport
  /** Its own; may sign in the namespaces that its certificate names. */
  readonly identity: PrivateKey
  readonly certificate: string
  /** The stream of announcements that the victim opens to each neighbour, after the greeting. */
  readonly link: Promise<FrameStream>
  open(protocol: string): Promise<FrameStream>
  stop(): Promise<void>
}

export interface HostileMemberInit {
  /** @default 'mallory' */
  readonly name?: string
  readonly handlers?: Partial<Record<Protocol, ProtocolHandler>>
  /** Who signs its certificate. @default the network's own key */
  readonly signedBy?: PrivateKey
  /** Before now, if it is negative. @default one hour */
  readonly expiresInMs?: number
  /** @default none */
  readonly namespaces?: readonly string[]
}

/** Connects to one node; what `handlers` do not name is met by silence. */
export const createHostileMember = async (
  { networkId, networkKey, directory }: Pick<Cluster, 'networkId' | 'networkKey' | 'directory'>,
  victim: { readonly address: string; readonly peerId: FrameStream['peer'] },
  {
    name = 'mallory',
    handlers = {},
    signedBy = networkKey,
    expiresInMs = 3_600_000,
    namespaces = [],
  }: HostileMemberInit = {},
): Promise<HostileMember> => {
  const [clock, random, logger] = [systemClock, systemRandom, silentLogger]
  const identity = generatePrivateKey(random)
  const nowMs = Date.now()
  const certificate = await signCertificate(signedBy, {
    network: networkId,
    name,
    key: identity.publicKey,
    issued: (nowMs + Math.min(0, 2 * expiresInMs)) as Timestamp,
    expires: (nowMs + expiresInMs) as Timestamp,
    namespaces: [...namespaces],
  })
  const membership = createMembership(
    { clock },
    { network: networkId, networkKeys: [networkKey.publicKey], certificate },
  )
  const workers = createWorkers({ clock, random, logger })
  const psks = [parsePsk(readFileSync(join(directory, 'psk'), 'utf8'))]
  const transport = createLibp2pTransport(
    { identity, membership, clock, random, logger, workers },
    { listen: [], psks },
  )
  const silence: ProtocolHandler = async (stream) => {
    while ((await stream.receive()) !== undefined);
  }
  const link = Promise.withResolvers<FrameStream>()
  const welcome: ProtocolHandler = async (stream) => {
    await stream.receive()
    await stream.send(Uint8Array.of(WELCOME))
    link.resolve(stream)
    await once(stream.signal, 'abort')
  }
  for (const protocol of PROTOCOLS) {
    const usual = protocol === '/mesh/announce/1' ? welcome : silence
    transport.handle(protocol, UNLIMITED, handlers[protocol] ?? usual)
  }
  await transport.start()
  await transport.dial(victim.address).catch(async (error: unknown) => {
    await transport.stop()
    throw error
  })
  return {
    ...{ transport, identity, certificate },
    link: link.promise,
    open: (protocol) => transport.open(victim.peerId, protocol, UNLIMITED),
    stop: () => transport.stop(),
  }
}
