/** The same through the whole of files: store, disk, reloads, restarts. */
import fc from 'fast-check'
import t from 'tap'
import { createMemoryDisk } from '../../src/disk/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import {
  createWorld,
  fromPeer,
  keys,
  NAME,
  policy,
  sign,
  source,
  START_MS,
  textOf,
} from './world.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Draft, Signer, World } from './world.ts'

const draft: fc.Arbitrary<Draft> = fc.record({
  version: fc.integer({ min: 1, max: 4 }),
  time: fc.integer({ min: START_MS, max: START_MS + 1 }),
  text: fc.constantFrom('a', 'b', null),
  by: fc.subarray<Signer>(['anna', 'bert', 'cleo', 'eve'], { minLength: 1 }),
})
const policies = [
  policy(),
  policy({ signers: [keys.anna.publicKey] }),
  policy({ signers: [keys.bert.publicKey, keys.cleo.publicKey], mode: 0o600 }),
  policy({ signers: [keys.anna.publicKey, keys.bert.publicKey], threshold: 2 }),
  policy({ deleteSigners: [keys.cleo.publicKey], minVersion: 2 }),
  policy({ history: 1 }),
]

interface Arrival {
  readonly signed: SignedStatement
  readonly text: string | null
}

const signAll = (drafts: readonly Draft[]): Promise<Arrival[]> =>
  Promise.all(
    drafts.map(async (each) => ({
      signed: await sign(each),
      text: each.text === null ? null : textOf(each),
    })),
  )

const accept = async (world: World, { signed, text }: Arrival, withContent: boolean) => {
  const content = withContent && text !== null ? source(text) : undefined
  await world.files.accept(signed, content, fromPeer)
}

/** What has to be equal on nodes that have seen the same. */
const standing = async (world: World): Promise<string> => {
  const view = world.files.view(NAME)
  return JSON.stringify({
    digest: world.files.digest(),
    index: [...world.files.index()],
    winner: view?.winner?.id,
    state: view?.state,
    conflict: view?.conflict,
    shown: await world.shown(),
    statement: await world.shown(`statements/${NAME}`),
  })
}

t.test('agrees whatever arrives in which order and how often', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft, { minLength: 1, maxLength: 6 }),
      fc.infiniteStream(fc.nat({ max: 100 })),
      fc.boolean(),
      async (drafts, chances, concurrent) => {
        const given = await signAll(drafts)
        const one = await createWorld()
        for (const each of given) await accept(one, each, false)
        const other = await createWorld()
        const again = [...given, ...given].map((each) => ({ each, rank: chances.next().value }))
        again.sort((a, b) => a.rank - b.rank)
        if (concurrent) await Promise.all(again.map(({ each }) => accept(other, each, true)))
        else for (const { each } of again) await accept(other, each, true)
        // Content comes to the first one in the end; the second had it all the time.
        for (const each of given) await accept(one, each, true)
        const result = (await standing(one)) === (await standing(other))
        await one.stop()
        await other.stop()
        return result
      },
    ),
    { numRuns: 60 },
  )
})

t.test('stands as before when a reload is taken back, through restarts and deaths', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft, { minLength: 1, maxLength: 5 }),
      fc.array(
        fc.record({
          policy: fc.constantFrom(...policies, undefined),
          how: fc.constantFrom('reload', 'restart', 'crash'),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      async (drafts, steps) => {
        const world = await createWorld([policy()], {
          disk: createMemoryDisk(),
          store: createMemoryStore(),
        })
        for (const each of await signAll(drafts)) await accept(world, each, true)
        const before = await standing(world)
        for (const step of [...steps, { policy: policy(), how: 'reload' }]) {
          const next = step.policy === undefined ? [] : [step.policy]
          if (step.how === 'reload') await world.files.reload(next)
          else if (step.how === 'restart') await world.restart(next)
          else await world.crash('synced', next)
        }
        const after = await standing(world)
        await world.stop()
        return before === after
      },
    ),
    { numRuns: 60 },
  )
})
