/** One machine of a simulation: disk, database and clock that outlive the daemons on it. */
import { createLifecycle } from '../../src/daemon/lifecycle.ts'
import { createNode } from '../../src/daemon/node.ts'
import { createDisk } from '../../src/disk/index.ts'
import { createMemoryFileSystem } from '../../src/disk/memory-file-system.ts'
import { isMeshError } from '../../src/errors/index.ts'
import { peerIdFromPublicKey, privateKeyFromSeed } from '../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { parseNetworkId } from '../../src/statement/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { fenceDisk, fenceStore } from './fences.ts'
import { mangled } from './mangler.ts'
import type { Lifecycle } from '../../src/daemon/lifecycle.ts'
import type { Node } from '../../src/daemon/node.ts'
import type { DiskFault } from '../../src/disk/index.ts'
import type { MeshError } from '../../src/errors/index.ts'
import type { FilePolicy } from '../../src/files/index.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { Logger, Workers } from '../../src/observe/index.ts'
import type { MemoryNetwork } from '../../src/transport/index.ts'
import type { Clock } from '../../src/util/index.ts'
import type { SeededRandom } from '../support/random.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

export const network = parseNetworkId('sim')

/** Longest wait for the disk in one fsync or commit. */
const MAX_DISK_MS = 8
const STOP_DEADLINE_MS = 30_000
/** As a service manager does. */
const RESTART_AFTER_FAILURE_MS = 5_000

/** How a daemon ends without being asked: does the machine go on, and write what it has? */
export type Death = 'process' | 'power'

export interface Machine {
  readonly index: number
  readonly name: string
  readonly peerId: PeerId
  readonly address: string
  /** The daemon that runs, if one does and has started. */
  readonly node: Node | undefined
  readonly isOn: boolean
  /** What this machine's clock is ahead of true time. */
  wallOffsetMs: number
  /** Breaks system calls and commits. */
  fault: DiskFault | undefined
  /** Called once the machine has answered an upload with 201. */
  onAnswer: (() => void) | undefined
  /** In force, or to be at the next start. */
  policies: readonly FilePolicy[]
  /** Starts a daemon, and again whenever that fails. */
  boot(): void
  /** SIGTERM, and the end of it. */
  stop(): Promise<void>
  die(how: Death, noticedAfterMs: number): void
  /** Dies in the middle of a system call, this many calls from now. */
  dieAtCall(count: number, how: Death): void
  reload(policies: readonly FilePolicy[]): Promise<void>
  /** Runs of background work since the daemon's start. */
  runs(): number
  /** What a program on the machine reads. */
  readShown(name: string): Promise<Uint8Array | undefined>
  dump(): unknown
}

export interface MachineComponents {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly network: MemoryNetwork
  /** Everything worth remembering, in order. */
  readonly note: (text: string) => void
  /** A daemon held something against a peer. */
  readonly onBlame: (by: Machine, peer: PeerId, error: MeshError) => void
  readonly onDefect: (by: Machine, error: unknown) => void
  /** A daemon is up. */
  readonly onStart: (machine: Machine, node: Node) => void
}

export interface MachineInit {
  readonly index: number
  readonly policies: readonly FilePolicy[]
  readonly bootstrap: readonly number[]
  /** Breaks what it passes on. */
  readonly mangles: boolean
}

interface Life {
  alive: boolean
  readonly lifecycle: Lifecycle
  node: Node | undefined
  workers: Workers | undefined
}

const keyOf = (index: number) => {
  const seed = Buffer.alloc(32, 77)
  seed.writeUInt32BE(index)
  return privateKeyFromSeed(seed)
}
const peerIds = new Map<number, PeerId>()
export const peerIdOf = (index: number): PeerId => {
  const known = peerIds.get(index) ?? peerIdFromPublicKey(keyOf(index).publicKey)
  peerIds.set(index, known)
  return known
}
export const addressOf = (index: number): string => `/memory/${index + 1}/p2p/${peerIdOf(index)}`

/** Addresses of the network in memory. */
const addressRules = {
  parse(address: string) {
    const [, location = '', peer = ''] = /^(\/memory\/\d+)\/p2p\/(\w+)$/.exec(address) ?? []
    return { peer: peer as PeerId, location }
  },
  isUsable: (location: string) => /^\/memory\/\d+$/.test(location),
}

