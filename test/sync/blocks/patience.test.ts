/** How long a fetch waits, and for what. */
import t from 'tap'
import { encodeBlockList } from '../../../src/chunk/index.ts'
import { BlockFetch } from '../../../src/sync/blocks/fetch.ts'
import { createHolders } from '../../../src/sync/content/holders.ts'
import {
  HOLDER_ANSWER_TIMEOUT_MS,
  HOLDER_WAIT_MS,
  NOBODY_WAIT_MS,
} from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import { bytesOf, contentOf, memoryGround, owner, startBlocks } from '../../blocks/fixture.ts'
import { createTestPart } from '../../support/block-part.ts'
import { createSeededRandom } from '../../support/random.ts'
import type { Test } from 'tap'
import type { Blocks } from '../../../src/blocks/index.ts'
import type { PeerId } from '../../../src/keys/index.ts'

const content = contentOf(bytesOf('big', 3 * 2 ** 20))
const encoded = encodeBlockList(content.list)

const play = async (
  t: Test,
  init: { blocks?: Partial<Blocks>; holder?: string; isCrowded?: boolean } = {},
) => {
  const { blocks, clock } = await startBlocks(await memoryGround())
  t.teardown(() => blocks.stop())
  const random = createSeededRandom(1)
  const peer = init.holder as PeerId | undefined
  const peers = peer === undefined ? [] : [peer]
  const used = { ...blocks, ...init.blocks }
  const signal = new AbortController().signal
  const fetch = new BlockFetch({
    ...{ clock, random, owner: owner('file big'), sizeBytes: content.bytes.length },
    content: {
      ...{ collection: 'files', name: 'big' },
      ...{ digest: content.digest, list: sha256(encoded) },
    },
    ...{ blocks: used, signal },
    assemble: (list) => used.assemble(owner('file big'), list, { signal }),
    holders: createHolders({
      ...{ clock, random, claims: { left: 8 } },
      ...{ connected: () => peers, wants: () => true },
    }),
    interested: new Set(),
    candidates: () => peers,
    linkTo: (id) => createTestPart(clock, id).link,
    isCrowded: () => init.isCrowded ?? false,
    ...{ onGained: () => {}, onWork: () => {}, onReceived: () => {} },
  })
  let ended: string | undefined
  fetch.run().then(
    () => {
      ended = 'complete'
    },
    (error: unknown) => {
      ended = error instanceof Error ? error.message : String(error)
    },
  )
  /** Time goes on, and the exchange looks at it each second. */
  const wait = async (ms: number): Promise<string | undefined> => {
    for (let at = 0; at < ms; at += 1_000) {
      await clock.advance(1_000)
      fetch.tick()
      await clock.settle()
    }
    return ended
  }
  return { blocks, wait }
}

t.test('looking through what is left of a former run may take any time', async (t) => {
  const begun = Promise.withResolvers<void>()
  const { blocks, wait } = await play(t, {
    blocks: {
      get: async () => encoded,
      async assemble(owner, list, options) {
        await begun.promise
        return blocks.assemble(owner, list, options)
      },
    },
  })
  t.equal(await wait(HOLDER_WAIT_MS + 10_000), undefined, 'it goes on')
  begun.resolve()
  t.equal(await wait(1_000), undefined, 'holders may still come')
  t.match(await wait(NOBODY_WAIT_MS), /no connected peer delivers/)
})

t.test('a peer that was just asked has its time to answer, though others wait', async (t) => {
  const { wait } = await play(t, { holder: 'a', isCrowded: true })
  t.equal(await wait(HOLDER_ANSWER_TIMEOUT_MS - 2_000), undefined)
  t.match(await wait(3_000), /no connected peer delivers/)
})

t.test('with nobody to be asked the place is for others that wait', async (t) => {
  const { wait } = await play(t, { isCrowded: true })
  t.match(await wait(1_000), /no connected peer delivers/)
})
