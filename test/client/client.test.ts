import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { shortDirectory } from '../support/short-directory.ts'
import { answer, certificates, file, peer, preview, problem, readAll } from './fixtures.ts'
import { serve, spread, status, stored, transfers, version } from './fixtures.ts'

const routes: Readonly<Record<string, unknown>> = {
  '/status': status,
  '/healthz': { status: 'ok', warnings: [] },
  '/peers': { peers: [peer] },
  '/transfers': transfers,
  '/spread?after=a': spread,
  '/certificates': certificates,
  '/files': { networkId: 'local', files: [file] },
  '/files?name=a%2Fb%20c': { networkId: 'local', files: [] },
  '/history/a/b%3Ac': {
    name: 'a/b:c',
    versions: [{ ...version, wins: true, conflict: false, contentHere: true }],
  },
}

t.test('reads every kind of answer, checked and copied', async (t) => {
  const url = await serve(t, ({ url = '' }, response) => answer(response, 200, routes[url]))
  const client = createClient({ url })
  t.equal(client.address, url)
  t.same(await client.status(), status)
  t.same(await client.health(), { status: 'ok', warnings: [] })
  t.same(await client.peers(), { peers: [peer] })
  t.same(await client.transfers(), transfers)
  t.same(await client.spread({ after: 'a' }), spread)
  t.same(await client.certificates(), certificates)
  t.same(await client.files(), { networkId: 'local', files: [file] })
  t.same(await client.files({ name: 'a/b c' }), { networkId: 'local', files: [] })
  t.same(await client.history('a/b:c'), routes['/history/a/b%3Ac'])
})

t.test('hands a configuration over to be judged', async (t) => {
  const url = await serve(t, async (request, response) => {
    t.equal(`${request.method} ${request.url}`, 'POST /config/preview')
    t.equal((await readAll(request)).toString(), '[files]\n')
    answer(response, 200, preview)
  })
  t.same(await createClient({ url }).preview('[files]\n'), preview)
})

t.test('takes the short status that a daemon gives over TCP', async (t) => {
  const short = { version: '1', networkId: 'local', peerId: 'p' }
  const url = await serve(t, (_, response) => answer(response, 200, { ...short, later: true }))
  t.same(await createClient({ url }).status(), short)
})

t.test('reads health of a daemon that is not well', async (t) => {
  const warnings = [{ code: 'disk-full', severity: 'error' }]
  const url = await serve(t, (_, response) =>
    answer(response, 503, { status: 'degraded', warnings }),
  )
  t.match(await createClient({ url }).health(), { status: 'degraded', warnings })
})

t.test('says that there is no place for who asks for health', async (t) => {
  const problem = { status: 503, code: 'ERR_DAEMON_BUSY', detail: 'all are in use' }
  const url = await serve(t, (_, response) => {
    const type = 'application/problem+json; charset=utf-8'
    response.writeHead(503, { 'Content-Type': type, 'Retry-After': 5 })
    response.end(JSON.stringify({ ...problem, retryAfterSeconds: 5 }))
  })
  await t.rejects(createClient({ url }).health(), {
    code: 'ERR_DAEMON_BUSY',
    message: 'all are in use',
  })
})

t.test('speaks over a unix socket', async (t) => {
  const socketPath = join(shortDirectory(t), 'mesh.sock')
  const server = createServer((request, response) => {
    t.equal(request.headers.host, 'localhost')
    answer(response, 200, status)
  }).listen(socketPath)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = createClient({ socketPath })
  t.equal(client.address, `unix:${socketPath}`)
  t.match(await client.status(), { networkId: 'local' })
})

t.test('keeps the path of a proxy, and an IPv6 address without its brackets', async (t) => {
  const url = await serve(t, (request, response) =>
    answer(response, request.url === '/mesh/peers' ? 200 : 404, { peers: [] }),
  )
  t.same(await createClient({ url: `${url}/mesh/` }).peers(), { peers: [] })
  await t.rejects(createClient({ url: 'http://[::1]:1' }).peers(), {
    code: 'ERR_DAEMON_UNREACHABLE',
  })
})

