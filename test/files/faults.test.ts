/** Dies, or is refused, at every single system call and commit of a life with everything in it. */
import t from 'tap'
import { compareStatements, parseStatementFile } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { createWorld, fromPeer, keys, NAME, policy, sign, source, textOf } from './world.ts'
import { START_MS, upload } from './world.ts'
import type { FilePolicy, Verdict } from '../../src/files/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Test } from 'tap'
import type { Draft, World } from './world.ts'

const onlyAnna = policy({ signers: [keys.anna.publicKey], mode: 0o600 })

interface Life {
  /** Statements whose acceptance was answered with `stored`, by name. */
  readonly acknowledged: SignedStatement[]
  policies: readonly FilePolicy[]
}

type Step = (world: World, life: Life) => Promise<unknown>

const put =
  (draft: Draft, from = upload): Step =>
  async (world, life) => {
    const signed = await sign(draft)
    const content = draft.text === null ? undefined : source(textOf(draft))
    const verdict: Verdict = await world.files.accept(signed, content, from)
    if (verdict.outcome === 'stored') life.acknowledged.push(signed)
  }

const reload =
  (...policies: FilePolicy[]): Step =>
  (world, life) => {
    life.policies = policies
    return world.files.reload(policies)
  }

const steps: readonly Step[] = [
  put({ version: 1, by: ['anna'] }),
  put({ version: 2, by: ['bert'], text: 'two' }),
  async (world) =>
    world.files.accept(await sign({ version: 3, text: 'three' }), undefined, fromPeer),
  put({ version: 3, text: 'three' }, fromPeer),
  put({ version: 3, text: 'three', by: ['bert'] }, fromPeer),
  put({ version: 4, text: null }),
  put({ version: 5, text: 'five', by: ['bert'], expires: START_MS + 20_000 }),
  (world) => world.clock.advance(21_000),
  put({ version: 6, text: 'six', by: ['bert'] }),
  reload(onlyAnna),
  reload(),
  reload(policy()),
  put({ version: 7, text: 'seven', by: ['anna', 'bert'] }),
]

const settled = async (world: World): Promise<unknown> => ({
  state: world.files.view(NAME)?.state,
  winner: world.files.view(NAME)?.winner?.id,
  digest: world.files.digest(),
  shown: await world.shown(),
  statement: await world.shown(`statements/${NAME}`),
  content: await world.disk.list('content'),
  tmp: await world.disk.list('tmp'),
  quarantine: await world.disk.list('quarantine'),
})

/** What may be seen at any time: content with the statement that says so, or nothing. */
const checkShown = async (t: Test, world: World, where: string): Promise<void> => {
  const shown = await world.shown()
  const view = world.files.view(NAME)
  const record = view?.shownMeanwhile ?? (view?.state === 'shown' ? view.winner : undefined)
  if (shown === undefined) {
    if (record !== undefined) t.fail(`${where}: what is said to be shown is not there`)
    return
  }
  const { content } = record?.signed.statement ?? { content: 'deleted' }
  if (content === 'deleted' || content.digest !== sha256(shown)) {
    t.fail(`${where}: ${shown} is shown, and nothing says so`)
  }
  const text = (await world.shown(`statements/${NAME}`)) ?? ''
  if (parseStatementFile(text).id !== record?.signed.id) {
    t.fail(`${where}: the statement beside it is another`)
  }
}

/** Nothing that was answered to is lost: it is the winner, or something greater is. */
const checkAcknowledged = (t: Test, world: World, life: Life, where: string): void => {
  const allowed = new Set(life.policies.flatMap(({ signers }) => signers))
  const winner = world.files.view(NAME)?.winner?.signed
  for (const signed of life.acknowledged) {
    if (!signed.signatures.some(({ key }) => allowed.has(key))) continue
    if (winner === undefined || compareStatements(winner, signed) < 0) {
      t.fail(`${where}: version ${signed.statement.version} was lost`)
    }
    const wanted = winner?.id === signed.id && world.files.view(NAME)?.state
    if (wanted === 'missing') t.fail(`${where}: content of ${signed.statement.version} was lost`)
  }
}

