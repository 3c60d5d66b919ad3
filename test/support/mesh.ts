/** Nodes that sync with each other over a network in memory, on virtual time. */
import { isMeshError } from '../../src/errors/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createEngine } from '../../src/sync/sync.ts'
import { createMemoryNetwork } from '../../src/transport/index.ts'
import { createFakeCollection } from './fake-collection.ts'
import { createSeededRandom } from './random.ts'
import { createVirtualClock } from './virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { Health, Workers } from '../../src/observe/index.ts'
import type { Engine, EngineComponents, EngineInit, Sync } from '../../src/sync/index.ts'
import type { FrameStream, MemoryNetwork } from '../../src/transport/index.ts'
import type { MemoryNetworkInit, Transport } from '../../src/transport/index.ts'
import type { FakeCollection } from './fake-collection.ts'
import type { SeededRandom } from './random.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Of files, or of something else. */
type MeshSync = Engine & Partial<Pick<Sync, 'open'>>

export interface MeshNode<T> {
  readonly peerId: PeerId
  readonly transport: Transport
  readonly sync: MeshSync
  readonly workers: Workers
  readonly health: Health
  /** What the node keeps: a fake collection, or files. */
  readonly state: T
  /** Faults held against peers, as `<peer> <code>`. */
  readonly blamed: string[]
}

export interface Mesh<T> {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly network: MemoryNetwork
  readonly nodes: readonly MeshNode<T>[]
  node(index: number): MeshNode<T>
  /** Frames and their bytes so far, by protocol. */
  readonly traffic: Map<string, { frames: number; bytes: number }>
  /** A member that runs no sync: a test plays it by hand. */
  stranger(name: string): Promise<Transport>
  /** Connects pairs by index. */
  link(pairs: Iterable<readonly [number, number]>): Promise<void>
  /** Runs until `done`, for at most `maxMs`; answers with how long it took, or `undefined`. */
  until(done: () => boolean, maxMs?: number): Promise<number | undefined>
  /** Runs time until a promise settles. */
  run<R>(promise: Promise<R>, maxMs?: number): Promise<R>
  stop(): Promise<void>
}

export interface MeshInit<T> {
  readonly count: number
  readonly seed?: number | string
  readonly network?: MemoryNetworkInit
  /** Makes what a node keeps, and its sync. */
  readonly build: (
    components: EngineComponents,
    index: number,
  ) => Promise<{ state: T; sync: MeshSync }> | { state: T; sync: MeshSync }
}

/** Every pair of `count` nodes, the lower one dialling. */
export const allPairs = (count: number): [number, number][] => {
  const pairs: [number, number][] = []
  for (let a = 0; a < count; a++) for (let b = a + 1; b < count; b++) pairs.push([a, b])
  return pairs
}

/** A connected graph: a ring in which each node also dials random others. */
export const randomPairs = (
  count: number,
  dials: number,
  random: SeededRandom,
): [number, number][] => {
  const pairs = new Map<string, [number, number]>()
  const add = (a: number, b: number): void => {
    if (a !== b) pairs.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [a, b])
  }
  for (let a = 0; a < count; a++) {
    add(a, (a + 1) % count)
    for (let dial = 0; dial < dials; dial++) add(a, random.below(count))
  }
  return [...pairs.values()]
}

export const createMesh = async <T>(init: MeshInit<T>): Promise<Mesh<T>> => {
  const clock = createVirtualClock()
  const random = createSeededRandom(init.seed ?? 1)
  const traffic = new Map<string, { frames: number; bytes: number }>()
  const network = createMemoryNetwork(
    { clock, random: random.fork('network') },
    {
      latencyMs: 5,
      jitterMs: 10,
      ...init.network,
      onFrame(frame, bytes) {
        const total = traffic.get(frame.protocol) ?? { frames: 0, bytes: 0 }
        total.frames++
        total.bytes += frame.sizeBytes
        traffic.set(frame.protocol, total)
        init.network?.onFrame?.(frame, bytes)
      },
    },
  )
  const nodes: MeshNode<T>[] = []
  for (let index = 0; index < init.count; index++) {
    const own = random.fork(`node ${index}`)
    // Base58 has no zero.
    const peerId = `12D3KooNode${String(index).padStart(4, 'z').replaceAll('0', 'o')}` as PeerId
    const blamed: string[] = []
    const transport = network.createTransport({
      peerId,
      name: `node-${index}`,
      logger: {
        ...silentLogger,
        warn({ peer, error }) {
          if (isMeshError(error)) blamed.push(`${peer} ${error.code}`)
        },
      },
    })
    const workers = createWorkers({ clock, random: own, logger: silentLogger })
    const health = createHealth({ clock })
    const components = { transport, clock, random: own, logger: silentLogger, workers, health }
    const { state, sync } = await init.build(components, index)
    await transport.start()
    await sync.start()
    nodes.push({ peerId, transport, sync, workers, health, state, blamed })
  }

  const node = (index: number): MeshNode<T> => {
    const found = nodes[index]
    if (found === undefined) throw new RangeError(`there is no node ${index}`)
    return found
  }

  const run = async <R>(promise: Promise<R>, maxMs = 10 * 60_000): Promise<R> => {
    let done = false
    const settled = promise.finally(() => {
      done = true
    })
    settled.catch(() => undefined)
    if (!(await clock.runUntil(() => done, maxMs))) throw new Error(`not done within ${maxMs} ms`)
    return settled
  }

  return {
    clock,
    random,
    network,
    nodes,
    node,
    traffic,
    async link(pairs) {
      const dials: Promise<unknown>[] = []
      for (const [a, b] of pairs) {
        const address = node(b).transport.addresses()[0] ?? ''
        dials.push(
          node(a)
            .transport.dial(address)
            .catch(() => undefined),
        )
      }
      await run(Promise.all(dials))
    },
    async until(done, maxMs = 10 * 60_000) {
      const startMs = clock.monotonicMs()
      const ok = await clock.runUntil(done, maxMs)
      return ok ? clock.monotonicMs() - startMs : undefined
    },
    async stop() {
      await run(
        Promise.all(
          nodes.map(async ({ sync, transport }) => {
            await sync.stop()
            await transport.stop()
          }),
        ),
      )
    },
    run,
    async stranger(name) {
      const peerId = `12D3KooStranger${name}` as PeerId
      const transport = network.createTransport({ peerId, name, logger: silentLogger })
      await transport.start()
      return transport
    },
  }
}

/** A mesh whose nodes keep fake collections. */
export const createFakeMesh = (
  init: Omit<MeshInit<FakeCollection>, 'build'> & {
    readonly names?: readonly string[] | ((index: number) => readonly string[])
    readonly collection?: (index: number) => Partial<Parameters<typeof createFakeCollection>[0]>
    readonly engine?: EngineInit
  },
): Promise<Mesh<FakeCollection>> => {
  const { names = ['a', 'b', 'c'] } = init
  return createMesh({
    ...init,
    build(components, index) {
      const state = createFakeCollection({
        names: typeof names === 'function' ? names(index) : names,
        ...init.collection?.(index),
      })
      const sync = createEngine(components, { ...init.engine, collections: [state] })
      return { state, sync }
    },
  })
}

/** Everything that comes until the other side ends; ends this side too. */
export const receiveAll = async (stream: FrameStream): Promise<Uint8Array[]> => {
  const frames: Uint8Array[] = []
  for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
    frames.push(frame)
  }
  await stream.close()
  return frames
}
