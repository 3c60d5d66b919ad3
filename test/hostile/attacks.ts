/** Everything a member, and a client, can do to a daemon at once. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { signStatement } from '../../src/statement/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { sign } from '../integration/cluster.ts'
import { createHostileMember } from './hostile-member.ts'
import { found, have, items, peerExchange, record, request, round } from './wire.ts'
import type { Socket } from 'node:net'
import type { FrameStream } from '../../src/transport/index.ts'
import type { Cluster, ClusterNode } from '../integration/cluster.ts'
import type { HostileMember } from './hostile-member.ts'

export type Target = Pick<Cluster, 'networkId' | 'networkKey' | 'signer' | 'directory'>

/** What an attacker in a process of its own is told; keys as OpenSSH text. */
export interface Siege {
  readonly cluster: Pick<Target, 'networkId' | 'directory'> & {
    readonly networkKey: string
    readonly signer: string
  }
  readonly victims: readonly Pick<ClusterNode, 'address' | 'peerId' | 'url'>[]
  /** A large file that all of them show, and the digest of its content. */
  readonly large: { readonly name: string; readonly digest: string }
}

/** Of a fresh member; it is to last as long as the victim lets it. */
type Attack = (
  member: HostileMember,
  context: { cluster: Target; signal: AbortSignal; large?: Siege['large'] | undefined },
) => Promise<void>

const ANSWER_TIMEOUT_MS = 2_000

/** Again and again, until `signal` or a refusal. */
const repeat = async (signal: AbortSignal, work: () => Promise<unknown>): Promise<void> => {
  while (!signal.aborted) await work()
}

/** Content that a signer did sign, and that this member claims to have. */
const CLAIMED = { name: 'big', sizeBytes: 300_000 }

export const attacks: Readonly<Record<string, Attack>> = {
  'claims without end': async ({ link }, { signal }) => {
    const stream = await link
    await repeat(signal, () =>
      stream.send(
        have(
          ...Array.from({ length: 1_024 }, () => ({
            name: `claimed/${randomBytes(8).toString('hex')}`,
            digest: randomBytes(32).toString('hex'),
          })),
        ),
      ),
    )
  },
  'records for others by signers that nobody knows': async ({ link }, { cluster, signal }) => {
    const stream = await link
    await repeat(signal, async () => {
      const { statement } = await sign(cluster, `unknown/${randomBytes(8).toString('hex')}`, 'x')
      const signed = await signStatement(statement, [generatePrivateKey(systemRandom)])
      await stream.send(items({ record: record(signed), content: 'x' }))
    })
  },
  'content that never ends': async ({ link }, { cluster, signal }) => {
    const stream = await link
    await repeat(signal, async () => {
      // Old by the time that an honest one comes: what wins is for honest nodes to say.
      const signed = await sign(cluster, CLAIMED.name, randomBytes(CLAIMED.sizeBytes))
      await stream.send(items({ record: record(signed), holds: true }))
    })
  },
  'rounds of lies': async ({ open }, { signal }) => {
    const stream = await open('/mesh/push-pull/1')
    await repeat(signal, async () => {
      await stream.send(round(randomBytes(32).toString('hex')))
      await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
    })
  },
  'questions whose answers it does not read': async ({ open }, { signal }) => {
    await repeat(signal, async () => {
      const stream = await open('/mesh/content/1')
      await stream.send(request('hello.txt', randomBytes(32).toString('hex')))
    })
  },
  'content that it asks for and does not take': async ({ open }, { signal, large }) => {
    if (large === undefined) return
    await repeat(signal, async () => {
      const stream = await open('/mesh/content/1')
      await stream.send(request(large.name, large.digest))
    })
  },
  'tales of peers that are not there': async ({ open }, { signal }) => {
    await repeat(signal, async () => {
      const stream = await open('/mesh/peers/1')
      const tales = Array.from({ length: 32 }, (_, index) => ({
        key: generatePrivateKey(systemRandom).publicKey,
        locations: [`/ip4/10.255.${index}.1/tcp/9`, `/dns4/nobody-${index}.invalid/tcp/9`],
      }))
      await stream.send(peerExchange(tales))
      await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
      await stream.close()
    })
  },
  'pings without end': async ({ open }, { signal }) => {
    const stream = await open('/mesh/ping/1')
    await repeat(signal, () => stream.send(randomBytes(32)))
  },
}

