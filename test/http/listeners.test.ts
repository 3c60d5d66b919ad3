import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_TIMEOUT_MS } from '../../src/http/limits.ts'
import { MAX_PIPELINED_REQUESTS, MAX_REQUESTS_PER_CONNECTION } from '../../src/http/limits.ts'
import { listenOnSocket } from '../../src/http/unix-socket.ts'
import { Agent, createServer as createHttpServer, get } from 'node:http'
import { call, curl, raw, startHarness } from './harness.ts'
import type { Socket } from 'node:net'

const fail = (what: string): never => {
  throw new Error(`there is no ${what}`)
}

const directory = mkdtempSync(join(tmpdir(), 'mesh-listen-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

t.test('the unix socket has the permission bits asked for and goes with the daemon', async (t) => {
  for (const mode of [0o660, 0o600, 0o666]) {
    const mask = process.umask()
    const path = join(directory, `mode-${mode}`)
    const harness = await startHarness({ socketPath: path, socketMode: mode })
    t.equal(statSync(path).mode & 0o777, mode)
    t.equal(process.umask(), mask)
    const { code, out } = await curl(['--unix-socket', path, 'http://anything.example/healthz'])
    t.equal(code, 0)
    t.match(JSON.parse(out), { status: 'ok' })
    await harness.stop()
    t.notOk(existsSync(path))
  }
})

t.test('replaces the socket of a daemon that was killed', async (t) => {
  const path = join(directory, 'stale')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(statSync(path).isSocket())
  const harness = await startHarness({ socketPath: path })
  t.equal((await call(path, 'GET', '/healthz')).status, 200)
  await harness.stop()
})

t.test('leaves alone a socket on which somebody answers, and what is not a socket', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const { socketPath } = harness
  await t.rejects(startHarness({ socketPath }), {
    code: 'ERR_LISTEN_FAILED',
    message: /another daemon answers/,
  })
  t.equal((await call(socketPath, 'GET', '/healthz')).status, 200)

  const file = join(directory, 'file')
  writeFileSync(file, 'precious')
  await t.rejects(startHarness({ socketPath: file }), { message: /not a socket/ })
  t.ok(existsSync(file))
})

t.test('says what is wrong with an address it cannot listen on', async (t) => {
  const long = join(directory, 'x'.repeat(120))
  await t.rejects(startHarness({ socketPath: long }), { message: /longer than 107 bytes/ })
  const nowhere = join(directory, 'no', 'where')
  await t.rejects(startHarness({ socketPath: nowhere }), {
    code: 'ERR_LISTEN_FAILED',
    message: new RegExp(nowhere),
  })
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const socketPath = join(directory, 'unused')
  await t.rejects(startHarness({ port, socketPath }), {
    code: 'ERR_LISTEN_FAILED',
    message: new RegExp(`${port}.*EADDRINUSE.*http.port`),
  })
  t.notOk(existsSync(socketPath), 'what was opened before is closed')
})

t.test('a socket in a directory without access is an error with its name', async (t) => {
  if (process.getuid?.() === 0) return t.comment('skipped: root may do anything')
  const closed = mkdtempSync(join(directory, 'closed-'))
  chmodSync(closed, 0o500)
  const server = createHttpServer()
  await t.rejects(listenOnSocket(server, { path: join(closed, 's'), mode: 0o660 }), {
    code: 'ERR_LISTEN_FAILED',
  })
})

t.test('answers only to its own names over TCP', async (t) => {
  const harness = await startHarness({ allowedHosts: ['mesh.example'] })
  t.teardown(harness.stop)
  const ask = (host: string, method = 'GET', path = '/healthz') =>
    call(harness.url, method, path, { headers: { Host: host } })
  t.equal((await ask('localhost')).status, 200)
  t.equal((await ask('mesh.example:99')).status, 200)
  for (const [method, path] of [
    ['GET', '/healthz'],
    ['PUT', '/files/hello.txt'],
    ['GET', '/no/such/route'],
    ['POST', '/status'],
  ]) {
    const answer = await ask('evil.example', method, path)
    t.match(answer.json(), { status: 403, code: 'ERR_REQUEST_FORBIDDEN', detail: /allowed_hosts/ })
  }
})

t.test('says 404 and 405 as problems, and never allows another origin', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  for (const path of ['/page', '/files/', '/nope', '/healthz/']) {
    const answer = await call(harness.url, 'GET', path)
    t.match(answer.json(), { status: path === '/files/' ? 400 : 404, type: /^urn:mesh:error:ERR_/ })
  }
  for (const [method, path, allow] of [
    ['POST', '/files/hello.txt', 'PUT, DELETE, GET, HEAD'],
    ['PUT', '/files', 'GET, HEAD'],
    ['DELETE', '/status', 'GET, HEAD'],
    ['PATCH', '/healthz', 'GET, HEAD'],
    ['OPTIONS', '/files/hello.txt', 'PUT, DELETE, GET, HEAD'],
  ] as const) {
    const headers = { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'PUT' }
    const answer = await call(harness.url, method, path, { headers })
    t.equal(answer.headers.allow, allow)
    t.match(answer.json(), { status: 405, code: 'ERR_METHOD_NOT_ALLOWED' })
    t.notOk(
      Object.keys(answer.headers).some((name) => name.startsWith('access-control')),
      'no CORS',
    )
  }
})

