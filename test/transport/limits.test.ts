import t from 'tap'
import * as limits from '../../src/transport/limits.ts'

t.test('limits that depend on each other fit together', async (t) => {
  t.ok(
    limits.PRIVATE_NETWORK_TIMEOUT_MS + limits.MEMBERSHIP_TIMEOUT_MS <= limits.HANDSHAKE_TIMEOUT_MS,
  )
  t.ok(limits.MAX_PENDING_HANDSHAKES_PER_HOST < limits.MAX_PENDING_HANDSHAKES)
  t.ok(limits.DEFAULT_TARGET_CONNECTIONS < limits.DEFAULT_MAX_CONNECTIONS)
  t.ok(limits.MAX_MULTIPLEXER_FRAME_BYTES >= limits.MAX_STREAM_WINDOW_BYTES)
  t.ok(limits.SOCKET_IDLE_TIMEOUT_MS > 2 * limits.PING_INTERVAL_MS)
})
