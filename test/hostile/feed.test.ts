/** Readers of the events of a running daemon that do not read, and cursors that are far behind. */
import { once } from 'node:events'
import { Agent, get, request } from 'node:http'
import t from 'tap'
import { systemErrorCode } from '../../src/errors/index.ts'
import { encodeSshsig } from '../../src/keys/index.ts'
import { STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { toBase64, utf8 } from '../../src/util/index.ts'
import { sign, startCluster } from '../integration/cluster.ts'
import { memoryOf } from './resources.ts'
import type { IncomingMessage } from 'node:http'

const isSoak = process.env.MESH_TEST_TIER === 'soak'
/** Enough of them to flush the ring of a daemon more than once, in the long tier. */
const UPLOADS = isSoak ? 30_000 : 240
const LANES = 8
const READERS = 60
/** What readers that read nothing may add to the memory of the daemon, its ring of events included. */
const MAX_GROWTH_BYTES = 128 * 2 ** 20

const names = Array.from({ length: LANES }, (_, index) => `lane-${index}`)
const cluster = await startCluster({ files: names })
t.teardown(cluster.stop)
const [victim] = cluster.nodes
const { socketPath } = victim
const agent = new Agent({ keepAlive: true, maxSockets: LANES })
t.teardown(() => agent.destroy())

const upload = async (name: string, version: number): Promise<void> => {
  const content = `${name} ${version}`
  const { text, signatures } = await sign(cluster, name, content, { version })
  const [entry] = signatures
  if (entry === undefined) throw new Error('nobody signed')
  const headers = {
    'Mesh-Statement': toBase64(utf8(text)),
    'Mesh-Signature': toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
  }
  const sent = request({ agent, socketPath, method: 'PUT', path: `/files/${name}`, headers })
  sent.end(content)
  const [response]: IncomingMessage[] = await once(sent, 'response')
  if (response === undefined) throw new Error('no answer')
  response.resume()
  await once(response, 'end')
  if (response.statusCode !== 201) throw new Error(`${response.statusCode}`)
}

const ask = async (path: string): Promise<{ cursor: string; events: unknown[]; gap?: unknown }> => {
  const [response]: IncomingMessage[] = await once(get({ socketPath, path }), 'response')
  if (response === undefined) throw new Error('no answer')
  let text = ''
  for await (const piece of response.setEncoding('utf8')) text += piece
  if (response.statusCode !== 200) throw new Error(text)
  return JSON.parse(text)
}

/** One that asks for all events and then leaves them where they are. */
const openReader = async (): Promise<IncomingMessage> => {
  const headers = { Accept: 'text/event-stream' }
  const sent = get({ socketPath, path: '/events', headers, agent: false }).on('error', () => {})
  t.teardown(() => sent.destroy())
  const [response]: IncomingMessage[] = await once(sent, 'response')
  if (response?.statusCode !== 200) throw new Error(`${response?.statusCode}`)
  return response.on('error', () => {}).pause()
}

/** All that it was told until `last`; `undefined`: it read nothing for so long that it was cut off. */
const told = async (reader: IncomingMessage, last: string): Promise<string | undefined> => {
  const pieces: string[] = []
  let tail = ''
  try {
    for await (const piece of reader.setEncoding('utf8')) {
      pieces.push(piece)
      tail = tail.slice(-last.length) + piece
      if (tail.includes(last)) break
    }
  } catch (error) {
    if (systemErrorCode(error) !== 'ECONNRESET') throw error
    return undefined
  }
  return pieces.join('')
}

t.test(
  `${READERS} readers that do not read, while ${UPLOADS} files are published`,
  { timeout: 60_000 + UPLOADS * 60 },
  async (t) => {
    const { cursor } = await ask('/events?waitMs=0')
    const readers = await Promise.all(Array.from({ length: READERS }, openReader))
    const { nowBytes } = memoryOf(victim)
    await Promise.all(
      names.map(async (name) => {
        for (let version = 1; version <= UPLOADS / LANES; version++) await upload(name, version)
      }),
    )
    const growthBytes = memoryOf(victim).peakBytes - nowBytes
    t.ok(
      growthBytes <= MAX_GROWTH_BYTES,
      `${Math.round(growthBytes / 2 ** 20)} MiB more at the peak`,
    )

    const last = `lane-0 ${UPLOADS / LANES}`
    t.equal(await (await fetch(new URL('/files/lane-0', victim.url))).text(), last)
    const end = UPLOADS / LANES + 1
    await upload('lane-0', end)
    const texts = await Promise.all(readers.map((reader) => told(reader, `"version":${end}`)))
    // Connections on which nothing moves are ended (IDLE_TIMEOUT_MS), which only the long tier outlasts.
    if (!isSoak) t.notOk(texts.includes(undefined), 'nobody was cut off')
    for (const text of texts) {
      if (text === undefined) continue
      const missed = [...text.matchAll(/event: gap\ndata: .*"missed":(\d+)/g)]
        .map(([, count]) => Number(count))
        .reduce((sum, count) => sum + count, 0)
      const events = [...text.matchAll(/^event: file-shown$/gm)].length
      if (events + missed < UPLOADS + 1) t.fail(`${events} events and ${missed} missed`)
      if (isSoak && missed === 0) t.fail('nothing was missed, and all of it held')
    }
    t.pass('each event was told, or counted as missed')

    const behind = await ask(`/events?cursor=${cursor}&waitMs=0`)
    if (isSoak)
      t.match(behind, { gap: { missed: Number } }, 'a cursor that is far behind finds a gap')
    t.ok(behind.events.length > 0)
  },
)