t.test('refuses addresses and header fields without measure', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const long = await call(harness.url, 'GET', `/files/${'a'.repeat(3000)}`)
  t.match(long.json(), { status: 431, code: 'ERR_REQUEST_TOO_LARGE' })
  const fields = raw(
    harness.url,
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(30_000)}\r\n\r\n`,
  )
  t.match(await fields.text, /^HTTP\/1\.1 431 .*ERR_REQUEST_TOO_LARGE/s)
  t.match(
    await raw(harness.url, 'GARBAGE\r\n\r\n').text,
    /^HTTP\/1\.1 400 .*ERR_REQUEST_MALFORMED/s,
  )
  const noHost = raw(harness.url, 'GET /healthz HTTP/1.0\r\n\r\n')
  t.match(await noHost.text, /^HTTP\/1\.1 403 /)
  const smuggled = raw(
    harness.url,
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  )
  t.match(await smuggled.text, /^HTTP\/1\.1 400 /)
})

t.test('header fields that come byte by byte are cut off in time', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const startedMs = performance.now()
  const client = raw(harness.url, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ')
  const drip = setInterval(() => client.write('a'), 100)
  const patience = setTimeout(client.destroy, 3 * HEADERS_TIMEOUT_MS)
  const text = await client.text.finally(() => {
    clearInterval(drip)
    clearTimeout(patience)
  })
  t.match(text, /^HTTP\/1\.1 408 .*ERR_REQUEST_TOO_SLOW/s)
  t.ok(performance.now() - startedMs >= HEADERS_TIMEOUT_MS, 'and not before')
})

t.test(
  'of requests in one packet so many are answered, and the connection is closed',
  async (t) => {
    const harness = await startHarness()
    t.teardown(harness.stop)
    const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const text = await raw(harness.url, request.repeat(MAX_PIPELINED_REQUESTS + 4)).text
    t.equal(text.split('HTTP/1.1 200 ').length - 1, MAX_PIPELINED_REQUESTS)
  },
)

t.test('a connection has so many requests, and the next one comes over another', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const sockets = new Set<Socket>()
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = get({ socketPath: harness.socketPath, path: '/healthz', agent })
      request.once('socket', (socket) => sockets.add(socket)).once('error', reject)
      request.once('response', (response) => response.resume().once('end', resolve))
    })
  for (let count = 0; count < MAX_REQUESTS_PER_CONNECTION; count++) await ask()
  t.equal(sockets.size, 1)
  await ask()
  t.equal(sockets.size, 2)
})

t.test('a connection on which nothing more is asked is closed after a while', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const startedMs = performance.now()
  const client = raw(harness.url, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  let gaveUp = false
  const patience = setTimeout(() => {
    gaveUp = true
    client.destroy()
  }, 6 * KEEP_ALIVE_TIMEOUT_MS)
  t.match(await client.text, /^HTTP\/1\.1 200 /)
  clearTimeout(patience)
  t.notOk(gaveUp)
  t.ok(performance.now() - startedMs >= KEEP_ALIVE_TIMEOUT_MS, 'and not before')
})

t.test('a body where none is wanted is not waited for', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const client = raw(
    harness.url,
    'POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nfirst',
  )
  t.match(await client.text, /^HTTP\/1\.1 405 .*[Cc]onnection: close/s)
})

t.test('one connection too many takes the place of who waits longest without asking', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const { hostname, port } = new URL(harness.url)
  const open = async () => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket.resume()
  }
  const held: Socket[] = []
  for (let count = 0; count < 256; count++) held.push(await open())
  const [asking, longest, next] = held
  asking?.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(asking ?? fail('a connection'), 'data')
  const closed = once(longest ?? fail('a connection'), 'close')
  t.equal((await call(harness.url, 'GET', '/healthz')).status, 200, 'a newcomer is answered')
  await closed
  // Silent ones are closed after a while too, the oldest first.
  t.notOk(next?.closed, 'it was closed for its number, not for its silence')
  t.notOk(asking?.closed, 'nor who has asked meanwhile')
  t.equal((await call(harness.socketPath, 'GET', '/healthz')).status, 200)
})

t.test('an idle connection does not keep the daemon from stopping', async (t) => {
  const harness = await startHarness()
  const { hostname, port } = new URL(harness.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  const closed = once(socket, 'close')
  await harness.stop()
  await closed
  await harness.stop()
  t.same(harness.http.urls(), [])
})

t.test('start is idempotent and possible again after stop', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const [url] = harness.http.urls()
  await harness.http.start()
  t.same(harness.http.urls(), [url])
  await harness.http.stop()
  await harness.http.start()
  t.equal((await call(harness.socketPath, 'GET', '/healthz')).status, 200)
})
