/** A member that writes bytes where frames belong. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { generatePrivateKey, parsePsk, signCertificate } from '../../src/keys/index.ts'
import { createHandshakes } from '../../src/transport/handshakes.ts'
import { createLibp2pNode } from '../../src/transport/libp2p-node.ts'
import { createMembership } from '../../src/transport/index.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { yamuxHeader } from './bare-socket.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Cluster, ClusterNode } from '../integration/cluster.ts'

const DATA = 0
const NO_STREAM = 9_999

export interface RawMember {
  readonly name: string
  /** Opens a stream, sends these bytes, and ends it in good order. */
  send(protocol: string, bytes: Uint8Array): Promise<void>
  /** Opens a stream and sends these pieces on it, each in one message with as many bytes for no stream. */
  drip(protocol: string, pieces: Iterable<Uint8Array>, fillerBytes: number): Promise<void>
  stop(): Promise<void>
}

export const openRaw = async (
  { networkId, networkKey, directory }: Pick<Cluster, 'networkId' | 'networkKey' | 'directory'>,
  { address }: Pick<ClusterNode, 'address'>,
  what: string,
): Promise<RawMember> => {
  const [clock, random] = [systemClock, systemRandom]
  const identity = generatePrivateKey(random)
  const name = `mallory-raw-${what}`
  const nowMs = Date.now()
  const certificate = await signCertificate(networkKey, {
    network: networkId,
    name,
    key: identity.publicKey,
    issued: nowMs as Timestamp,
    expires: (nowMs + 3_600_000) as Timestamp,
    namespaces: [],
  })
  const membership = createMembership(
    { clock },
    { network: networkId, networkKeys: [networkKey.publicKey], certificate },
  )
  const nothing = (): void => {}
  const node = await createLibp2pNode(
    { identity, clock, random, handshakes: createHandshakes({ clock }, { onFailed: nothing }) },
    {
      listen: [],
      psks: [parsePsk(readFileSync(join(directory, 'psk'), 'utf8'))],
      announce: [],
      dht: false,
      maxConnections: 10,
      maxInboundBytesPerSecond: 2 ** 30,
      membership: () => membership,
      checkPlace: nothing,
      isAvoided: () => false,
      onDiscovered: nothing,
      onBreach: nothing,
      onRefused: nothing,
      onOpen: nothing,
      onClose: nothing,
    },
  )
  await node.start()
  return {
    name,
    async send(protocol, bytes) {
      const stream = await node.dialProtocol(multiaddr(address), protocol)
      stream.send(bytes)
      await stream.close()
    },
    async drip(protocol, pieces, fillerBytes) {
      const connection = await node.dial(multiaddr(address))
      const stream = await connection.newStream(protocol)
      // Below its streams, which would send nothing for one that there is not.
      const muxer: { send(bytes: Uint8Array): boolean } = Reflect.get(connection, 'muxer')
      const filler = Buffer.concat([
        yamuxHeader(DATA, { stream: NO_STREAM, length: fillerBytes }),
        Buffer.alloc(fillerBytes),
      ])
      for (const piece of pieces) {
        const header = yamuxHeader(DATA, {
          stream: Number(Reflect.get(stream, 'streamId')),
          length: piece.length,
        })
        const goesOn = muxer.send(Buffer.concat([header, piece, filler]))
        await setTimeout(goesOn ? 0 : 5)
      }
    },
    stop: async () => node.stop(),
  }
}
