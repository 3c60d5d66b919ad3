/** What happens in a simulation, drawn from its seed before it begins. */
import { createSeededRandom } from '../support/random.ts'
import type { SeededRandom } from '../support/random.ts'

export const KINDS = [
  'upload',
  'upload again',
  'upload by a stranger',
  'upload of something else',
  'stop and start',
  'process dies',
  'power fails',
  'dies in a call',
  'power fails after an answer',
  'partition',
  'heal',
  'bad link',
  'clock jumps',
  'disk full',
  'disk fails',
  'names change',
  'signer removed',
  'signer returns',
  'new signer',
] as const
export type Kind = (typeof KINDS)[number]

/** One thing that happens. Its own randomness does not depend on what happens beside it. */
export interface Action {
  readonly number: number
  readonly kind: Kind
  /** Before it happens. */
  readonly waitMs: number
}

export interface Plan {
  readonly seed: number
  readonly nodes: number
  /** A further member that breaks what it sends. */
  readonly mangler: boolean
  /** Whether every second machine wants half of the names at the start. */
  readonly partial: boolean
  /** Whether machines end with two configurations instead of one. */
  readonly halves: boolean
  readonly lossRate: number
  readonly resetRate: number
  readonly actions: readonly Action[]
}

const WEIGHTS: Readonly<Record<Kind, number>> = {
  upload: 30,
  'upload again': 6,
  'upload by a stranger': 3,
  'upload of something else': 2,
  'stop and start': 4,
  'process dies': 4,
  'power fails': 5,
  'dies in a call': 6,
  'power fails after an answer': 6,
  partition: 5,
  heal: 4,
  'bad link': 3,
  'clock jumps': 5,
  'disk full': 3,
  'disk fails': 3,
  'names change': 4,
  'signer removed': 4,
  'signer returns': 4,
  'new signer': 4,
}

const drawKind = (random: SeededRandom): Kind => {
  const total = KINDS.reduce((sum, kind) => sum + WEIGHTS[kind], 0)
  let at = random.below(total)
  for (const kind of KINDS) {
    at -= WEIGHTS[kind]
    if (at < 0) return kind
  }
  return 'upload'
}

/** Often at once, sometimes after long enough for everything to come to rest. */
const drawWaitMs = (random: SeededRandom): number => {
  const span = random.pick([5, 50, 500, 3_000, 20_000])
  return random.below(span)
}

export const planOf = (seed: number, init: { nodes?: number; actions?: number } = {}): Plan => {
  const random = createSeededRandom(`plan ${seed}`)
  const nodes = init.nodes ?? 3 + random.below(5)
  const count = init.actions ?? 30 + random.below(60)
  return {
    seed,
    nodes,
    mangler: random.below(4) === 0,
    partial: random.below(2) === 0,
    halves: random.below(3) === 0,
    lossRate: random.pick([0, 0.02, 0.1]),
    resetRate: random.pick([0, 0.002, 0.01]),
    actions: Array.from({ length: count }, (_, number) => ({
      number,
      kind: drawKind(random),
      waitMs: drawWaitMs(random),
    })),
  }
}
