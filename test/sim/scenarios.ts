/**
 * Histories made for one promise each: what the draw of a seed comes by too seldom to be relied upon.
 *
 *     node test/sim/scenarios.ts [WORD …]      all, or those whose title has one of the words
 */
import { encodeSignedStatement, parseNetworkId, signStatement } from '../../src/statement/index.ts'
import { ANNOUNCE_PROTOCOL } from '../../src/sync/announce/overlay.ts'
import { sendUpload } from './actions.ts'
import { isInStep, lapsed, repeated, violations } from './check.ts'
import { createHostile } from './hostile.ts'
import { keyOf, NAMES, signDraft } from './signers.ts'
import { until } from './time.ts'
import { createWorld } from './world.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Machine } from './machine.ts'
import type { Draft, Signer, Wanted } from './signers.ts'
import type { World } from './world.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const SETTLING_MS = 20 * SECOND_MS
/** Several rounds of push-pull. */
const HEALING_MS = 3 * MINUTE_MS

const ALL: Wanted = { names: NAMES, signers: ['anna', 'bert', 'cleo'] }
/** Without `f`, among others. */
const FEW: Wanted = { ...ALL, names: NAMES.slice(0, 3) }

export interface Scenario {
  /** What holds. */
  readonly title: string
  /** Everything that is not as it has to be. */
  run(): Promise<string[]>
}

const build = async (wanted: readonly Wanted[], seed: number): Promise<World> => {
  const world = createWorld({
    ...{ seed, nodes: wanted.length, mangler: false, lossRate: 0, resetRate: 0 },
    wanted: (index) => wanted[index] ?? ALL,
  })
  for (const machine of world.machines) machine.boot()
  await world.clock.advance(SETTLING_MS)
  return world
}

const machineOf = ({ machines }: World, index: number): Machine => {
  const machine = machines[index]
  if (machine === undefined) throw new RangeError(`there is no machine ${index}`)
  return machine
}

interface Publication {
  readonly at: number
  readonly name: string
  readonly text: string
  readonly by?: Signer
  readonly expiresMs?: number
}

const draftOf = (world: World, { name, text, by = 'anna', expiresMs }: Publication): Draft => ({
  ...{ name, version: 1, timeMs: world.clock.nowMs(), content: Buffer.from(text), by: [by] },
  ...(expiresMs === undefined ? {} : { expiresMs }),
})

const publish = async (world: World, publication: Publication): Promise<SignedStatement> => {
  const draft = draftOf(world, publication)
  const signed = await signDraft(draft)
  void sendUpload(world, machineOf(world, publication.at), { signed, content: draft.content })
  return signed
}

/** Comes to rest, and says what is wrong then. */
const conclude = async (world: World): Promise<string[]> => {
  const look = { clocksRight: true }
  await until(world, () => isInStep(world, look), HEALING_MS)
  await world.clock.advance(MINUTE_MS)
  const found = [...(await violations(world, look)), ...(await lapsed(world))]
  void Promise.all(world.machines.map((machine) => machine.stop()))
  await world.clock.advance(SECOND_MS)
  return [...new Set(found)]
}

/** A record by nobody: signed by a stranger, in the name of a signer. */
const forge = async (world: World, name: string): Promise<SignedStatement> => {
  const draft = draftOf(world, { at: 0, name, text: `forged ${name}` })
  const { signatures } = await signDraft({ ...draft, by: ['eve'] })
  const signed = await signDraft(draft)
  return {
    ...signed,
    signatures: signatures.map(({ signature }) => ({ key: keyOf('anna').publicKey, signature })),
  }
}

const ofOtherNetwork = async (world: World, name: string): Promise<SignedStatement> => {
  const { statement } = await signDraft(draftOf(world, { at: 0, name, text: `elsewhere ${name}` }))
  return signStatement({ ...statement, network: parseNetworkId('elsewhere') }, [keyOf('anna')])
}

/** One machine that wants little, between a hostile member and those who want all. */
const refusedGoesNoFurther: Scenario = {
  title:
    'what a hostile member announces and nobody may have signed goes no further than its first',
  async run() {
    const world = await build([FEW, ALL, ALL, ALL], 1)
    const victim = machineOf(world, 0)
    const missed: string[] = []
    let number = world.machines.length
    // Each by a member of its own: one forged signature is enough to be avoided.
    for (const [name, make, isFault] of [
      ['a', forge, true],
      ['f', forge, true],
      ['a', ofOtherNetwork, false],
      ['f', ofOtherNetwork, false],
    ] as const) {
      const hostile = await createHostile(world, number++)
      const signed = await make(world, name)
      await hostile.tell(victim, encodeSignedStatement(signed))
      await world.clock.advance(MINUTE_MS)
      const blame = `${victim.name} blames ${hostile.peerId}: ERR_SIGNATURE_INVALID`
      if (world.trace.some((line) => line.includes(blame)) !== isFault) {
        missed.push(
          `${victim.name} ${isFault ? 'does not blame' : 'blames'} who sent a bad ${name}`,
        )
      }
    }
    return [...missed, ...(await conclude(world))]
  },
}

