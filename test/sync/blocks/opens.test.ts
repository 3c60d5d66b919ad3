/** What one member may have a holder look up and keep in mind, played by hand. */
import t from 'tap'
import { silentLogger } from '../../../src/observe/index.ts'
import { encodeBlockRequest } from '../../../src/sync/blocks/messages.ts'
import { createRates } from '../../../src/sync/blocks/rates.ts'
import { createBlockServer } from '../../../src/sync/blocks/server.ts'
import { MAX_ASKED_INDEXES, MAX_OUTSTANDING_BLOCKS } from '../../../src/sync/limits.ts'
import { OPENED_BLOCKS_BURST, OPENED_BLOCKS_PER_SECOND } from '../../../src/sync/limits.ts'
import { createBufferPool, sha256 } from '../../../src/util/index.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { Test } from 'tap'
import type { PeerId } from '../../../src/keys/index.ts'
import type { BlockRequest } from '../../../src/sync/blocks/messages.ts'
import type { BlockSource } from '../../../src/sync/blocks/source.ts'
import type { FrameStream } from '../../../src/transport/index.ts'

const BLOCKS = 50_000
const digest = sha256('content')
const block = { digest, sizeBytes: 2 ** 20 }
const list = { blocks: Array(BLOCKS).fill(block), sizeBytes: BLOCKS * block.sizeBytes }
const source = {
  list: () => list,
  has: () => true,
  isComplete: () => true,
  read: async () => undefined,
}
const named = { collection: 'files', name: 'big', digest, list: digest }

/** A holder of one large content, and how often it was looked up. */
const play = (t: Test, { read = async () => undefined }: Partial<BlockSource> = {}) => {
  const clock = createVirtualClock()
  const lookups = { count: 0 }
  const server = createBlockServer({
    ...{ clock, logger: silentLogger, rates: createRates({ clock }, {}) },
    buffers: createBufferPool({ maxIdleBytes: 0 }),
    async resolve() {
      lookups.count++
      return { ...source, read }
    },
    onInterest: () => {},
    onSent: () => {},
  })
  server.start()
  t.teardown(() => server.stop())
  return { clock, server, lookups }
}

/** A stream of a member that says this and reads all answers. */
const streamOf = (peer: string, messages: Iterable<BlockRequest>): FrameStream => {
  const controller = new AbortController()
  const requests = messages[Symbol.iterator]()
  return {
    ...{ peer: peer as PeerId, protocol: '/mesh/blocks/1', signal: controller.signal },
    send: async () => {},
    async receive() {
      const next = requests.next()
      return next.done === true ? undefined : encodeBlockRequest(next.value)
    },
    close: async () => {},
    abort: (reason) => controller.abort(reason),
  }
}

t.test('who opens and closes a large content for ever is looked up for so often', async (t) => {
  const { clock, server, lookups } = play(t)
  const openAndClose = function* (): Iterable<BlockRequest> {
    for (let id = 0; id < 5_000; id++) {
      yield { type: 'open', id, ...named }
      yield { type: 'close', id }
    }
  }
  for (const peer of ['mallory', 'mallory', 'other']) {
    server.serve(streamOf(peer, openAndClose())).catch(() => {})
  }
  await clock.advance(0)
  const atOnce = OPENED_BLOCKS_BURST / BLOCKS
  const before = lookups.count
  // Each stream learns that it has to wait by one that it may not have any more.
  t.ok(before <= 2 * atOnce + 3, `${before} at once, by two members`)
  const seconds = 60
  await clock.advance(seconds * 1_000)
  const later = (2 * seconds * OPENED_BLOCKS_PER_SECOND) / BLOCKS
  t.ok(lookups.count - before >= later / 2, 'who waits goes on')
  t.ok(lookups.count - before <= later + 3, `${lookups.count - before} within a minute`)
})

t.test('who asks for blocks for ever, and waits for none, is cut off', async (t) => {
  // The disk is as slow as it can be.
  const { server } = play(t, { read: () => new Promise(() => {}) })
  const ask = (count: number): Promise<void> => {
    const indexes = Array.from({ length: count }, (_, index) => index)
    const asking = function* (): Iterable<BlockRequest> {
      yield { type: 'open', id: 1, ...named }
      for (let first = 0; first < count; first += MAX_ASKED_INDEXES) {
        const some = indexes.slice(first, first + MAX_ASKED_INDEXES)
        yield { type: 'ask', id: 1, insist: true, indexes: some }
      }
    }
    return server.serve(streamOf('mallory', asking()))
  }
  await t.resolves(ask(MAX_OUTSTANDING_BLOCKS))
  await t.rejects(ask(MAX_OUTSTANDING_BLOCKS + 1), { code: 'ERR_LIMIT_EXCEEDED' })
})
