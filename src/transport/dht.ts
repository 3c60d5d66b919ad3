import { MAX_DHT_STREAMS } from './limits.ts'
import type { KadDHTComponents } from '@libp2p/kad-dht'
import type { Libp2pOptions } from 'libp2p'

type Factories = NonNullable<Libp2pOptions<Record<string, unknown>>['services']>

/** Ours alone: this table meets no other network's, whatever a node is connected to. */
const DHT_PROTOCOL = '/mesh/kad/1'
const PROTOCOL_PREFIX = 'mesh'

const refuse = (): never => {
  throw new Error('this network finds peers with its DHT, and keeps no records in it')
}

/** Members could store whatever they like in each other's memory otherwise. */
const withoutRecords = (datastore: KadDHTComponents['datastore']): KadDHTComponents['datastore'] =>
  Object.create(datastore, {
    put: { value: refuse },
    putMany: { value: refuse },
    batch: { value: refuse },
  })

/**
 * Kademlia over the members of this network, for finding peers and nothing else. Loaded only when
 * it is asked for: it is a third of what libp2p weighs, and its refreshes are traffic at rest.
 */
export const loadDht = async (): Promise<Factories> => {
  const [{ identify }, { ping }, { kadDHT, passthroughMapper }] = await Promise.all([
    import('@libp2p/identify'),
    import('@libp2p/ping'),
    import('@libp2p/kad-dht'),
  ])
  const limits = { maxInboundStreams: MAX_DHT_STREAMS, protocolPrefix: PROTOCOL_PREFIX }
  const makeDht = kadDHT({
    protocol: DHT_PROTOCOL,
    // It is one of the servers at once: libp2p would wait until it has proved a public address.
    clientMode: false,
    // Members of one network may well live behind private addresses.
    peerInfoMapper: passthroughMapper,
    validators: { pk: refuse },
    maxInboundStreams: MAX_DHT_STREAMS,
  })
  return {
    identify: identify(limits),
    ping: ping(limits),
    dht: (components) =>
      makeDht({
        peerId: components.peerId,
        privateKey: components.privateKey,
        registrar: components.registrar,
        addressManager: components.addressManager,
        peerStore: components.peerStore,
        connectionManager: components.connectionManager,
        datastore: withoutRecords(components.datastore),
        events: components.events,
        logger: components.logger,
        ping: components.ping,
      }),
  }
}