/** Most want little, and are each other's neighbours. */
const toldOnce: Scenario = {
  title: 'what most do not want goes round once, and then there is silence',
  async run() {
    const world = await build([FEW, FEW, FEW, FEW, ALL, ALL], 2)
    await publish(world, { at: 4, name: 'f', text: 'wanted by two' })
    const hostile = await createHostile(world, world.machines.length)
    const stranger = await signDraft({
      ...draftOf(world, { at: 0, name: 'f', text: 'by a stranger' }),
      by: ['eve'],
    })
    world.ledger.known.add(stranger.id)
    await hostile.tell(machineOf(world, 0), encodeSignedStatement(stranger))
    // In small steps: what goes round for ever becomes more with every one of them.
    for (let step = 0; step < 100; step++) {
      await world.clock.advance(SECOND_MS / 10)
      const again = repeated(world)
      if (again.length > 0) return again
    }
    const told = [...world.ledger.repeats.keys()]
    const missed = [stranger.id].filter((id) => !told.some((each) => each.includes(id)))
    const before = world.traffic.byProtocol.get(ANNOUNCE_PROTOCOL) ?? 0
    await world.clock.advance(MINUTE_MS)
    const bytes = (world.traffic.byProtocol.get(ANNOUNCE_PROTOCOL) ?? 0) - before
    return [
      ...missed.map((id) => `${id.slice(0, 8)} was passed on by nobody`),
      ...(bytes === 0 ? [] : [`${bytes} bytes of announcements in a minute at rest`]),
      ...(await conclude(world)),
    ]
  },
}

/** Nothing but the clock ends it: no reload, no restart, no upload. */
const endsByItself: Scenario = {
  title: 'a file that has expired is shown by nobody, and lies on no disk',
  async run() {
    const world = await build([ALL, ALL, ALL], 3)
    const expiresMs = world.clock.nowMs() + 10 * MINUTE_MS
    await publish(world, { at: 0, name: 'a', text: 'for ten minutes', expiresMs })
    await publish(world, { at: 1, name: 'b', text: 'for ever' })
    await world.clock.advance(MINUTE_MS)
    const early = world.machines.filter((each) => each.node?.files.counts().shown !== 2)
    await world.clock.advance(11 * MINUTE_MS)
    const late = world.machines.filter((each) => each.node?.files.counts().shown !== 1)
    return [
      ...early.map(({ name }) => `${name} does not show both before the end`),
      ...late.map(({ name }) => `${name} does not count one file after the end of the other`),
      ...(await conclude(world)),
    ]
  },
}

/** Two sides that each hear of one first. */
const anyOrder: Scenario = {
  title: 'of two statements of one version the same one wins everywhere, whichever came first',
  async run() {
    const found: string[] = []
    for (const texts of [
      ['one', 'other'],
      ['other', 'one'],
    ] as const) {
      const world = await build([ALL, ALL, ALL, ALL], 4)
      const ids = world.machines.map(({ peerId }) => peerId)
      world.network.partition([ids.slice(0, 2), ids.slice(2)])
      for (const [side, text] of texts.entries()) {
        await publish(world, { at: 2 * side, name: 'a', text })
        const by = side === 0 ? 'anna' : 'bert'
        await publish(world, { at: 2 * side + 1, name: 'b', text, by })
      }
      await world.clock.advance(MINUTE_MS)
      world.network.heal()
      found.push(...(await conclude(world)))
    }
    return found
  },
}

export const SCENARIOS: readonly Scenario[] = [
  refusedGoesNoFurther,
  toldOnce,
  endsByItself,
  anyOrder,
]

if (import.meta.main) {
  const words = process.argv.slice(2)
  for (const { title, run } of SCENARIOS) {
    if (words.length > 0 && !words.some((word) => title.includes(word))) continue
    const found = await run()
    const verdict = found.length === 0 ? 'ok' : `${found.length} VIOLATIONS`
    process.stdout.write(`scenario ${JSON.stringify(title)}: ${verdict}\n`)
    for (const violation of found) process.stdout.write(`  ${violation}\n`)
    if (found.length > 0) process.exitCode = 1
  }
}
