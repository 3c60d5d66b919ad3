/**
 * Two nodes with 100,000 entries each, over loopback sockets with pre-shared key, Noise and Yamux:
 * bytes on the socket for a round in step, and for 1 and 1,000 differences without the records
 * themselves. The baseline sends the whole index over the same connection. Then what keeping the tree
 * costs: time of one change, and memory in a process of its own, with 100,000 and with 1,000,000 records
 * in LMDB.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatePrivateKey, generatePsk, parsePsk } from '../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../src/observe/index.ts'
import { createEngine } from '../src/sync/sync.ts'
import { createLibp2pTransport, createMembership } from '../src/transport/index.ts'
import { digestToBytes, placedId, systemClock, systemRandom } from '../src/util/index.ts'
import { createFakeCollection, encodeRecord, record } from '../test/support/fake-collection.ts'
import { createMeter, portOf } from '../test/support/meter.ts'
import { median } from './bench.ts'
import { pause } from './process.ts'
import { fillTree, idOf, idTable, openTree, VALUE } from './stored-tree.ts'
import { memoryToRead } from './stored-tree.ts'
import type { Benchmark, Row } from './bench.ts'

const ENTRIES = 100_000
const ROUNDS = 7
const PAGE_IDS = 8_000
const INDEX_PROTOCOL = '/mesh/bench-index/1'
const INDEX_INIT = { maxFrameBytes: 2 ** 18, maxStreamsPerPeer: 2 }

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

/** About as long as a signed statement. */
const recordOf = (name: string, version: number) =>
  record(name, version, undefined, { pad: 'x'.repeat(450) })

interface Change {
  readonly side: Awaited<ReturnType<typeof startNode>>
  readonly value: ReturnType<typeof record>
}

const measureSockets = async (log: (line: string) => void): Promise<Row[]> => {
  const names = Array.from({ length: ENTRIES + 1_001 }, (_, index) => `file-${index}`)
  const psk = parsePsk(generatePsk(systemRandom))
  const [a, b] = [await startNode(names, psk), await startNode(names, psk)]
  for (const name of names.slice(0, ENTRIES)) {
    a.state.insert(recordOf(name, 1))
    b.state.insert(recordOf(name, 1))
  }
  await a.transport.start()
  await b.transport.start()
  const meter = await createMeter(portOf(b.transport.addresses()))
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
  /** What one round costs beside the records that are new to somebody. */
  const differing = async (what: string, make: () => Iterable<Change>): Promise<number> => {
    let recordBytes = 0
    for (const { side, value } of make()) {
      recordBytes += 5 + encodeRecord(value).length
      side.state.insert(value)
    }
    const bytes = await cost(() => a.sync.pushPull(peer))
    if (a.state.digest() !== b.state.digest()) throw new Error('one round was not enough')
    log(`  ${what}: ${bytes} bytes, of which ${recordBytes} are records`)
    return bytes - recordBytes
  }
  const sideOf = (index: number) => (index % 2 === 0 ? a : b)
  let fresh = ENTRIES
  function* added(count: number): Iterable<Change> {
    for (let index = 0; index < count; index++) {
      yield { side: sideOf(index), value: recordOf(names[fresh++] ?? '', 1) }
    }
  }
  function* replaced(count: number): Iterable<Change> {
    for (let index = 0; index < count; index++) {
      yield { side: sideOf(index), value: recordOf(`file-${index * 97}`, 2) }
    }
  }
  const one = await differing('1 differs', () => added(1))
  const thousand = await differing('1,000 lacking', () => added(1_000))
  const thousandReplaced = await differing('1,000 replaced', () => replaced(1_000))
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
  return [
    row('sync round of equal catalogues of 100,000, on the socket', median(equal), 200),
    row('100,000 entries, 1 differs, on the socket without the record', one, 4_000),
    row('100,000 entries, 1,000 lacking on either side, without the records', thousand, 150_000),
    row(
      '100,000 entries, 1,000 replaced on either side, without the new records',
      thousandReplaced,
      150_000,
    ),
  ]
}

/** Cost of keeping the tree, with so many records in LMDB. */
export const measureTree = async (count: number, log: (line: string) => void) => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-bench-'))
  try {
    const [path, empty] = [join(directory, 'store'), join(directory, 'empty')]
    await fillTree(path, count)
    await fillTree(empty, 0)
    const bytesARecord = (memoryToRead(path) - memoryToRead(empty)) / count
    const { store, tree } = await openTree(path)
    const change = (withTree: boolean, index: number): Promise<number> =>
      store.transaction((tx) => {
        const [gone, come] = [idOf(index), placedId(`${index}`, `new ${withTree}`)]
        const beganMs = performance.now()
        tx.remove(idTable, digestToBytes(gone))
        tx.put(idTable, digestToBytes(come), VALUE)
        if (withTree) tree.update(tx, [gone, come])
        return (performance.now() - beganMs) * 1000
      })
    const changes: number[] = []
    for (let index = 0; index < 400; index++) changes.push(await change(true, index * 13))
    const beganMs = performance.now()
    const checking = tree.check()
    while (checking.next().done !== true);
    const checkMs = performance.now() - beganMs
    const data = { changeUs: median(changes.slice(100)), checkMs, bytesARecord }
    // Last, because it leaves the tree behind.
    const bare: number[] = []
    for (let index = 400; index < 800; index++) bare.push(await change(false, index * 13))
    log(`  ${count} records: ${JSON.stringify(data)}`)
    await store.close()
    return { ...data, bareUs: median(bare) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = async (log) => {
  const rows = await measureSockets(log)
  for (const count of [100_000, 1_000_000]) {
    const data = await measureTree(count, log)
    rows.push({
      what: `one record replaced among ${count.toLocaleString('en')}, tree and all`,
      measured: `${data.changeUs.toFixed(0)} µs; ${data.bytesARecord.toFixed(0)} B of memory a record`,
      baseline: `without the tree: ${data.bareUs.toFixed(0)} µs`,
      ratio: (data.changeUs / data.bareUs).toFixed(1),
      goal: '≤ 1 KB a record',
      reached: data.bytesARecord <= 1_000,
      data: { count, ...data },
    })
  }
  return rows
}
