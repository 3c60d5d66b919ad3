/**
 * One end of a stream between two processes, as bare as it can be: bytes go in at one end, are counted
 * at the other, and nothing else happens to them.
 *
 *     node stream-main.ts KIND PSK                  listens, prints "listening ADDRESS"
 *     node stream-main.ts KIND PSK ADDRESS BYTES    sends, prints "sent JSON"
 *
 * KIND: `stock` is libp2p as it comes (TCP, @libp2p/pnet, Noise, Yamux), `mesh` the project's own
 * transport with a pre-shared key, `mesh-open` without.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { generatePrivateKey } from '../src/keys/index.ts'
import { createWorkers, silentLogger } from '../src/observe/index.ts'
import { createLibp2pTransport, createMembership } from '../src/transport/index.ts'
import { fromHex, fromUtf8, systemClock, systemRandom, utf8 } from '../src/util/index.ts'
import type { ConnectionProtector, Stream } from '@libp2p/interface'

const PROTOCOL = '/mesh/bench-stream/1'
const PIECE_BYTES = 64 * 2 ** 10
const INIT = { maxFrameBytes: PIECE_BYTES, maxStreamsPerPeer: 1 }
const [kind, pskText = '', address, bytesText] = process.argv.slice(2)
const psk = fromHex(pskText) ?? new Uint8Array(32)

/** What a process has used since it was asked last, in seconds. */
const cpuSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

/** What the receiver says when all has come. */
const receipt = (before: NodeJS.CpuUsage): Uint8Array =>
  utf8(JSON.stringify({ receiverCpuSeconds: cpuSince(before) }))

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const report = (beganMs: number, before: NodeJS.CpuUsage, answer: Uint8Array): void => {
  const senderCpuSeconds = cpuSince(before)
  const seconds = (performance.now() - beganMs) / 1000
  say(
    `sent ${JSON.stringify({ seconds, senderCpuSeconds, ...JSON.parse(fromUtf8(answer) ?? '{}') })}`,
  )
}

/** Its WASM memory gives up when one write is larger than this. */
const pnet = (): (() => ConnectionProtector) => {
  const make = preSharedKey({ psk: utf8(`/key/swarm/psk/1.0.0/\n/base16/\n${pskText}\n`) })
  return (...components) => {
    const inner = make(...components)
    return {
      async protect(connection, options) {
        const outer = await inner.protect(connection, options)
        return Object.assign(outer, { maxMessageSize: PIECE_BYTES })
      },
    }
  }
}

const room = async (stream: Stream): Promise<void> => {
  while (stream.writableNeedsDrain) {
    await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
  }
}

const stock = async (): Promise<void> => {
  const node = await createLibp2p({
    addresses: { listen: address === undefined ? ['/ip4/127.0.0.1/tcp/0'] : [] },
    transports: [tcp()],
    connectionProtector: pnet(),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
  if (address === undefined) {
    await node.handle(PROTOCOL, (stream) => {
      const before = process.cpuUsage()
      stream.addEventListener('message', () => {})
      stream.addEventListener('remoteCloseWrite', () => {
        stream.send(receipt(before))
        void stream.close()
      })
    })
    return say(`listening ${node.getMultiaddrs()[0]}`)
  }
  const stream = await node.dialProtocol(multiaddr(address), PROTOCOL)
  const answered = new Promise<Uint8Array>((resolve) => {
    stream.addEventListener('message', ({ data }) => resolve(data.subarray()))
  })
  const before = process.cpuUsage()
  const beganMs = performance.now()
  for (let left = Number(bytesText); left > 0; left -= PIECE_BYTES) {
    stream.send(systemPiece)
    await room(stream)
  }
  await stream.close()
  report(beganMs, before, await answered)
}

const mesh = async (): Promise<void> => {
  const components = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const transport = createLibp2pTransport(
    {
      ...components,
      identity: generatePrivateKey(systemRandom),
      membership: createMembership(components, { network: 'bench', networkKeys: [] }),
      workers: createWorkers(components),
    },
    {
      listen: address === undefined ? ['/ip4/127.0.0.1/tcp/0'] : [],
      psks: kind === 'mesh' ? [psk] : [],
    },
  )
  if (address === undefined) {
    transport.handle(PROTOCOL, INIT, async (stream) => {
      const before = process.cpuUsage()
      while ((await stream.receive()) !== undefined);
      await stream.send(receipt(before))
    })
    await transport.start()
    return say(`listening ${transport.addresses()[0]}`)
  }
  await transport.start()
  const peer = await transport.dial(address)
  const stream = await transport.open(peer.id, PROTOCOL, INIT)
  const before = process.cpuUsage()
  const beganMs = performance.now()
  for (let left = Number(bytesText); left > 0; left -= PIECE_BYTES) await stream.send(systemPiece)
  await stream.close()
  const answer = await stream.receive()
  report(beganMs, before, answer ?? utf8('{}'))
}

process.once('SIGTERM', () => process.exit(0))
const systemPiece = systemRandom.bytes(PIECE_BYTES)
await (kind === 'stock' ? stock() : mesh())
