/** A fetch that ends while the next one for the same content has begun. */
import t from 'tap'
import { silentLogger } from '../../../src/observe/index.ts'
import { createBlockExchange } from '../../../src/sync/blocks/exchange.ts'
import { createRates } from '../../../src/sync/blocks/rates.ts'
import { createHolders } from '../../../src/sync/content/holders.ts'
import { sha256 } from '../../../src/util/index.ts'
import { memoryGround, owner, startBlocks } from '../../blocks/fixture.ts'
import { createFakeCollection } from '../../support/fake-collection.ts'
import { createFilesMesh } from '../../support/files-mesh.ts'
import { createSeededRandom } from '../../support/random.ts'

t.test('the end of one fetch does not end what is told of the next', async (t) => {
  const mesh = await createFilesMesh({ count: 0, policies: [] })
  const { blocks } = await startBlocks(await memoryGround())
  const { clock } = mesh
  const random = createSeededRandom(1)
  const collection = createFakeCollection({ names: ['big'], name: 'files' })
  const exchange = createBlockExchange({
    ...{ clock, random, blocks, logger: silentLogger, rates: createRates({ clock }, {}) },
    transport: await mesh.stranger('reader'),
    collections: new Map([[collection.name, collection]]),
    ...{ wants: () => undefined, onFault: () => {} },
  })
  exchange.start()
  t.teardown(async () => {
    await exchange.stop()
    await blocks.stop()
    await mesh.stop()
  })
  const begin = (signal: AbortSignal): Promise<unknown> =>
    exchange.fetch(
      {
        ...{ collection, signal, isCrowded: () => false, onStart: () => {} },
        holders: createHolders({
          ...{ clock, random, claims: { left: 8 } },
          ...{ connected: () => [], wants: () => true },
        }),
        missing: {
          name: 'big',
          content: { digest: sha256('big'), sizeBytes: 100_000 },
          accept: async () => ({ outcome: 'stored' }),
          assembly: { list: sha256('list'), owner: owner('file big'), mode: 0o644 },
        },
      },
      async () => {},
    )
  const [first, second] = [new AbortController(), new AbortController()]
  const [one, two] = [begin(first.signal), begin(second.signal)]
  first.abort()
  await t.rejects(one, { code: 'ERR_ABORTED' })
  t.match(exchange.transfers().receiving, [{ name: 'big', state: 'searching' }])
  second.abort()
  await t.rejects(two, { code: 'ERR_ABORTED' })
  t.same(exchange.transfers().receiving, [])
})
