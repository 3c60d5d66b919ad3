/** Machines on one network, from one seed, and everything that is noticed about them. */
import { createHash } from 'node:crypto'
import { ANNOUNCE_PROTOCOL } from '../../src/sync/announce/overlay.ts'
import { createMemoryNetwork } from '../../src/transport/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { createLedger } from './ledger.ts'
import { createMachine, peerIdOf } from './machine.ts'
import { NAMES, policiesOf } from './signers.ts'
import type { MeshError } from '../../src/errors/index.ts'
import type { MemoryNetwork } from '../../src/transport/index.ts'
import type { SeededRandom } from '../support/random.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'
import type { Ledger } from './ledger.ts'
import type { Machine } from './machine.ts'
import type { Wanted } from './signers.ts'

export interface World {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly network: MemoryNetwork
  /** The honest ones. */
  readonly machines: readonly Machine[]
  readonly mangler: Machine | undefined
  readonly ledger: Ledger
  /** What actions draw from. */
  readonly names: readonly string[]
  /** What the machines are told to want now. */
  readonly wanted: Map<Machine, Wanted>
  /** What they were last configured for: roll-outs take their time. */
  readonly inForce: Map<Machine, Wanted>
  /** `<machine> <name>`: withdrawn there for so long, by its clock, that its content may be gone. */
  readonly purged: Set<string>
  /** What must not be, as it was noticed. */
  readonly wrong: string[]
  /** Bytes that the honest machines sent so far. */
  readonly traffic: { bytes: number; frames: number; readonly byProtocol: Map<string, number> }
  note(text: string): void
  /** What happened, but for single frames. */
  readonly trace: readonly string[]
  /** Over everything that happened, every frame included. */
  hash(): string
}

export interface WorldInit {
  readonly seed: number
  readonly nodes: number
  readonly mangler: boolean
  readonly lossRate: number
  readonly resetRate: number
  /** What actions draw from. @default NAMES */
  readonly names?: readonly string[]
  /** At the start. */
  readonly wanted: (index: number) => Wanted
  /** Without it frames and statements in them are not looked at: for large meshes. @default true */
  readonly looks?: boolean
}

const LATENCY_MS = 5
const JITTER_MS = 40

export const createWorld = (init: WorldInit): World => {
  const clock = createVirtualClock()
  const random = createSeededRandom(`world ${init.seed}`)
  const ledger = createLedger()
  const wrong: string[] = []
  const trace: string[] = []
  const traffic = { bytes: 0, frames: 0, byProtocol: new Map<string, number>() }
  const hasher = createHash('sha256')
  const looks = init.looks ?? true
  const honest = new Set<string>(Array.from({ length: init.nodes }, (_, index) => peerIdOf(index)))

  const note = (text: string): void => {
    const line = `${clock.monotonicMs().toFixed(3)} ${text}`
    trace.push(line)
    hasher.update(`${line}\n`)
  }

  const network = createMemoryNetwork(
    { clock, random: random.fork('network') },
    {
      latencyMs: LATENCY_MS,
      jitterMs: JITTER_MS,
      lossRate: init.lossRate,
      resetRate: init.resetRate,
      onFrame({ from, to, protocol, sizeBytes }, bytes) {
        traffic.bytes += sizeBytes
        traffic.frames++
        traffic.byProtocol.set(protocol, (traffic.byProtocol.get(protocol) ?? 0) + sizeBytes)
        if (!looks) return
        hasher.update(`${clock.monotonicMs()} ${from} ${to} ${protocol} ${sizeBytes}\n`)
        hasher.update(bytes)
        if (!honest.has(from)) return
        const records = ledger.watch(bytes)
        if (protocol === ANNOUNCE_PROTOCOL) ledger.count(records, { from, to })
      },
    },
  )

  const nameOf = (peer: string): string =>
    [...machines, mangler].find((each) => each?.peerId === peer)?.name ?? peer

  const components = {
    clock,
    network,
    note,
    onBlame(by: Machine, peer: string, { code, message }: MeshError) {
      note(`${by.name} blames ${nameOf(peer)}: ${code}: ${message}`)
      if (honest.has(peer) && honest.has(by.peerId)) {
        wrong.push(`${by.name} blames ${nameOf(peer)}, which is honest: ${code}: ${message}`)
      }
    },
    onDefect(by: Machine, error: unknown) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      wrong.push(`${by.name} has a defect: ${text}`)
    },
    onStart(machine: Machine, { files }: NonNullable<Machine['node']>) {
      if (!looks) return
      ledger.restart(machine.peerId)
      const tell = (what: string) => (event: { record: { id: string } }) =>
        note(`${machine.name} ${what} ${event.record.id.slice(0, 12)}`)
      files.events.on('record', tell('has statement'))
      files.events.on('content', tell('has content'))
      files.events.on('change', ({ name }) => note(`${machine.name} changes ${name}`))
    },
  }

  const make = (index: number, mangles: boolean): Machine => {
    // A ring, so that everybody can be found, and one more for luck.
    const others = random.fork(`bootstrap ${index}`)
    const bootstrap = [(index + 1) % init.nodes, others.below(init.nodes)].filter(
      (each) => each !== index,
    )
    return createMachine(
      { ...components, random: random.fork(`machine ${index}`) },
      { index, policies: policiesOf(init.wanted(index)), bootstrap, mangles },
    )
  }
  const machines = Array.from({ length: init.nodes }, (_, index) => make(index, false))
  const mangler = init.mangler ? make(init.nodes, true) : undefined

  return {
    clock,
    random,
    network,
    machines,
    mangler,
    ledger,
    names: init.names ?? NAMES,
    wanted: new Map(machines.map((machine) => [machine, init.wanted(machine.index)])),
    purged: new Set(),
    inForce: new Map(machines.map((machine) => [machine, init.wanted(machine.index)])),
    wrong,
    traffic,
    note,
    trace,
    hash: () => hasher.copy().digest('hex'),
  }
}
