import t from 'tap'
import { answer, peer, problem, serve, status } from '../../client/fixtures.ts'
import { mesh } from '../harness.ts'
import type { Test } from 'tap'

const serveStatus = (t: Test, body: object, peers: readonly object[]): Promise<string> =>
  serve(t, ({ url }, response) => answer(response, 200, url === '/peers' ? { peers } : body))

t.test('shows the whole of a daemon, in 80 columns', async (t) => {
  const peerId = '12D3KooWMzse24wmDYKFyguBWTt9fa6ewoNkaMaEoVkUs4Ju8w1c'
  const body = {
    ...status,
    peerId,
    certificate: { name: 'alpha', expires: '2999-01-01T00:00:00.000Z' },
    addresses: [`/ip4/192.0.2.1/tcp/7946/p2p/${peerId}`, '/ip6/2001:db8::1/tcp/7946'],
    files: { ...status.files, missing: 2, none: 1 },
    sync: {
      ...status.sync,
      neighbours: [peerId],
      lastPushPullAt: '2026-01-01T00:00:00.000Z',
      lastRounds: { equal: 3, differed: 1, failed: 1, none: 0 },
      rounds: {
        ...{ equal: 100, differed: 2, failed: 1, differences: 12 },
        ...{ sentBytes: 10_000, receivedBytes: 11_500 },
      },
      fetching: ['app.conf'],
    },
    blocks: { storedBytes: 0, contentBytes: 0, damagedBlocks: 0, scrubbing: false },
    transfers: {
      ...{ receiving: 2, sending: 1, doneBytes: 2 ** 29, totalBytes: 2 ** 30 },
      ...{ receivedPerSecond: 2 ** 27, sentPerSecond: 0 },
    },
  }
  const peers = [
    { ...peer, peerId: '12D3KooWother' },
    { ...peer, name: 'mallory', faults: [{ code: 'ERR_TIMEOUT', count: 1 }] },
  ]
  const url = await serveStatus(t, body, peers)
  const { code, stdout, stderr } = await mesh(['status', '--url', url, '--all'])
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const expected of [
    /^network +local$/m,
    /^peer id +12D3KooWMzse24wmDYKFyguBWTt9fa6ewoNkaMaEoVkUs4Ju8w1c$/m,
    /^certificate +alpha, expires 2999-01-01 00:00:00 \(in \d+/m,
    /^version +0\.1\.0, up 5 s$/m,
    /^addresses +\/ip4\/192\.0\.2\.1\/tcp\/7946$/m,
    /^ +\/ip6\/2001:db8::1\/tcp\/7946$/m,
    /^peers +2 connected$/m,
    /^files +1 shown, 2 missing, 1 unpublished$/m,
    /^neighbours +…kUs4Ju8w1c$/m,
    /^push-pull +.* ago; peers: 3 in step, 1 differed, 1 failed$/m,
    /^ +103 rounds, 1 failed, 12 differences, 22 kB$/m,
    /^fetching +app\.conf$/m,
    /^transfers +2 in 50% of 1 GiB 128 MiB\/s, 1 out; see mesh transfers$/m,
    /^NAME +PEER +STATE +SYNC +RTT +ADDRESS\nmallory .*\nweb-1 +…3KooWother /m,
    /^WORKER/m,
    /^w +idle +1 +0 +100 ms$/m,
    /^warning: c s \(.*\)\n {2}m$/m,
  ]) {
    t.match(stdout, expected)
  }
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
})

t.test('is one screen, whatever the size of the mesh, with what is wrong last', async (t) => {
  const [worker] = status.workers
  const body = {
    ...status,
    addresses: Array.from({ length: 20 }, (_, index) => `/ip4/192.0.2.${index}/tcp/7946`),
    sync: { ...status.sync, fetching: Array.from({ length: 100 }, (_, index) => `file-${index}`) },
    workers: [
      ...Array.from({ length: 12 }, (_, index) => ({ ...worker, name: `w${index}` })),
      { ...worker, name: 'bad', failures: 3, lastError: 'no\nroom' },
    ],
  }
  const peers = Array.from({ length: 500 }, (_, index) => ({ ...peer, name: `node-${index}` }))
  const url = await serveStatus(t, body, peers)
  const { stdout } = await mesh(['status', '--url', url])
  const lines = stdout.trimEnd().split('\n')
  t.ok(lines.length <= 32, `${lines.length} lines`)
  for (const line of lines) t.ok(line.length <= 80, line)
  t.match(stdout, /^ +and 18 more$/m)
  t.match(stdout, /^fetching +file-0, file-1, file-2, and 97 more$/m)
  t.match(stdout, /^and 490 more; mesh peers shows all$/m)
  t.match(stdout, /^failing +bad, 3 times: no room$/m)
  t.notMatch(stdout, /WORKER/)
  t.match(lines.slice(-2).join('\n'), /^warning: c s \(.*\)\n {2}m$/)
})

