/**
 * Two nodes with 100,000 entries each, over loopback sockets with pre-shared key, Noise and Yamux:
 * bytes on the socket for a round in step, and for 1 and 1,000 differences without the records
 * themselves. The baseline sends the whole index over the same connection. Then what keeping the tree
 * costs: time of one change and memory, with 100,000 and with 1,000,000 records in LMDB.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatePrivateKey, generatePsk, parsePsk } from '../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../src/observe/index.ts'
import { createLmdbStore, table } from '../src/store/index.ts'
import { createEngine } from '../src/sync/sync.ts'
import { createLibp2pTransport, createMembership } from '../src/transport/index.ts'
import { createStoredTree } from '../src/tree/index.ts'
import { digestToBytes, sha256, systemClock, systemRandom } from '../src/util/index.ts'
import { createFakeCollection, encodeRecord, record } from '../test/support/fake-collection.ts'
import { median } from './bench.ts'
import { pause } from './process.ts'
import type { AddressInfo } from 'node:net'
import type { Digest } from '../src/util/index.ts'
import type { Benchmark, Row } from './bench.ts'

const ENTRIES = 100_000
const ROUNDS = 7
const PAGE_IDS = 8_000
const INDEX_PROTOCOL = '/mesh/bench-index/1'
const INDEX_INIT = { maxFrameBytes: 2 ** 18, maxStreamsPerPeer: 2 }
const [idTable, nodeTable] = [table('bench-ids'), table('bench-tree')]

/** Passes bytes on and counts them. */
const createMeter = async (port: number) => {
  const count = { bytes: 0 }
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        count.bytes += chunk.length
        to.write(chunk)
      })
      from.on('close', () => to.destroy())
      from.on('error', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return { port: address.port, count, close: () => server.close() }
}

const startNode = async (names: readonly string[], psk: Uint8Array) => {
  const [clock, random, logger] = [systemClock, systemRandom, silentLogger]
  const workers = createWorkers({ clock, random, logger })
  const membership = createMembership({ clock }, { network: 'bench', networkKeys: [] })
  const identity = generatePrivateKey(random)
  const transport = createLibp2pTransport(
    { identity, membership, clock, random, logger, workers },
    { listen: ['/ip4/127.0.0.1/tcp/0'], psks: [psk] },
  )
  const state = createFakeCollection({ names })
  const health = createHealth({ clock })
  const sync = createEngine(
    { transport, clock, random, logger, workers, health },
    // Rounds are begun by hand.
    { collections: [state], pushPullIntervalMs: 86_400_000 },
  )
  // What sync did before it compared ranges: all ids, in pages.
  transport.handle(INDEX_PROTOCOL, INDEX_INIT, async (stream) => {
    await stream.receive()
    const ids = state.tree.ids('')
    for (let at = 0; at < ids.length; at += PAGE_IDS) {
      await stream.send(Buffer.from(ids.slice(at, at + PAGE_IDS).join(''), 'hex'))
    }
    await stream.close()
  })
  return { transport, state, sync }
}

