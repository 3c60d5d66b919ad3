import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { MeshError } from '../../src/errors/index.ts'
import { blockStat, call, startHarness } from './harness.ts'
import type { BlocksProgressBody } from '../../src/api/index.ts'
import type { HttpServices } from '../../src/http/index.ts'

const progress: BlocksProgressBody = {
  ...{ type: 'progress', checkedBlocks: 1, checkedBytes: 10, damagedBlocks: 0, totalBytes: 20 },
}

const blocksWith = (verify: HttpServices['blocks']['verify']): HttpServices['blocks'] => ({
  stat: () => blockStat,
  scrub: () => {},
  gc: async ({ now }) => ({
    ...{ removedBlocks: now ? 1 : 0, removedBytes: 0, waitingBlocks: 0 },
    ...{ strayFiles: 0, strayBytes: 0, abandonedAssemblies: 0 },
  }),
  verify,
})

t.test('tells of blocks and works on them over the unix socket only', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  for (const [method, path] of [
    ['GET', '/blocks'],
    ['POST', '/blocks/gc'],
    ['POST', '/blocks/scrub'],
    ['POST', '/blocks/verify'],
  ] as const) {
    t.match(await call(harness.url, method, path), { status: 403 }, path)
  }
  const client = createClient({ socketPath: harness.socketPath })
  t.same(await client.blocks(), blockStat)
  t.same(await client.scrubBlocks(), blockStat)
  t.match(await client.collectBlocks(), { removedBlocks: 0 })
  t.match(await client.collectBlocks({ now: true }), { removedBlocks: 1 })
  t.match(await client.verifyBlocks(), { type: 'report', checkedBlocks: 5 })
})

t.test('tells how far a check is, and what stopped it', async (t) => {
  const going = Promise.withResolvers<void>()
  const harness = await startHarness({
    blocks: blocksWith(async ({ onProgress }) => {
      onProgress(progress)
      await going.promise
      throw new MeshError('ERR_DISK_FULL', 'no room')
    }),
  })
  t.teardown(harness.stop)
  const client = createClient({ socketPath: harness.socketPath })
  const seen: BlocksProgressBody[] = []
  const verifying = client.verifyBlocks({
    onProgress: (each) => {
      seen.push(each)
      going.resolve()
    },
  })
  await t.rejects(verifying, { code: 'ERR_DISK_FULL', message: 'no room' })
  t.same(seen[0], progress)
})

t.test('verifies once at a time, and ends a check that nobody waits for', async (t) => {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const harness = await startHarness({
    blocks: blocksWith(async ({ signal }) => {
      begun.resolve()
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      ended.resolve()
      throw new MeshError('ERR_ABORTED', 'over')
    }),
  })
  t.teardown(harness.stop)
  const client = createClient({ socketPath: harness.socketPath })
  const controller = new AbortController()
  const first = client.verifyBlocks({ signal: controller.signal })
  await begun.promise
  await t.rejects(client.verifyBlocks(), { code: 'ERR_LIMIT_EXCEEDED' })
  controller.abort()
  await t.rejects(first, { code: 'ERR_ABORTED' })
  await ended.promise
})