t.test('colours are for terminals that want them', async (t) => {
  const url = await serveStatus(t, status, [peer])
  const { stdout } = await mesh(['status', '--url', url])
  t.notOk(stdout.includes('\x1b'), 'none in a pipe')
})

t.test('tells the rest of a daemon that does not tell of its peers', async (t) => {
  const url = await serve(t, ({ url }, response) =>
    url === '/peers'
      ? problem(response, 403, 'ERR_REQUEST_FORBIDDEN')
      : answer(response, 200, status),
  )
  t.match(await mesh(['status', '--url', url]), { code: 0, stdout: /^peers +2 connected$/m })
})

t.test('says that nothing is wrong', async (t) => {
  const url = await serve(t, (_, response) => answer(response, 200, { ...status, health: [] }))
  t.match(await mesh(['status', '--url', url]), { stdout: /Nothing is wrong\.\n$/ })
})

t.test('does not call a node well that has no peers', async (t) => {
  const body = { ...status, peersConnected: 0, health: [] }
  const url = await serve(t, (_, response) => answer(response, 200, body))
  const { stdout } = await mesh(['status', '--url', url])
  t.match(stdout, /no peer is connected; see mesh peers\.\n$/)
})

t.test('keeps the lines of what is wrong', async (t) => {
  const health = [{ ...status.health[0], message: 'dm.toml:1:1: x\n  1 | y\n    | ^' }]
  const url = await serve(t, (_, response) => answer(response, 200, { ...status, health }))
  const { stdout } = await mesh(['status', '--url', url])
  t.ok(stdout.endsWith('\n  dm.toml:1:1: x\n    1 | y\n      | ^\n'), stdout)
})

t.test('prints JSON, with what kind and version it is', async (t) => {
  const url = await serve(t, (_, response) => answer(response, 200, status))
  const { stdout } = await mesh(['status', '--json'], { env: { MESH_URL: url } })
  t.same(JSON.parse(stdout), { schema: 'mesh-status/1', ...status })
})

t.test('shows what a daemon tells over TCP, and where the rest is', async (t) => {
  const body = { version: '1.2.3', networkId: 'local', peerId: 'p' }
  const url = await serve(t, (_, response) => answer(response, 200, body))
  const { code, stdout, stderr } = await mesh(['status', '--url', url])
  t.equal(code, 0)
  t.equal(stdout, 'network  local\npeer id  p\nversion  1.2.3\n')
  t.match(stderr, /--socket/)
})

t.test('obeys no terminal codes in what a daemon says', async (t) => {
  const health = [{ ...status.health[0], message: 'x\x1b[2J\nerror: fake' }]
  const url = await serve(t, (_, response) => answer(response, 200, { ...status, health }))
  const { stdout } = await mesh(['status', '--url', url])
  t.notOk(stdout.includes('\x1b'))
  t.notMatch(stdout, /^error: fake/m)
})

t.test('exits by what went wrong', async (t) => {
  const url = await serve(t, (_, response) => problem(response, 403, 'ERR_REQUEST_FORBIDDEN'))
  t.match(await mesh(['status', '--url', url]), { code: 4, stdout: '' })
  t.match(await mesh(['status', '--socket', '/nonexistent']), { code: 5, stdout: '' })
  t.match(await mesh(['status', '--url', 'nonsense']), {
    code: 2,
    stderr: /is not the URL of a daemon/,
  })
  const both = await mesh(['status', '--url', url, '--socket', '/x'])
  t.match(both, { code: 2, stderr: /cannot be used with/ })
  const html = await serve(t, (_, response) => answer(response, 200, '<html>'))
  t.match(await mesh(['status', '--url', html]), { code: 5, stderr: /ERR_RESPONSE_MALFORMED/ })
})