const measureSockets = async (log: (line: string) => void): Promise<Row[]> => {
  const names = Array.from({ length: ENTRIES + 1_001 }, (_, index) => `file-${index}`)
  const psk = parsePsk(generatePsk(systemRandom))
  const [a, b] = [await startNode(names, psk), await startNode(names, psk)]
  for (const name of names.slice(0, ENTRIES)) {
    a.state.publish(record(name, 1))
    b.state.publish(record(name, 1))
  }
  await a.transport.start()
  await b.transport.start()
  const port = Number(/\/tcp\/(\d+)/.exec(b.transport.addresses()[0] ?? '')?.[1])
  const meter = await createMeter(port)
  const peer = b.transport.peerId

  /** Bytes of what `work` sends, once everything has gone through. */
  const cost = async (work: () => Promise<unknown>): Promise<number> => {
    await pause(300)
    const before = meter.count.bytes
    await work()
    await pause(300)
    return meter.count.bytes - before
  }
  const connected = async (): Promise<void> => {
    await a.transport.dial(`/ip4/127.0.0.1/tcp/${meter.port}/p2p/${peer}`)
    // One opens the kept stream; announcements are joined and what both owe each other is settled.
    await pause(6_000)
    await a.sync.pushPull(peer)
  }
  await a.sync.start()
  await b.sync.start()
  await connected()
  const equal: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    equal.push(await cost(() => a.sync.pushPull(peer)))
  }
  log(`  in step: ${equal.join(' ')}`)
  const indexBytes = await cost(async () => {
    const stream = await a.transport.open(peer, INDEX_PROTOCOL, INDEX_INIT)
    await stream.send(Uint8Array.of(1))
    while ((await stream.receive()) !== undefined);
    await stream.close()
  })
  const differing: number[] = []
  let fresh = ENTRIES
  for (const count of [1, 1_000]) {
    let recordBytes = 0
    for (let index = 0; index < count; index++) {
      // Nobody has them yet: a new version would be two differences, and its older one moved as well.
      const value = record(`file-${fresh++}`, 1)
      recordBytes += 5 + encodeRecord(value).length
      const side = index % 2 === 0 ? a : b
      side.state.insert(value)
    }
    const bytes = await cost(() => a.sync.pushPull(peer))
    if (a.state.digest() !== b.state.digest()) throw new Error('one round was not enough')
    log(`  ${count} differ: ${bytes} bytes, of which ${recordBytes} are records`)
    differing.push(bytes - recordBytes)
  }
  await Promise.all(
    [a, b].map(async ({ sync, transport }) => {
      await sync.stop()
      await transport.stop()
    }),
  )
  meter.close()
  const row = (what: string, bytes: number, goalBytes: number): Row => ({
    what,
    measured: `${bytes.toLocaleString('en')} B`,
    baseline: `full index: ${indexBytes.toLocaleString('en')} B`,
    ratio: (bytes / indexBytes).toPrecision(2),
    goal: `≤ ${goalBytes.toLocaleString('en')} B`,
    reached: bytes <= goalBytes,
    data: { bytes, indexBytes },
  })
  const [one = Number.NaN, thousand = Number.NaN] = differing
  return [
    row('sync round of equal catalogues of 100,000, on the socket', median(equal), 200),
    row('100,000 entries, 1 differs, on the socket without the record', one, 4_000),
    row('100,000 entries, 1,000 differ, on the socket without the records', thousand, 150_000),
  ]
}

export const measureTree = async (count: number, log: (line: string) => void) => {
  const path = mkdtempSync(join(tmpdir(), 'mesh-bench-'))
  try {
    const store = createLmdbStore({ path: join(path, 'store') })
    await store.open()
    const tree = createStoredTree(store, { ids: idTable, nodes: nodeTable })
    const before = process.memoryUsage().heapUsed
    const value = new Uint8Array(64)
    for (let at = 0; at < count; at += 50_000) {
      await store.transaction((tx) => {
        const ids: Digest[] = []
        for (let index = at; index < Math.min(count, at + 50_000); index++) {
          const id = sha256(`${index}`)
          ids.push(id)
          tx.put(idTable, digestToBytes(id), value)
        }
        tree.update(tx, ids)
      })
    }
    const change = (withTree: boolean, index: number): Promise<number> =>
      store.transaction((tx) => {
        const [gone, come] = [sha256(`${index}`), sha256(`new ${withTree} ${index}`)]
        const beganMs = performance.now()
        tx.remove(idTable, digestToBytes(gone))
        tx.put(idTable, digestToBytes(come), value)
        if (withTree) tree.update(tx, [gone, come])
        return (performance.now() - beganMs) * 1000
      })
    const changes: number[] = []
    for (let index = 0; index < 400; index++) changes.push(await change(true, index * 13))
    const beganMs = performance.now()
    const checking = tree.check()
    while (checking.next().done !== true);
    const data = {
      changeUs: median(changes.slice(100)),
      checkMs: performance.now() - beganMs,
      heapBytesARecord: (process.memoryUsage().heapUsed - before) / count,
    }
    // Last, because it leaves the tree behind.
    const bare: number[] = []
    for (let index = 400; index < 800; index++) bare.push(await change(false, index * 13))
    log(`  ${count} records: ${JSON.stringify(data)}`)
    await store.close()
    return { ...data, bareUs: median(bare) }
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = async (log) => {
  const rows = await measureSockets(log)
  for (const count of [100_000, 1_000_000]) {
    const data = await measureTree(count, log)
    rows.push({
      what: `one record replaced among ${count.toLocaleString('en')}, tree and all`,
      measured: `${data.changeUs.toFixed(0)} µs; ${Math.max(0, data.heapBytesARecord).toFixed(0)} B of memory a record`,
      baseline: `without the tree: ${data.bareUs.toFixed(0)} µs`,
      ratio: (data.changeUs / data.bareUs).toFixed(1),
      goal: '≤ 1 KB a record',
      reached: data.heapBytesARecord <= 1_000,
      data: { count, ...data },
    })
  }
  return rows
}
