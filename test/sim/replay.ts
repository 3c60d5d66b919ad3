/**
 * Runs simulations by seed:
 *
 *     MESH_SIM_SEED=7 node test/sim/replay.ts            one seed, with its trace
 *     MESH_SIM_SEED=1-50 node test/sim/replay.ts         many, a line each; --first ends at a failure
 *     MESH_SIM_SEED=7 node test/sim/replay.ts --shrink   leaves out actions while it still fails
 */
import { runSeed } from './run.ts'
import { shrink } from './shrink.ts'
import type { Result } from './run.ts'

const line = ({ plan, violations, hash, figures }: Result): string =>
  [
    `seed ${plan.seed}:`,
    violations.length === 0 ? 'ok' : `${violations.length} VIOLATIONS`,
    hash,
    `${plan.nodes} nodes${plan.mangler ? ' and a mangler' : ''}, ${plan.actions.length} actions,`,
    `uploads ${JSON.stringify(figures.uploads)},`,
    `healed in ${figures.healingMs?.toFixed(0)} ms, ${figures.restBytes} bytes and ${figures.restRuns} runs at rest,`,
    `${figures.frames} frames in ${(figures.virtualMs / 60_000).toFixed(0)} virtual minutes`,
  ].join(' ')

const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(process.env.MESH_SIM_SEED ?? '1') ?? []
const [from, to] = [Number(first), Number(last ?? first)]
let failures = 0
for (let seed = from; seed <= to; seed++) {
  const result = process.argv.includes('--shrink') ? await shrink(seed) : await runSeed(seed)
  if (from === to) process.stdout.write(`${result.trace.join('\n')}\n`)
  process.stdout.write(`${line(result)}\n`)
  for (const violation of result.violations) process.stdout.write(`  ${violation}\n`)
  if (result.violations.length > 0) failures++
  if (failures > 0 && process.argv.includes('--first')) break
}
// Not `exit`, which would cut off what a pipe has not taken yet.
process.exitCode = failures === 0 ? 0 : 1
