import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { MAX_REMEMBERED_REFUSALS } from '../../src/transport/limits.ts'
import { createRefusalLog } from '../../src/transport/refusal-log.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'

const PEER = '12D3KooWPeer' as PeerId
const HOUR_MS = 3_600_000

const create = () => {
  const clock = createVirtualClock()
  const lines: string[] = []
  let quiet = 0
  const logger = {
    ...silentLogger,
    info: ({ address, code }: Record<string, unknown>) => void lines.push(`${address} ${code}`),
    debug: () => void quiet++,
  }
  return { clock, lines, quiet: () => quiet, log: createRefusalLog({ clock, logger }) }
}

const wrongPsk = new MeshError('ERR_PSK_MISMATCH', 'its pre-shared key is none of ours')
const expired = new MeshError('ERR_CERTIFICATE_EXPIRED', 'expired', { data: { peer: PEER } })

t.test('who comes back for ever is told once, from whatever port', async (t) => {
  const { clock, lines, quiet, log } = create()
  for (let port = 1; port <= 100; port++) {
    log.refused(`/ip4/10.0.0.9/tcp/${port}`, wrongPsk)
    await clock.advance(60_000)
  }
  t.same(lines, ['/ip4/10.0.0.9/tcp/1 ERR_PSK_MISMATCH'])
  t.equal(quiet(), 99, 'and all of them to whoever asks for level debug')
})

t.test('another reason is news, and another machine', async (t) => {
  const { lines, log } = create()
  const malformed = new MeshError('ERR_PROTOCOL_MALFORMED', 'garbage')
  for (const error of [wrongPsk, malformed, wrongPsk]) log.refused('/ip4/10.0.0.9/tcp/1', error)
  log.refused('/ip6/fd00::1/tcp/1', wrongPsk)
  t.same(lines, [
    '/ip4/10.0.0.9/tcp/1 ERR_PSK_MISMATCH',
    '/ip4/10.0.0.9/tcp/1 ERR_PROTOCOL_MALFORMED',
    '/ip6/fd00::1/tcp/1 ERR_PSK_MISMATCH',
  ])
})

t.test('a peer is itself at every address, and news again after it was a member', async (t) => {
  const { lines, log } = create()
  log.refused('/ip4/10.0.0.9/tcp/1', expired)
  log.refused('/ip4/10.0.0.10/tcp/1', expired)
  t.equal(lines.length, 1)
  log.admitted(PEER)
  log.refused('/ip4/10.0.0.10/tcp/2', expired)
  t.equal(lines.length, 2)
})

t.test(
  'a crowd fills neither the log nor memory, and who was not told is told later',
  async (t) => {
    const { clock, lines, log } = create()
    const crowd = (from: number): void => {
      for (let host = 0; host < MAX_REMEMBERED_REFUSALS; host++) {
        log.refused(`/ip4/10.${from}.${host >> 8}.${host & 255}/tcp/1`, wrongPsk)
      }
    }
    crowd(0)
    t.equal(lines.length, 10)
    await clock.advance(HOUR_MS)
    log.refused('/ip4/10.0.0.0/tcp/2', wrongPsk)
    t.equal(lines.length, 10, 'the first of them was told')
    log.refused('/ip4/10.0.3.0/tcp/2', wrongPsk)
    t.equal(lines.length, 11, 'a later one was not')
    crowd(1)
    await clock.advance(HOUR_MS)
    log.refused('/ip4/10.0.0.0/tcp/3', wrongPsk)
    t.equal(lines.at(-1), '/ip4/10.0.0.0/tcp/3 ERR_PSK_MISMATCH', 'forgotten for others')
  },
)