/** An upload is its statement with its content: only version 3 comes without, from a peer. */
const checkWhole = (t: Test, world: World, where: string): void => {
  const { state, winner } = world.files.view(NAME) ?? {}
  const version = winner?.signed.statement.version
  if (state === 'missing' && version !== 3) t.fail(`${where}: ${version} is here without content`)
}

const live = async (
  world: World,
  life: Life,
  from: number,
  isOver: () => boolean = () => false,
): Promise<number> => {
  for (let at = from; at < steps.length; at++) {
    await steps[at]?.(world, life).catch(() => {})
    if (isOver()) return at
  }
  return steps.length
}

const expected = await (async () => {
  const world = await createWorld()
  await live(world, { acknowledged: [], policies: [policy()] }, 0)
  const result = await settled(world)
  await world.stop()
  return result
})()

/** Lives until call `at`, dies, and lives on; answers with which kind of call it died. */
const dieAt = async (
  t: Test,
  at: number,
  how: { readonly keep: 'synced' | 'all'; readonly commit: 'lost' | 'kept' },
): Promise<'disk' | 'store' | undefined> => {
  const where = `death at ${at}, ${how.keep}, ${how.commit}`
  const world = await createWorld()
  const life: Life = { acknowledged: [], policies: [policy()] }
  let count = 0
  let death: 'disk' | 'store' | undefined
  world.disk.fault = ({ kind }) => {
    if (death === undefined && kind !== 'read' && ++count === at) death = 'disk'
    return death === undefined ? undefined : 'EIO'
  }
  world.store.fault = () => {
    if (death !== undefined) return 'lost'
    if (++count < at) return undefined
    death = 'store'
    return how.commit
  }
  const died = await live(world, life, 0, () => death !== undefined)
  await world.crash(how.keep, life.policies)
  await checkShown(t, world, where)
  checkAcknowledged(t, world, life, where)
  checkWhole(t, world, where)
  t.same([await world.disk.list('tmp'), await world.disk.list('quarantine')], [[], []], where)
  // Whoever was not answered to asks again, and the rest of life goes on.
  await live(world, life, died)
  t.same(await settled(world), expected, where)
  await world.stop()
  return death
}

/** Every call in a soak; here, one in so many where a neighbour says almost the same. */
const STRIDE = process.env.MESH_TEST_TIER === 'soak' ? 1 : 3

for (const keep of ['synced', 'all'] as const) {
  const stride = keep === 'synced' ? 1 : STRIDE
  const what = keep === 'synced' ? 'the power fails' : 'it is killed'
  t.test(`loses nothing, and shows nothing wrong, wherever ${what}`, async (t) => {
    let at = 1
    for (;;) {
      const death = await dieAt(t, at, { keep, commit: 'lost' })
      if (death === undefined) break
      if (death === 'store') await dieAt(t, at, { keep, commit: 'kept' })
      at += stride
    }
    t.ok(at > 100, `${at} points`)
  })
}

t.test('recovers whichever call the disk refuses once', async (t) => {
  let at = 1
  for (let over = false; !over; at += STRIDE) {
    const where = `failure at ${at}`
    const world = await createWorld()
    const life: Life = { acknowledged: [], policies: [policy()] }
    let count = 0
    const strikes = (): boolean => ++count === at
    world.disk.fault = () => (strikes() ? (at % 2 === 0 ? 'ENOSPC' : 'EIO') : undefined)
    world.store.fault = () => (strikes() ? 'disk-full' : undefined)
    const stopped = await live(world, life, 0, () => count >= at)
    over = count < at
    world.disk.fault = undefined
    world.store.fault = undefined
    checkAcknowledged(t, world, life, where)
    await world.clock.advance(10_000)
    const left = await world.everything()
    await world.restart(life.policies)
    t.same(await world.everything(), left, `${where}: nothing is left for the next start`)
    await live(world, life, stopped)
    await world.clock.advance(60_000)
    await checkShown(t, world, where)
    t.same(await settled(world), expected, where)
    t.same(world.health.list(), [], where)
    await world.stop()
  }
  t.ok(at > 100, `${at} points`)
})
