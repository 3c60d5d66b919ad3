import * as v from 'valibot'
import { DEFAULT_CLUSTER_PORT } from '../../api/index.ts'
import { address, boolean, duration, integer, list, rate, setting, table } from '../values.ts'
import { DAY_MS } from './shared.ts'

export const cluster = table({
  port: v.pipe(
    v.optional(integer(0, 65_535), DEFAULT_CLUSTER_PORT),
    setting({
      type: 'number',
      about:
        'TCP port for other daemons, on all IPv4 and IPv6 addresses; on loopback only while there is neither `network.keys` nor `network.psk`. 0: any free port.',
    }),
  ),
  listen: v.pipe(
    v.optional(list(address({ listen: true, peerId: false }), 'addresses')),
    setting({
      type: 'list of multiaddrs',
      fallback: 'all addresses at `port`',
      about: 'Exactly these addresses, in place of `port`. An empty list: dial out only.',
    }),
  ),
  announce: v.pipe(
    v.optional(list(address({ listen: false, peerId: false }), 'addresses'), []),
    setting({
      type: 'list of multiaddrs',
      about:
        'Addresses told to peers in place of those listened on, as behind port forwarding. Empty: those listened on.',
    }),
  ),
  bootstrap_peers: v.pipe(
    v.optional(list(address({ listen: false, peerId: true }), 'addresses'), []),
    setting({
      type: 'list of multiaddrs',
      about:
        'Where to find the first peers; the rest is learnt from them. `/ip4/…`, `/ip6/…` or `/dns/…`, then `/tcp/PORT`, then `/p2p/PEERID`: `mesh status` on that node shows address and peer id. Two or three stable nodes are enough.',
    }),
  ),
  push_pull_interval: v.pipe(
    v.optional(duration(100, DAY_MS, 'from "100ms" to "1d"'), '30s'),
    setting({
      type: 'duration',
      about:
        'How often this node compares everything with one random peer. Announcements do not wait for it; it heals what they missed.',
    }),
  ),
  max_connections: v.pipe(
    v.optional(integer(1, 10_000), 256),
    setting({ type: 'number', about: 'Most connections to peers at the same time.' }),
  ),
  max_upload: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about:
        'Most bytes a second of content that this node sends to all peers together, as `"10MiB"`. Applies on SIGHUP.',
    }),
  ),
  max_upload_per_peer: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about: 'The same to each peer.',
    }),
  ),
  max_download: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about:
        'Most bytes a second of content that this node fetches from all peers together. Content that peers send with an announcement (up to 16 KiB) does not count.',
    }),
  ),
  max_download_per_peer: v.pipe(
    v.optional(rate()),
    setting({
      type: 'size',
      fallback: 'no limit',
      about: 'The same from each peer.',
    }),
  ),
  allow_open_network: v.pipe(
    v.optional(boolean(), false),
    setting({
      type: 'boolean',
      about:
        'Listen beyond loopback although anybody could join: neither `network.keys` nor `network.psk` is set. File signatures are checked all the same.',
    }),
  ),
  dht: v.pipe(
    v.optional(
      table({
        enabled: v.pipe(
          v.optional(boolean(), false),
          setting({
            type: 'boolean',
            about:
              'Find peers through a distributed hash table (Kademlia) as well. Bootstrap peers and peer exchange are enough for most fleets. It opens protocols of libp2p to members, of which docs/security.md claims less.',
          }),
        ),
      }),
      {},
    ),
    setting({ type: 'table', about: 'Discovery through a distributed hash table.' }),
  ),
})
