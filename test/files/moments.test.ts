/** What is told of a name at every step of what happens to it, not only at the end. */
import t from 'tap'
import { createWorld, keys, NAME, policy, sign, source, textOf, upload } from './world.ts'

t.test('neither a restart nor a reload tells content as missing that is here', async (t) => {
  const world = await createWorld([policy()])
  t.teardown(() => world.stop())
  await world.files.accept(await sign({}), source(textOf({})), upload)
  const seen = new Set<string>()
  let steps = 0
  /** Looks before each operation of the disk and of the store. */
  const during = async (work: () => Promise<unknown>): Promise<string[]> => {
    seen.clear()
    const look = (): undefined => {
      steps++
      seen.add(world.files.view(NAME)?.state ?? 'not configured')
    }
    world.disk.fault = look
    world.store.fault = look
    await work()
    look()
    return [...seen]
  }
  const reload = (...policies: Parameters<typeof world.files.reload>[0]) =>
    during(() => world.files.reload(policies))
  t.same(await during(() => world.restart()), ['shown'])
  t.same(await reload(), ['not configured'])
  t.same(await reload(policy()), ['none', 'shown'], 'until it is published again')
  t.same(await reload(policy({ signers: [keys.bert.publicKey] })), ['none'])
  t.same(await reload(policy()), ['none', 'shown'])
  t.ok(steps > 10, `${steps} looks`)
})