t.test('refuses an address that is none', async (t) => {
  for (const url of ['', 'localhost:7331', 'ftp://x', 'http://u:p@x', 'http://x/?a=b', '/run/x']) {
    t.throws(() => createClient({ url }), { code: 'ERR_USAGE' }, url)
  }
})

t.test("gives the daemon's own error, with its facts", async (t) => {
  const current = { version: 7 }
  const url = await serve(t, (_, response) =>
    problem(response, 409, 'ERR_FILE_NOT_NEWER', { name: 'x', current }),
  )
  await t.rejects(createClient({ url }).history('x'), {
    code: 'ERR_FILE_NOT_NEWER',
    message: 'ERR_FILE_NOT_NEWER happened',
    data: { status: 409, name: 'x', currentVersion: 7 },
  })
})

t.test('keeps the text of a code it does not know', async (t) => {
  const url = await serve(t, (_, response) => problem(response, 418, 'ERR_FROM_THE_FUTURE'))
  await t.rejects(createClient({ url }).peers(), {
    code: 'ERR_INTERNAL',
    message: /ERR_FROM_THE_FUTURE happened \(ERR_FROM_THE_FUTURE, which/,
    data: { code: 'ERR_FROM_THE_FUTURE' },
  })
})

t.test('says so when something else answers', async (t) => {
  const bodies: [number, string][] = [
    [200, '<html>'],
    [200, 'null'],
    [200, '[]'],
    [200, '{"peers":1}'],
    [200, '{"peers":[{}]}'],
    [502, '<html>Bad gateway'],
    [404, '{"message":"no"}'],
    [301, ''],
  ]
  for (const [code, body] of bodies) {
    const url = await serve(t, (_, response) => answer(response, code, body))
    await t.rejects(createClient({ url }).peers(), { code: 'ERR_RESPONSE_MALFORMED' }, body)
  }
})

t.test('says where in an answer the fault is', async (t) => {
  const url = await serve(t, (_, response) =>
    answer(response, 200, { peers: [peer, { ...peer, roundTripMs: 'fast' }] }),
  )
  await t.rejects(createClient({ url }).peers(), {
    message: /peers\[1\]\.roundTripMs is not a number/,
  })
})

t.test('does not read an endless error', async (t) => {
  const url = await serve(t, (_, response) => {
    response.writeHead(500)
    const more = (): void => {
      if (!response.destroyed) response.write('x'.repeat(65_536), more)
    }
    more()
  })
  await t.rejects(createClient({ url }).peers(), {
    code: 'ERR_RESPONSE_MALFORMED',
    message: /more than/,
  })
})

t.test('uploads with the statement in its fields, and reports progress', async (t) => {
  const seen: unknown[] = []
  const url = await serve(t, async (request, response) => {
    const body = await readAll(request)
    seen.push(request.method, request.url, request.headers['mesh-statement'])
    seen.push(
      request.headersDistinct['mesh-signature'],
      request.headers['content-length'],
      String(body),
    )
    answer(response, 201, stored)
  })
  const progress: number[] = []
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hel')
    yield Buffer.from('lo')
  }
  const upload = {
    statement: 'c3Q=',
    signatures: ['czE=', 'czI='],
    sizeBytes: 5,
    chunks: chunks(),
    force: true,
    onProgress: (sent: number) => progress.push(sent),
  }
  t.same(await createClient({ url }).upload('a/b', upload), stored)
  t.same(seen, ['PUT', '/files/a/b?force=true', 'c3Q=', ['czE=', 'czI='], '5', 'hello'])
  t.same(progress, [3, 5])
})

t.test('removes with a statement and no body', async (t) => {
  const url = await serve(t, (request, response) => {
    t.match(request, { method: 'DELETE', url: '/files/x', headers: { 'mesh-statement': 'c3Q=' } })
    answer(response, 200, { ...stored, outcome: 'known' })
  })
  const removal = { statement: 'c3Q=', signatures: ['czE='] }
  t.match(await createClient({ url }).remove('x', removal), { outcome: 'known' })
})

