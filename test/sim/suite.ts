/** The suite that runs simulations by seed; in two files, so that they run side by side. */
import { runSeed } from './run.ts'
import type { Test } from 'tap'
import type { Result } from './run.ts'

const SEEDS = process.env.MESH_TEST_TIER === 'soak' ? 1000 : 50
/** Lines of the trace that a failing test prints. */
const MAX_TRACE_LINES = 400

// One seed or several, as `7` or `1-50`.
const [, given, last] = /^(\d+)(?:-(\d+))?$/.exec(process.env.MESH_SIM_SEED ?? '') ?? []
const first = given === undefined ? 1 : Number(given)
const end = given === undefined ? SEEDS : Number(last ?? given)
const explain = ({ plan, violations, trace }: Result): string =>
  [
    ...violations,
    '',
    `again: MESH_SIM_SEED=${plan.seed} ./dev run node test/sim/replay.ts`,
    `with fewer actions: MESH_SIM_SEED=${plan.seed} ./dev run node test/sim/replay.ts --shrink`,
    '',
    ...trace.filter((line) => !line.includes(' ends with ')).slice(-MAX_TRACE_LINES),
  ].join('\n')

/** Every second seed, from the first one or from the next. */
export const testSeeds = (t: Test, half: 0 | 1): void => {
  void t.test(
    'whatever happens, machines of one configuration end with one catalogue, nothing acknowledged is lost, nothing refused is kept or sent on, no honest peer is blamed, and rest is quiet',
    { timeout: 0 },
    async (t) => {
      const outcomes: Record<string, number> = {}
      let [frames, virtualMs, healingMs, restBytes] = [0, 0, 0, 0]
      for (let seed = first + half; seed <= end; seed += 2) {
        const result = await runSeed(seed)
        const { violations, figures } = result
        t.equal(violations.length, 0, `seed ${seed}`)
        if (violations.length > 0) t.comment(explain(result))
        for (const [outcome, count] of Object.entries(figures.uploads)) {
          outcomes[outcome] = (outcomes[outcome] ?? 0) + count
        }
        frames += figures.frames
        virtualMs += figures.virtualMs
        healingMs = Math.max(healingMs, figures.healingMs ?? Number.POSITIVE_INFINITY)
        restBytes = Math.max(restBytes, figures.restBytes)
      }
      t.comment(
        `seeds ${first} to ${end}: uploads ${JSON.stringify(outcomes)}, ${frames} frames in ${Math.round(virtualMs / 3_600_000)} virtual hours; in step at most ${Math.round(healingMs / 1000)} s after the trouble; at rest at most ${restBytes} bytes a node in ten minutes`,
      )
    },
  )
}
