/** What clients, and strangers that are no members, can do to a daemon at once. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { signStatement } from '../../src/statement/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { sign } from '../integration/cluster.ts'
import { pause } from './attacks.ts'
import { fieldsOf } from './scene.ts'
import type { Socket } from 'node:net'
import type { ClusterNode } from '../integration/cluster.ts'
import type { Large, Target } from './attacks.ts'

interface Context {
  readonly signal: AbortSignal
  /** Called for each connection that there was. */
  count(): void
}

/** Of one client to one node, at the same time. */
const SLOW_SOCKETS = 40
/** Of one client, that ask for a large file, or for events, and take nothing of it. */
const DEAF_SOCKETS = 32
const STRANGERS = 10
const ROUND_MS = 1_000

/** Keeps so many connections on which something is asked for and not read. */
export const ignoreAnswers = async (
  { url }: Pick<ClusterNode, 'url'>,
  { name }: Large,
  { signal, count }: Context,
): Promise<void> => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  while (!signal.aborted) {
    while (sockets.size < DEAF_SOCKETS) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      sockets.add(socket.pause().once('close', () => sockets.delete(socket)))
      socket.once('connect', count)
      const path = sockets.size % 4 === 0 ? '/events' : `/files/${name}`
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    }
    await pause(ROUND_MS, signal)
  }
  for (const socket of sockets) socket.destroy()
}

/** Each second so many connections, with these openings by turns; a third of them half-closed. */
const knock = async (
  place: { readonly host: string; readonly port: number },
  { signal, count }: Context,
  { connections, openings }: { connections: number; openings: readonly (string | Uint8Array)[] },
): Promise<void> => {
  while (!signal.aborted) {
    const sockets = Array.from({ length: connections }, (_, index) => {
      const socket = connect(place)
        .on('error', () => {})
        .once('connect', count)
      socket.write(openings[index % openings.length] ?? '')
      if (index % 3 === 0) socket.end()
      return socket
    })
    await pause(ROUND_MS, signal)
    for (const socket of sockets) socket.destroy()
  }
}

/** Uploads that are slow, endless or wrongly signed, headers without end, pipelines and nonsense. */
export const pesterHttp = async (
  { url }: Pick<ClusterNode, 'url'>,
  cluster: Target,
  context: Context,
): Promise<void> => {
  const { hostname: host, port } = new URL(url)
  const headOf = (fields: ReturnType<typeof fieldsOf>): string =>
    [
      'PUT /files/hello.txt HTTP/1.1',
      'Host: localhost',
      `Mesh-Statement: ${fields.statement}`,
      ...fields.signatures.map((signature) => `Mesh-Signature: ${signature}`),
    ].join('\r\n')
  const good = await sign(cluster, 'hello.txt', 'x'.repeat(9_999), { version: 1 })
  const foreign = await signStatement(good.statement, [generatePrivateKey(systemRandom)])
  const chunk = `2000\r\n${'x'.repeat(8_192)}\r\n`
  await knock({ host, port: Number(port) }, context, {
    connections: SLOW_SOCKETS,
    openings: [
      'PUT /files/hello.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n',
      `${headOf(fieldsOf(good))}\r\nContent-Length: 9999\r\n\r\nslow`,
      `${headOf(fieldsOf(good))}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(10)}`,
      `${headOf(fieldsOf(foreign))}\r\nContent-Length: 9999\r\n\r\n${'x'.repeat(9_999)}`,
      `GET / HTTP/1.1\r\nHost: localhost\r\n${'X-Flood: 1\r\n'.repeat(3_000)}`,
      'GET /files/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200),
      'GET http://elsewhere/files/hello.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
      '\x16\x03\x01 nonsense\r\n\r\n',
    ],
  })
}

/** Connections to the mesh by whoever has no key of it: silent ones, and such as say anything. */
export const knockAtMesh = (
  { address }: Pick<ClusterNode, 'address'>,
  context: Context,
): Promise<void> => {
  // As `/ip4/127.0.0.1/tcp/4001/p2p/…`.
  const [, , host = '', , port] = address.split('/')
  return knock({ host, port: Number(port) }, context, {
    connections: STRANGERS,
    openings: [
      '',
      randomBytes(24),
      randomBytes(4_096),
      '/multistream/1.0.0\n',
      'GET / HTTP/1.1\r\n',
    ],
  })
}