/** Sends what was asked for and goes on for ever. */
const endless = async (stream: FrameStream): Promise<void> => {
  await stream.receive()
  await stream.send(found(CLAIMED.sizeBytes))
  for (;;) await stream.send(new Uint8Array(200_000))
}

/** A byte a second: slow retrieval. */
const dropByDrop =
  (signal: AbortSignal) =>
  async (stream: FrameStream): Promise<void> => {
    await stream.receive()
    await stream.send(found(CLAIMED.sizeBytes))
    await repeat(signal, async () => {
      await stream.send(new Uint8Array(1))
      await pause(1_000, signal)
    })
  }

const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, delayMs)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })

/** How long one identity goes on before it makes itself known by a forgery. */
const LIFE_MS = 3_000
/** Before it comes back under another name, as no honest network would let it. */
const REST_MS = 200

/**
 * All attacks at once on one node, until `signal`; whenever it is cut off or was at it for a while,
 * it comes again as somebody else. Answers under which names it came.
 */
export const besiege = async (
  cluster: Target,
  victim: Pick<ClusterNode, 'address' | 'peerId'>,
  { who, signal, large }: { who: string; signal: AbortSignal; large?: Siege['large'] },
): Promise<readonly string[]> => {
  const names: string[] = []
  while (!signal.aborted) {
    const name = `${who}-${names.length + 1}`
    const member = await createHostileMember(cluster, victim, {
      name,
      handlers: { '/mesh/content/1': names.length % 2 === 0 ? endless : dropByDrop(signal) },
    }).catch(() => undefined)
    if (member === undefined) {
      await pause(REST_MS, signal)
      continue
    }
    names.push(name)
    const life = AbortSignal.any([signal, AbortSignal.timeout(LIFE_MS)])
    // Each ends when it is refused, and then the others go on.
    for (const attack of Object.values(attacks)) {
      void attack(member, { cluster, signal: life, large }).catch(() => {})
    }
    await pause(LIFE_MS, life)
    await member
      .open('/mesh/announce/1')
      .then((stream) => stream.send(Buffer.of(0xff)))
      .catch(() => {})
    await member.stop().catch(() => {})
    await pause(REST_MS, signal)
  }
  return names
}

/** Of one client to one node, at the same time. */
const SLOW_SOCKETS = 40
/** Of one client, that ask for a large file and take nothing of it. */
const DEAF_SOCKETS = 32

/** Keeps so many connections on which a large file is asked for and not read. */
export const ignoreAnswers = async (
  { url }: Pick<ClusterNode, 'url'>,
  { name }: Siege['large'],
  { signal }: { signal: AbortSignal },
): Promise<void> => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  while (!signal.aborted) {
    while (sockets.size < DEAF_SOCKETS) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      sockets.add(socket.pause().once('close', () => sockets.delete(socket)))
      socket.write(`GET /files/${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    }
    await pause(1_000, signal)
  }
  for (const socket of sockets) socket.destroy()
}

/** Requests that never end, headers without end, pipelines, nonsense and half-closed sockets. */
export const pesterHttp = async (
  { url }: Pick<ClusterNode, 'url'>,
  { signal }: { signal: AbortSignal },
): Promise<void> => {
  const { hostname, port } = new URL(url)
  const openings = [
    'PUT /files/hello.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n',
    `GET / HTTP/1.1\r\nHost: localhost\r\n${'X-Flood: 1\r\n'.repeat(3_000)}`,
    'GET /files/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200),
    'GET http://elsewhere/files/hello.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    '\x16\x03\x01 nonsense\r\n\r\n',
  ]
  while (!signal.aborted) {
    const sockets = Array.from({ length: SLOW_SOCKETS }, (_, index) => {
      const socket = connect(Number(port), hostname).on('error', () => {})
      socket.write(openings[index % openings.length] ?? '')
      if (index % 3 === 0) socket.end()
      return socket
    })
    await pause(1_000, signal)
    for (const socket of sockets) socket.destroy()
  }
}
