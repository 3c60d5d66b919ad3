import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as limits from '../../src/transport/limits.ts'
import { formatDuration, formatSize } from '../../src/util/index.ts'

const write = (name: string, value: number): string => {
  if (name.endsWith('_MS')) return formatDuration(value)
  return name.includes('_BYTES') ? formatSize(value) : `${value}`
}

t.test('docs/limits.md shows every limit with its value, and no other', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/limits.md'), 'utf8')
  const [, section = ''] = page.split('\n## Transport\n')
  const [own = ''] = section.split('\n## ')
  const documented = new Map(
    [...own.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
  const actual = Object.entries(limits).map(([name, value]) => [name, write(name, value)] as const)
  t.same(documented, new Map(actual))
})

t.test('limits that depend on each other fit together', async (t) => {
  t.ok(
    limits.PRIVATE_NETWORK_TIMEOUT_MS + limits.MEMBERSHIP_TIMEOUT_MS <= limits.HANDSHAKE_TIMEOUT_MS,
  )
  t.ok(limits.MAX_PENDING_HANDSHAKES_PER_HOST < limits.MAX_PENDING_HANDSHAKES)
  t.ok(limits.DEFAULT_TARGET_CONNECTIONS < limits.DEFAULT_MAX_CONNECTIONS)
  t.ok(limits.MAX_MULTIPLEXER_FRAME_BYTES >= limits.MAX_STREAM_WINDOW_BYTES)
  t.ok(limits.SOCKET_IDLE_TIMEOUT_MS > 2 * limits.PING_INTERVAL_MS)
})
