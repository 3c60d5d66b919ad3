import t from 'tap'
import { answer, peer, serve } from '../../client/fixtures.ts'
import { mesh } from '../harness.ts'

t.test('shows peers in 80 columns', async (t) => {
  const peers = [
    { ...peer, peerId: '12D3KooWMzse24wmDYKFyguBWTt9fa6ewoNkaMaEoVkUs4Ju8w1c' },
    {
      ...peer,
      name: null,
      neighbour: false,
      roundTripMs: null,
      lastRound: { ...peer.lastRound, equal: false, received: 3, sent: 12 },
      address: `/ip6/${'2001:db8::'.repeat(9)}/tcp/1`,
    },
    { ...peer, connected: false, lastError: 'refused:\x07 a wrong pre-shared key' },
    { ...peer, connected: false, avoidedUntil: '2999-01-01T00:00:00.000Z', address: null },
    { ...peer, connected: false, name: 'away' },
    { ...peer, name: 'mallory', faults: [{ code: 'ERR_SIGNATURE_INVALID', count: 2 }] },
  ]
  const url = await serve(t, (_, response) => answer(response, 200, { peers }))
  const { code, stdout } = await mesh(['peers', '--url', url])
  t.equal(code, 0)
  t.match(stdout, /^NAME +PEER +STATE +SYNC +RTT +ADDRESS$/m)
  t.match(stdout, /^web-1 +…kUs4Ju8w1c +neighbour +in step +0\.4 ms +\/ip4\//m)
  t.match(stdout, /^- +12D3KooWpeer +connected +3 in, 12 out +- +\/ip6.*…$/m)
  t.match(stdout, /^12D3KooWpeer is away:\n {2}refused:\uFFFD a wrong pre-shared key$/m)
  t.equal(stdout.match(/is away/g)?.length, 1)
  t.match(stdout, /avoided, in/)
  t.match(stdout, /^mallory \(12D3KooWpeer\) broke the rules:\n {2}ERR_SIGNATURE_INVALID 2$/m)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
})

t.test('prints JSON, and says when there are none', async (t) => {
  const url = await serve(t, (_, response) => answer(response, 200, { peers: [] }))
  t.match(await mesh(['peers', '--url', url]), { code: 0, stdout: 'No peers.\n' })
  const { stdout } = await mesh(['peers', '--url', url, '--json'])
  t.same(JSON.parse(stdout), { schema: 'mesh-peers/1', peers: [] })
})
