/** One simulation, from its seed to its verdict. */
import { act, MAX_ROLL_OUT_MS } from './actions.ts'
import { isInStep, lapsed, violations } from './check.ts'
import { planOf } from './plan.ts'
import { policiesOf, SEED_NAMES } from './signers.ts'
import { during, MAX_HEALING_MS, until } from './time.ts'
import { createWorld } from './world.ts'
import type { Machine } from './machine.ts'
import type { Action, Plan } from './plan.ts'
import type { Signer, Wanted } from './signers.ts'
import type { World } from './world.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
/** Until the machines of a fresh mesh have found each other. */
const SETTLING_MS = 20 * SECOND_MS
/** Clocks are looked at less than once a minute. */
const CLOCK_MS = 2 * MINUTE_MS
/** More than from the last upload to whatever end it names. */
const EXPIRY_MS = 45 * MINUTE_MS
/** At rest. */
export const REST_MS = 10 * MINUTE_MS
/**
 * What one node may send at rest in {@link REST_MS}: rounds of push-pull with a root each, and news of
 * peers. Measured: see README.md.
 */
export const MAX_REST_BYTES = 16 * 2 ** 10

/** Runs of background work of one node in {@link REST_MS}: each worker has its interval. */
export const MAX_REST_RUNS = 200

export interface Result {
  readonly plan: Plan
  /** Empty if all is well. */
  readonly violations: readonly string[]
  readonly hash: string
  readonly trace: readonly string[]
  readonly figures: {
    readonly uploads: Readonly<Record<string, number>>
    /** Virtual, from the end of trouble to all in step; `undefined`: never. */
    readonly healingMs: number | undefined
    /** Bytes per node in {@link REST_MS}. */
    readonly restBytes: number
    /** Runs of background work per node in the same. */
    readonly restRuns: number
    readonly frames: number
    readonly virtualMs: number
  }
}

/** What each machine shall want in the end. */
const finalWanted = (world: World, { halves }: Plan): ((machine: Machine) => Wanted) => {
  const random = world.random.fork('final')
  const signers: Signer[] = random.pick([
    ['anna', 'bert', 'cleo'],
    ['anna', 'bert', 'cleo', 'dave'],
    ['anna', 'cleo'],
  ])
  const { names } = world
  const all: Wanted = { names, signers }
  const other: Wanted = random.pick([
    { names: names.slice(0, 3), signers },
    { names, signers: ['anna', 'dave'] },
  ])
  return ({ index }) => (halves && index % 2 === 1 ? other : all)
}

/** Ends all trouble. Clocks stay as they are. */
const heal = async (world: World, plan: Plan): Promise<void> => {
  const { machines, network } = world
  world.note('== all trouble ends')
  network.heal()
  for (const a of machines) {
    a.fault = undefined
    a.onAnswer = undefined
    a.dieAtCall(Number.POSITIVE_INFINITY, 'process')
    for (const b of machines) {
      if (a.index < b.index) {
        network.setLink(a.peerId, b.peerId, {
          ...{ latencyMs: 5, jitterMs: 10, lossRate: 0, resetRate: 0 },
        })
      }
    }
  }
  world.mangler?.die('process', 0)
  // Roll-outs that are under way come to their end.
  await world.clock.advance(MAX_ROLL_OUT_MS)
  for (const machine of machines) machine.boot()
  await until(world, () => machines.every(({ node }) => node !== undefined), MAX_HEALING_MS)
  const wantedOf = finalWanted(world, plan)
  for (const machine of machines) {
    world.wanted.set(machine, wantedOf(machine))
    world.inForce.set(machine, wantedOf(machine))
    await during(world, machine.reload(policiesOf(wantedOf(machine))))
  }
}

/** What one node sends and does in {@link REST_MS}. */
const rest = async ({ clock, traffic, machines }: World) => {
  const count = () => machines.reduce((sum, machine) => sum + machine.runs(), 0)
  const before = { bytes: traffic.bytes, runs: count() }
  await clock.advance(REST_MS)
  return {
    bytes: Math.round((traffic.bytes - before.bytes) / machines.length),
    runs: Math.round((count() - before.runs) / machines.length),
  }
}

const countOutcomes = ({ ledger }: World): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { outcome } of ledger.uploads) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

export interface RunInit {
  readonly nodes?: number
  readonly actions?: number
  /** What is drawn from; another list makes another history. @default SEED_NAMES */
  readonly names?: readonly string[]
  /** Leaves out some of the plan's actions. */
  readonly only?: (action: Action) => boolean
}

export const runSeed = async (seed: number, init: RunInit = {}): Promise<Result> => {
  const plan = planOf(seed, init)
  const { names = SEED_NAMES } = init
  const world = createWorld({
    ...plan,
    names,
    wanted: (index) => ({
      names: plan.partial && index % 2 === 1 ? names.slice(0, 3) : names,
      signers: ['anna', 'bert', 'cleo'],
    }),
  })
  const { clock, machines, mangler } = world
  const found: string[] = []
  const look = async (clocksRight: boolean): Promise<number | undefined> => {
    const healingMs = await until(world, () => isInStep(world, { clocksRight }), MAX_HEALING_MS)
    // In step may be a moment on the way, and what a clock hides is moved away within a minute: what
    // is going to move has moved after this.
    await clock.advance(MINUTE_MS)
    found.push(...(await violations(world, { clocksRight })))
    return healingMs
  }

  for (const machine of machines) machine.boot()
  mangler?.boot()
  await clock.advance(SETTLING_MS)
  for (const action of plan.actions) {
    await clock.advance(action.waitMs)
    if (init.only?.(action) ?? true) await act(world, action)
  }
  await heal(world, plan)
  const healingMs = await look(false)
  world.note('== all clocks are right')
  for (const machine of machines) machine.wallOffsetMs = 0
  await clock.advance(CLOCK_MS)
  await look(true)
  await rest(world)
  const { bytes: restBytes, runs: restRuns } = await rest(world)
  if (restBytes > MAX_REST_BYTES) found.push(`a node sends ${restBytes} bytes at rest`)
  if (restRuns > MAX_REST_RUNS) found.push(`a node works ${restRuns} times at rest`)
  await clock.advance(EXPIRY_MS)
  found.push(...(await lapsed(world)))
  for (const machine of machines) {
    world.note(`${machine.name} ends with ${JSON.stringify(machine.dump())}`)
  }
  await during(world, Promise.all(machines.map((machine) => machine.stop())))
  return {
    plan,
    violations: [...new Set(found)],
    hash: world.hash(),
    trace: world.trace,
    figures: {
      uploads: countOutcomes(world),
      healingMs,
      restBytes,
      restRuns,
      frames: world.traffic.frames,
      virtualMs: clock.monotonicMs(),
    },
  }
}
