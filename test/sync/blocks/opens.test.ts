/** What one member may have a holder look up, played by hand. */
import t from 'tap'
import { silentLogger } from '../../../src/observe/index.ts'
import { encodeBlockRequest } from '../../../src/sync/blocks/messages.ts'
import { createRates } from '../../../src/sync/blocks/rates.ts'
import { createBlockServer } from '../../../src/sync/blocks/server.ts'
import { OPENED_BLOCKS_BURST, OPENED_BLOCKS_PER_SECOND } from '../../../src/sync/limits.ts'
import { createBufferPool, sha256 } from '../../../src/util/index.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { PeerId } from '../../../src/keys/index.ts'
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

t.test('who opens and closes a large content for ever is looked up for so often', async (t) => {
  const clock = createVirtualClock()
  let lookedUp = 0
  const server = createBlockServer({
    ...{ clock, logger: silentLogger, rates: createRates({ clock }, {}) },
    buffers: createBufferPool({ maxIdleBytes: 0 }),
    async resolve() {
      lookedUp++
      return source
    },
    onInterest: () => {},
    onSent: () => {},
  })
  /** One stream of a member that reads all answers and goes on for long. */
  const streamOf = (peer: string): FrameStream => {
    let said = 0
    const controller = new AbortController()
    return {
      ...{ peer: peer as PeerId, protocol: '/mesh/blocks/1', signal: controller.signal },
      send: async () => {},
      async receive() {
        if (said > 10_000) return undefined
        const id = said++ >> 1
        return encodeBlockRequest(
          said % 2 === 1 ? { type: 'open', id, ...named } : { type: 'close', id },
        )
      },
      close: async () => {},
      abort: (reason) => controller.abort(reason),
    }
  }
  server.start()
  for (const peer of ['mallory', 'mallory', 'other']) {
    server.serve(streamOf(peer)).catch(() => {})
  }
  t.teardown(() => server.stop())
  await clock.advance(0)
  const atOnce = OPENED_BLOCKS_BURST / BLOCKS
  const before = lookedUp
  // Each stream learns that it has to wait by one that it may not have any more.
  t.ok(before <= 2 * atOnce + 3, `${before} at once, by two members`)
  const seconds = 60
  await clock.advance(seconds * 1_000)
  const later = (2 * seconds * OPENED_BLOCKS_PER_SECOND) / BLOCKS
  t.ok(lookedUp - before >= later / 2, 'who waits goes on')
  t.ok(lookedUp - before <= later + 3, `${lookedUp - before} within a minute`)
})
