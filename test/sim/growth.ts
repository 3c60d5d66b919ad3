/**
 * What a mesh costs as it grows:
 *
 *     node test/sim/growth.ts [NODES …]      as a table; 10, 100 and 1,000 nodes without arguments
 */
import { isInStep, violations } from './check.ts'
import { sendUpload } from './actions.ts'
import { NAMES, signDraft } from './signers.ts'
import { createWorld } from './world.ts'
import type { World } from './world.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
/** Until connections, neighbours and address books have found their shape. */
const SETTLING_MS = 10 * MINUTE_MS
export const INTERVAL_MS = 10 * MINUTE_MS
const MAX_SPREADING_MS = 10 * MINUTE_MS

export interface Growth {
  readonly nodes: number
  /** Bytes that one node sends in {@link INTERVAL_MS} at rest, in two such intervals. */
  readonly restBytes: readonly [number, number]
  /** The second of them by protocol. */
  readonly byProtocol: Readonly<Record<string, number>>
  /** Virtual, from an upload to all nodes in step. */
  readonly spreadingMs: number | undefined
  readonly violations: readonly string[]
}

const upload = async (world: World, version: number): Promise<void> => {
  for (const [index, name] of NAMES.entries()) {
    const content = Buffer.from(`${name} ${version}`)
    const machine = world.machines[(index * 7) % world.machines.length]
    if (machine === undefined) return
    const signed = await signDraft({
      ...{ name, version, timeMs: world.clock.nowMs(), content, by: ['anna'] },
    })
    void sendUpload(world, machine, { signed, content })
  }
}

const spread = async (world: World): Promise<number | undefined> => {
  const startMs = world.clock.monotonicMs()
  while (!isInStep(world, { clocksRight: true })) {
    if (world.clock.monotonicMs() - startMs > MAX_SPREADING_MS) return undefined
    await world.clock.advance(SECOND_MS / 4)
  }
  return world.clock.monotonicMs() - startMs
}

export const measureGrowth = async (nodes: number, seed = 1): Promise<Growth> => {
  const world = createWorld({
    ...{ seed, nodes, mangler: false, lossRate: 0, resetRate: 0, looks: false },
    wanted: () => ({ names: NAMES, signers: ['anna'] }),
  })
  const { clock, machines, traffic } = world
  for (const machine of machines) machine.boot()
  await clock.advance(MINUTE_MS)
  await upload(world, 1)
  await clock.advance(SETTLING_MS)
  const rest = async (): Promise<{ bytes: number; byProtocol: Record<string, number> }> => {
    const before = { bytes: traffic.bytes, byProtocol: new Map(traffic.byProtocol) }
    await clock.advance(INTERVAL_MS)
    const perNode = (bytes: number): number => Math.round(bytes / nodes)
    return {
      bytes: perNode(traffic.bytes - before.bytes),
      byProtocol: Object.fromEntries(
        [...traffic.byProtocol].map(([protocol, bytes]) => [
          protocol,
          perNode(bytes - (before.byProtocol.get(protocol) ?? 0)),
        ]),
      ),
    }
  }
  const [first, second] = [await rest(), await rest()]
  await upload(world, 2)
  await clock.advance(SECOND_MS / 4)
  const spreadingMs = await spread(world)
  const found = await violations(world, { clocksRight: true })
  void Promise.all(machines.map((machine) => machine.stop()))
  await clock.advance(SECOND_MS)
  return {
    nodes,
    restBytes: [first.bytes, second.bytes],
    byProtocol: second.byProtocol,
    spreadingMs,
    violations: found,
  }
}

if (import.meta.main) {
  const counts = process.argv.slice(2).map(Number)
  for (const nodes of counts.length > 0 ? counts : [10, 100, 1_000]) {
    const startMs = performance.now()
    const { restBytes, byProtocol, spreadingMs, violations } = await measureGrowth(nodes)
    const tookS = Math.round((performance.now() - startMs) / 1000)
    process.stdout.write(
      `${nodes} nodes: ${restBytes.join(', ')} bytes a node in ten minutes ${JSON.stringify(byProtocol)}, in step ${spreadingMs} ms after six uploads; ${violations.length} violations; took ${tookS} s\n`,
    )
    for (const violation of violations.slice(0, 10)) process.stdout.write(`  ${violation}\n`)
  }
}