export const createMachine = (components: MachineComponents, init: MachineInit): Machine => {
  const { clock, random, network: net, note } = components
  const { index } = init
  const name = `n${index}`
  const fileSystem = createMemoryFileSystem()
  const pause = (): Promise<void> =>
    new Promise((resolve) => clock.schedule(random.fraction() * MAX_DISK_MS, resolve))
  const store = createMemoryStore({ flush: pause })
  let life: Life | undefined
  let boots = 0
  let deathCall: { left: number; how: Death } | undefined

  const clockOf = (own: Life): Clock => {
    const bornMs = clock.monotonicMs()
    return {
      nowMs: () => clock.nowMs() + machine.wallOffsetMs,
      monotonicMs: () => clock.monotonicMs() - bornMs,
      schedule: (delayMs, run) =>
        clock.schedule(delayMs, () => {
          if (own.alive) run()
        }),
    }
  }

  const loggerOf = (own: Life): Logger => {
    const logger: Logger = {
      ...silentLogger,
      warn({ peer, error }) {
        if (own.alive && typeof peer === 'string' && isMeshError(error)) {
          components.onBlame(machine, peer as PeerId, error)
        }
      },
      error({ error }, message) {
        const expected = isMeshError(error) && error.code !== 'ERR_INTERNAL'
        if (own.alive && error !== undefined && !expected) components.onDefect(machine, error)
        if (own.alive) note(`${name} error: ${message}`)
      },
      child: () => logger,
    }
    return logger
  }

  const end = (own: Life): void => {
    own.alive = false
    if (life === own) life = undefined
  }

  const die: Machine['die'] = (how, noticedAfterMs) => {
    const own = life
    if (own === undefined) return
    note(`${name} dies: ${how}`)
    end(own)
    fileSystem.crash(how === 'power' ? 'synced' : 'all')
    // Of what was committed and not flushed, the disk may have had some.
    store.crash(how === 'power' ? random.below(3) : undefined)
    net.kill(machine.peerId, noticedAfterMs === 0 ? {} : { detectMs: noticedAfterMs })
  }

  const fault: DiskFault = (operation) => {
    if (deathCall !== undefined && --deathCall.left <= 0) {
      const { how } = deathCall
      deathCall = undefined
      die(how, how === 'power' ? 20_000 : 0)
      return 'EIO'
    }
    return machine.fault?.(operation)
  }
  store.fault = () => {
    const code = fault({ kind: 'write', path: '/store', index: 0 })
    if (code === undefined) return undefined
    return life === undefined ? 'lost' : 'disk-full'
  }

  const start = async (own: Life, logger: Logger): Promise<void> => {
    const { lifecycle } = own
    const seeded = random.fork(`boot ${boots}`)
    const components_ = { clock: clockOf(own), random: seeded, logger }
    const workers = createWorkers(components_)
    const disk = createDisk('/', {
      fileSystem: fenceDisk(fileSystem, { life: own, pause, fault: () => fault }),
    })
    await lifecycle.enter('disk', () => disk.open())
    const fenced = fenceStore(store, own)
    await lifecycle.run('store', { start: () => fenced.open(), stop: () => fenced.close() })
    await lifecycle.enter(
      'workers',
      () => workers,
      () => workers.stop(),
    )
    const transport = net.createTransport({
      peerId: machine.peerId,
      name,
      logger,
      address: machine.address,
    })
    const node = createNode(
      {
        ...components_,
        workers,
        health: createHealth(components_),
        disk,
        store: fenced,
        transport: init.mangles ? mangled(transport, seeded) : transport,
      },
      {
        network,
        policies: machine.policies,
        bootstrapPeers: init.bootstrap.map(addressOf),
        addressRules,
      },
    )
    for (const { name: step, part } of node.parts) await lifecycle.run(step, part)
    await lifecycle.run('peering', node.peering)
    own.node = node
    own.workers = workers
    note(`${name} is up`)
    components.onStart(machine, node)
  }

  const boot = (): void => {
    if (life !== undefined) return
    boots++
    const own: Life = {
      alive: true,
      node: undefined,
      workers: undefined,
      lifecycle: createLifecycle(
        { clock: { ...clock, schedule: clock.schedule }, logger: silentLogger },
        { signal: new AbortController().signal },
      ),
    }
    life = own
    start(own, loggerOf(own)).catch(async (error: unknown) => {
      if (!own.alive) return
      note(`${name} does not start: ${isMeshError(error) ? error.code : String(error)}`)
      if (!isMeshError(error)) components.onDefect(machine, error)
      await own.lifecycle.leave(STOP_DEADLINE_MS)
      if (!own.alive) return
      end(own)
      clock.schedule(RESTART_AFTER_FAILURE_MS, boot)
    })
  }

  const machine: Machine = {
    index,
    name,
    peerId: peerIdOf(index),
    address: addressOf(index),
    get node() {
      return life?.node
    },
    get isOn() {
      return life !== undefined
    },
    wallOffsetMs: 0,
    fault: undefined,
    onAnswer: undefined,
    policies: init.policies,
    boot,
    async stop() {
      const own = life
      if (own?.node === undefined) return
      own.node = undefined
      const fine = await own.lifecycle.leave(STOP_DEADLINE_MS)
      note(`${name} stopped${fine ? '' : ', with failures'}`)
      end(own)
    },
    die,
    dieAtCall(count, how) {
      deathCall = { left: count, how }
    },
    async reload(policies) {
      machine.policies = policies
      await life?.node?.reload(policies)
    },
    runs: () => (life?.workers?.list() ?? []).reduce((sum, { runs }) => sum + runs, 0),
    async readShown(path) {
      const disk = createDisk('/', { fileSystem })
      return disk.read(`files/${path}`, { maxBytes: 2 ** 24 })
    },
    dump: () => store.dump(),
  }
  return machine
}
