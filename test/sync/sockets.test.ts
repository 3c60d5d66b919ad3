/** Sync over the real transport: bytes on the socket, and files from one node to another. */
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createDisk } from '../../src/disk/index.ts'
import { createFiles } from '../../src/files/index.ts'
import { generatePsk, parsePsk } from '../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { createSync } from '../../src/sync/index.ts'
import { compareBytes, systemClock, systemRandom } from '../../src/util/index.ts'
import { network, policyOf, sign, source } from '../support/files-mesh.ts'
import { createMeter, portOf } from '../support/meter.ts'
import { createNode } from '../transport/nodes.ts'
import type { Test } from 'tap'

const createPeer = async (
  t: Test,
  { directory, name, psks }: { directory: string; name: string; psks: readonly Uint8Array[] },
) => {
  const clock = systemClock
  const random = systemRandom
  const logger = silentLogger
  const workers = createWorkers({ clock, random, logger })
  const health = createHealth({ clock })
  const store = createMemoryStore()
  const disk = createDisk(join(directory, name))
  await store.open()
  await disk.open()
  const components = { clock, random, logger, workers, health }
  const policies = ['small', 'large'].map((name) => policyOf(name))
  const files = createFiles({ ...components, store, disk }, { network, policies })
  const transport = createNode(t, { psks, workers })
  const sync = createSync({ ...components, transport, files }, { network })
  await files.start()
  await transport.start()
  await sync.start()
  t.teardown(async () => {
    await sync.stop()
    await files.stop()
  })
  return { transport, sync, files, disk }
}

for (const [label, psks] of [
  ['Noise and Yamux', []],
  ['a private network as well', [parsePsk(generatePsk(systemRandom))]],
] as const) {
  t.test(`over ${label}`, { timeout: 60_000 }, async (t) => {
    const alive = setInterval(() => {}, 1000)
    t.teardown(() => clearInterval(alive))
    const directory = t.testdir({})
    const a = await createPeer(t, { directory, name: 'a', psks })
    const b = await createPeer(t, { directory, name: 'b', psks })
    const meter = await createMeter(portOf(b.transport.addresses()))
    t.teardown(meter.close)
    await a.transport.dial(`/ip4/127.0.0.1/tcp/${meter.port}/p2p/${b.transport.peerId}`)
    while (b.sync.status().neighbours.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await a.sync.pushPull(b.transport.peerId)

    t.test('a round between equals costs less than 200 bytes on the socket', async (t) => {
      const costs: number[] = []
      for (let round = 0; round < 7; round++) {
        const before = meter.count.bytes
        await a.sync.pushPull(b.transport.peerId)
        await new Promise((resolve) => setTimeout(resolve, 50))
        costs.push(meter.count.bytes - before)
      }
      t.match(a.sync.status().lastPushPull, { equal: true, bytes: 40 })
      const median = costs.toSorted((x, y) => x - y)[3] ?? Number.NaN
      t.comment(`bytes on the socket: ${costs.join(', ')}`)
      t.ok(median <= 200, `${median} bytes`)
    })

    t.test('files arrive, small ones with their record and large ones by a fetch', async (t) => {
      for (const [name, sizeBytes] of [
        ['small', 1000],
        ['large', 20_000_000],
      ] as const) {
        const content = Buffer.alloc(sizeBytes, `${name} content `)
        const signed = await sign({ name, content })
        const shown = once(b.files.events, sizeBytes > 100_000 ? 'content' : 'record')
        const startMs = performance.now()
        const verdict = await a.files.accept(signed, source(content), { kind: 'upload' })
        t.equal(verdict.outcome, 'stored')
        await shown
        t.comment(`${name}: ${sizeBytes} bytes in ${(performance.now() - startMs).toFixed(0)} ms`)
        t.equal(b.files.view(parseFileName(name))?.state, 'shown')
        const there = await b.disk.read(`files/${name}`, { maxBytes: 2 ** 27 })
        t.equal(compareBytes(there ?? new Uint8Array(), content), 0)
      }
      t.equal(a.files.digest(), b.files.digest())
    })
  })
}
