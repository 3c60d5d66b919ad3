import t from 'tap'
import { MAX_SIGNED_STATEMENT_BYTES } from '../../src/statement/index.ts'
import * as statement from '../../src/statement/index.ts'
import * as limits from '../../src/sync/limits.ts'
import { MAX_PAGE_NAMES_BYTES } from '../../src/sync/push-pull/messages.ts'

t.test('limits that depend on each other fit together', async (t) => {
  const { MAX_FRAME_BYTES, FRAME_HEADER_BYTES } = limits
  const item = 1 + 4 + limits.MAX_RECORD_BYTES + 4 + limits.MAX_INLINE_BYTES
  t.ok(FRAME_HEADER_BYTES + item <= MAX_FRAME_BYTES, 'one item fits into a frame')
  t.ok(MAX_SIGNED_STATEMENT_BYTES <= limits.MAX_RECORD_BYTES, 'every statement is a record')
  t.ok(statement.MAX_NAME_BYTES <= limits.MAX_NAME_BYTES)
  t.ok(6 * limits.MAX_REQUEST_SHORTS + FRAME_HEADER_BYTES <= MAX_FRAME_BYTES)
  t.ok(limits.MAX_REQUEST_RECORDS > limits.MAX_LIST_IDS, 'every list can be asked for')
  t.ok(MAX_PAGE_NAMES_BYTES > limits.MAX_NAME_BYTES, 'every page takes a name')
  t.ok(limits.MAX_ROUND_RANGES <= limits.RANGES_BURST, 'one whole round is never slowed down')
  t.ok(limits.CONTENT_FRAME_BYTES <= MAX_FRAME_BYTES)
  t.ok(limits.MIN_RATE_BYTES <= limits.CONTENT_FRAME_BYTES, 'one piece is enough for a window')
  t.ok(limits.CATCH_UP_ANSWERER_DELAY_MS > 10 * limits.CATCH_UP_DELAY_MS)
})