t.test('downloads in chunks, with the statement from the fields', async (t) => {
  const content = Buffer.alloc(300_000, 'x')
  const url = await serve(t, (_, response) => {
    response.setHeader('Mesh-Statement', 'c3Q=')
    response.setHeader('Mesh-Signature', ['czE=', 'czI=, czM='])
    response.setHeader('Content-Length', content.length)
    response.end(content)
  })
  const { chunks, ...rest } = await createClient({ url }).download('x')
  t.same(rest, { statement: 'c3Q=', signatures: ['czE=', 'czI=', 'czM='], sizeBytes: 300_000 })
  t.same(await readAll(chunks), content)
})

t.test('a download that breaks off is an error, not a short file', async (t) => {
  const url = await serve(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': 10 })
    response.write('12345', () => response.destroy())
  })
  const { chunks } = await createClient({ url }).download('x')
  await t.rejects(readAll(chunks), { code: 'ERR_DAEMON_UNREACHABLE', message: /broke off/ })
})

t.test('reads a statement as text', async (t) => {
  const url = await serve(t, ({ url }, response) => {
    t.equal(url, '/statements/x')
    answer(response, 200, 'mesh-file 1\n', 'text/plain')
  })
  t.equal(await createClient({ url }).statement('x'), 'mesh-file 1\n')
})

t.test('shows its token over TCP, and keeps it from whoever may not have it', async (t) => {
  const seen: (string | undefined)[] = []
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization)
    answer(response, 200, { peers: [] })
  })
  const token = 'x'.repeat(32)
  await createClient({ url }, { token }).peers()
  await createClient({ url }).peers()
  const socketPath = join(shortDirectory(t), 'sock')
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    answer(response, 200, { peers: [] })
  }).listen(socketPath)
  await once(server, 'listening')
  t.teardown(() => server.close())
  await createClient({ socketPath }, { token }).peers()
  t.same(seen, [`Bearer ${token}`, undefined, undefined])
  t.throws(() => createClient({ url }, { token: 'a\r\nX: y' }), { code: 'ERR_USAGE' })
})

t.test('asks for a part, and changes only what it is meant to', async (t) => {
  const seen: (readonly (string | undefined)[])[] = []
  const url = await serve(t, async (request, response) => {
    const { range, 'if-match': match, 'if-none-match': none } = request.headers
    seen.push([request.method, range, match, none])
    await readAll(request)
    if (request.method === 'GET') {
      response.writeHead(206, { 'Content-Length': 2 })
      return response.end('lo')
    }
    return problem(response, 412, 'ERR_PRECONDITION_FAILED', { current: { version: 7 } })
  })
  const client = createClient({ url })
  const part = await client.download('x', { range: { start: 3, end: 5 } })
  t.equal(part.sizeBytes, 2)
  t.equal((await readAll(part.chunks)).toString(), 'lo')
  await readAll((await client.download('x', { range: { start: 3 } })).chunks)
  const headers = { statement: 's', signatures: ['t'] }
  const chunks = (async function* () {
    yield Buffer.from('x')
  })()
  const digest = 'a'.repeat(64)
  await t.rejects(client.upload('x', { ...headers, sizeBytes: 1, chunks, ifNoneMatch: '*' }), {
    code: 'ERR_PRECONDITION_FAILED',
    data: { currentVersion: 7 },
  })
  await t.rejects(client.remove('x', { ...headers, ifMatch: digest }), {
    code: 'ERR_PRECONDITION_FAILED',
  })
  t.same(seen, [
    ['GET', 'bytes=3-4', undefined, undefined],
    ['GET', 'bytes=3-', undefined, undefined],
    ['PUT', undefined, undefined, '*'],
    ['DELETE', undefined, `"${digest}"`, undefined],
  ])
})

t.test('reads what a daemon says of its API', async (t) => {
  const url = await serve(t, (_, response) => answer(response, 200, { openapi: '3.0.3' }))
  t.same(await createClient({ url }).openapi(), { openapi: '3.0.3' })
})
