import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { encodeSshsig, signSsh } from '../../src/keys/index.ts'
import { parseNetworkId } from '../../src/statement/index.ts'
import { encodeRevocations, REVOKED_FILE } from '../../src/trust/index.ts'
import { toBase64, utf8 } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import {
  call,
  curl,
  curlHeaders,
  headersOf,
  networkId,
  raw,
  sign,
  signer,
  startHarness,
  stranger,
} from './harness.ts'
import type { Answer } from './harness.ts'

const directory = mkdtempSync(join(tmpdir(), 'mesh-upload-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const refused = (t: Tap, answer: Answer, status: number, code: string): void => {
  t.equal(answer.status, status, code)
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  t.match(answer.json(), { status, code, title: String, detail: String })
}
type Tap = Pick<typeof t, 'equal' | 'match'>

t.test('stores a signed file, and says so again without reading it again', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const signed = await sign('hello')
  const headers = headersOf(signed)
  const stored = await call(harness.url, 'PUT', '/files/hello.txt', { headers, body: 'hello' })
  t.equal(stored.status, 201)
  t.equal(stored.headers.location, '/files/hello.txt')
  t.match(stored.json(), {
    name: 'hello.txt',
    outcome: 'stored',
    current: {
      id: signed.id,
      version: 1,
      time: '2026-11-20T12:00:00.000Z',
      expires: 'never',
      replaces: null,
      content: { sizeBytes: 5 },
      signers: [/^ssh-ed25519 AAAA/],
    },
  })
  const read = harness.files.piecesRead()
  const known = await call(harness.url, 'PUT', '/files/hello.txt', { headers, body: 'hello' })
  t.equal(known.status, 200)
  t.match(known.json(), { outcome: 'known' })
  t.equal(harness.files.piecesRead(), read)
})

t.test('refuses a file of the network itself that no node could read', async (t) => {
  const harness = await startHarness({ names: [REVOKED_FILE] })
  t.teardown(harness.stop)
  const put = async (content: string | Uint8Array, version = 1): Promise<Answer> => {
    const name = REVOKED_FILE
    const headers = headersOf(await sign(content, { name, version }))
    return call(harness.url, 'PUT', `/files/${name}`, { headers, body: content })
  }
  const elsewhere = encodeRevocations(parseNetworkId('elsewhere'), [])
  for (const content of ['', 'mesh-revoked 1\n', Uint8Array.of(0xff), elsewhere]) {
    const answer = await put(content)
    refused(t, answer, 400, 'ERR_TRUST_MALFORMED')
    t.match(answer.json().detail, /_mesh\/revoked/)
  }
  t.equal(harness.files.view(REVOKED_FILE)?.winner, undefined)
  t.match(await put(encodeRevocations(networkId, [])), { status: 201 })
  const other = headersOf(await sign('x', { name: REVOKED_FILE, version: 2 }, [stranger]))
  refused(
    t,
    await call(harness.url, 'PUT', `/files/${REVOKED_FILE}`, { headers: other, body: 'x' }),
    403,
    'ERR_FILE_SIGNER_NOT_ALLOWED',
  )
})

t.test('stores an empty file, a chunked body, and a name with slashes', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const empty = await call(harness.url, 'PUT', '/files/hello.txt', {
    headers: headersOf(await sign('')),
    body: '',
  })
  t.equal(empty.status, 201)
  const chunked = await call(harness.url, 'PUT', '/files/hello.txt', {
    headers: { ...headersOf(await sign('abc', { version: 2 })), 'Transfer-Encoding': 'chunked' },
    body: 'abc',
  })
  t.equal(chunked.status, 201)
  const deep = await call(harness.url, 'PUT', '/files/secret/key', {
    headers: headersOf(await sign('k', { name: 'secret/key' })),
    body: 'k',
  })
  t.equal(deep.status, 201)
})

t.test('takes signatures as one field each or joined by commas', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const both = await sign('x', {}, [signer, stranger])
  const headers = headersOf(both)
  const separate = await call(harness.url, 'PUT', '/files/hello.txt', { headers, body: 'x' })
  t.equal(separate.status, 201)
  t.equal((separate.json().current as { signers: string[] }).signers.length, 2)
  const joined = { ...headers, 'Mesh-Signature': (headers['Mesh-Signature'] ?? []).join(' , ') }
  const answer = await call(harness.url, 'PUT', '/files/hello.txt', { headers: joined, body: 'x' })
  t.equal(answer.status, 200)
})

t.test('deletes by a signed tombstone', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  await call(harness.url, 'PUT', '/files/hello.txt', {
    headers: headersOf(await sign('x')),
    body: 'x',
  })
  const headers = headersOf(await sign(undefined, { version: 2 }))
  const deleted = await call(harness.url, 'DELETE', '/files/hello.txt', { headers })
  t.equal(deleted.status, 201)
  t.match(deleted.json(), { current: { version: 2, content: null } })
  const gone = await call(harness.url, 'GET', '/files/hello.txt')
  refused(t, gone, 404, 'ERR_FILE_NOT_FOUND')
  t.match(gone.json(), { state: 'deleted' })
})

t.test('refuses each wrong field with its own code and stores nothing', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const good = headersOf(await sign('hello'))
  const [statement = ''] = good['Mesh-Statement'] ?? []
  const [signature = ''] = good['Mesh-Signature'] ?? []
  const put = (headers: Record<string, string | string[]>, path = '/files/hello.txt') =>
    call(harness.url, 'PUT', path, { headers, body: 'hello' })
  const other = await signSsh(signer, 'file', utf8('x'))
  const flipped = `${signature.slice(0, -6)}${signature.at(-6) === 'A' ? 'B' : 'A'}${signature.slice(-5)}`

  const cases: [string, Record<string, string | string[]>, number, string][] = [
    ['no headers', {}, 400, 'ERR_REQUEST_MALFORMED'],
    ['no signature', { 'Mesh-Statement': statement }, 400, 'ERR_REQUEST_MALFORMED'],
    ['no statement', { 'Mesh-Signature': signature }, 400, 'ERR_REQUEST_MALFORMED'],
    [
      'two statements',
      { ...good, 'Mesh-Statement': [statement, statement] },
      400,
      'ERR_REQUEST_MALFORMED',
    ],
    ['statement not base64', { ...good, 'Mesh-Statement': '~~' }, 400, 'ERR_REQUEST_MALFORMED'],
    [
      'statement without padding',
      { ...good, 'Mesh-Statement': `${statement.replace(/=*$/, '')}A` },
      400,
      'ERR_REQUEST_MALFORMED',
    ],
    [
      'statement not text',
      { ...good, 'Mesh-Statement': toBase64(Uint8Array.of(0xff, 0xfe)) },
      400,
      'ERR_REQUEST_MALFORMED',
    ],
    [
      'statement not canonical',
      { ...good, 'Mesh-Statement': toBase64(utf8('mesh-file 1\n')) },
      400,
      'ERR_STATEMENT_MALFORMED',
    ],
    ['empty signature', { ...good, 'Mesh-Signature': ' , ' }, 400, 'ERR_REQUEST_MALFORMED'],
    [
      'signature not SSHSIG',
      { ...good, 'Mesh-Signature': toBase64(utf8('nope')) },
      400,
      'ERR_SSHSIG_MALFORMED',
    ],
    [
      'signature for another namespace',
      { ...good, 'Mesh-Signature': toBase64(encodeSshsig(other)) },
      400,
      'ERR_SSHSIG_MALFORMED',
    ],
    [
      'the same signature twice',
      { ...good, 'Mesh-Signature': [signature, signature] },
      400,
      'ERR_STATEMENT_MALFORMED',
    ],
    ['signature broken', { ...good, 'Mesh-Signature': flipped }, 403, 'ERR_SIGNATURE_INVALID'],
    [
      'unlisted signer',
      headersOf(await sign('hello', {}, [stranger])),
      403,
      'ERR_FILE_SIGNER_NOT_ALLOWED',
    ],
    [
      'another name',
      headersOf(await sign('hello', { name: 'other' })),
      400,
      'ERR_REQUEST_MALFORMED',
    ],
    ['a tombstone', headersOf(await sign(undefined)), 400, 'ERR_REQUEST_MALFORMED'],
    ['too long', { ...good, 'Mesh-Signature': 'A'.repeat(13_000) }, 431, 'ERR_REQUEST_TOO_LARGE'],
  ]
  for (const [what, headers, status, code] of cases) {
    await t.test(what, async (t) => refused(t, await put(headers), status, code))
  }
  for (const path of [
    '/files/',
    '/files/a/../hello.txt',
    '/files/%2e%2e/hello.txt',
    '/files/a%00',
  ]) {
    refused(t, await put(good, path), 400, 'ERR_FILE_NAME_INVALID')
  }
  refused(t, await put(good, '/files/%'), 400, 'ERR_REQUEST_MALFORMED')
  refused(t, await put(good, '/files/hello.txt?force=yes'), 400, 'ERR_REQUEST_MALFORMED')
  refused(t, await put(good, '/files/hello.txt?Force=true'), 400, 'ERR_REQUEST_MALFORMED')
  const unknown = headersOf(await sign('hello', { name: 'unknown' }))
  refused(t, await put(unknown, '/files/unknown'), 404, 'ERR_FILE_NOT_CONFIGURED')
  const content = headersOf(await sign('hello'))
  const wrongVerb = await call(harness.url, 'DELETE', '/files/hello.txt', { headers: content })
  refused(t, wrongVerb, 400, 'ERR_REQUEST_MALFORMED')

  t.equal(harness.files.piecesRead(), 0, 'nothing of any body was read')
  t.same(harness.files.history([...harness.files.list()][0]?.name ?? ('' as never)), [])
})

t.test('refuses a body that is longer, shorter or other than stated', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const headers = headersOf(await sign('hello'))
  const put = (body: string, more = {}) =>
    call(harness.url, 'PUT', '/files/hello.txt', { headers: { ...headers, ...more }, body })
  const chunked = { 'Transfer-Encoding': 'chunked' }
  for (const [body, more] of [
    ['hello!', {}],
    ['hell', {}],
    ['jello', {}],
    ['hello!', chunked],
    ['hell', chunked],
    ['', chunked],
    ['jello', chunked],
  ] as const) {
    refused(t, await put(body, more), 422, 'ERR_FILE_CONTENT_MISMATCH')
  }
  t.equal(harness.files.view([...harness.files.list()][0]?.name ?? ('' as never))?.state, 'none')
})

t.test('says which version is current when another one loses', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const first = await sign('two', { version: 2 })
  await call(harness.url, 'PUT', '/files/hello.txt', { headers: headersOf(first), body: 'two' })
  const lost = await call(harness.url, 'PUT', '/files/hello.txt', {
    headers: headersOf(await sign('one')),
    body: 'one',
  })
  refused(t, lost, 409, 'ERR_FILE_NOT_NEWER')
  t.match(lost.json(), { current: { version: 2, id: first.id } })
})

t.test('a large body is refused before it is sent, and curl sees why', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const size = 64 * 2 ** 20
  const file = join(directory, 'large')
  const bytes = Buffer.alloc(size, 7)
  writeFileSync(file, bytes)
  const url = `${harness.url}/files/hello.txt`
  const format = '%{stderr}%{http_code} %{size_upload} %{exitcode}'
  const wrong = curlHeaders(await sign(bytes, {}, [stranger]))

  const polite = await curl(['-T', file, ...wrong, '-w', format, url])
  t.match(JSON.parse(polite.out), { code: 'ERR_FILE_SIGNER_NOT_ALLOWED' })
  t.match(polite.err, /^403 0 /, 'curl asked first and sent nothing')

  const rude = await curl(['-T', file, '-H', 'Expect:', ...wrong, '-w', format, url])
  t.match(JSON.parse(rude.out), { code: 'ERR_FILE_SIGNER_NOT_ALLOWED' })
  const [status, sent] = rude.err.trim().split(' ')
  t.equal(status, '403')
  t.ok(Number(sent) < size, `curl gave up after ${sent} of ${size} bytes`)

  const chunked = ['-H', 'Expect:', '-H', 'Transfer-Encoding: chunked']
  const stream = await curl(['-T', file, ...chunked, ...wrong, '-w', format, url])
  t.match(JSON.parse(stream.out), { code: 'ERR_FILE_SIGNER_NOT_ALLOWED' })
  t.equal(harness.files.piecesRead(), 0)

  const good = await curl(['-T', file, ...curlHeaders(await sign(bytes)), '-w', format, url])
  t.match(good.err, new RegExp(`^201 ${size} 0`))
})

t.test('100 Continue comes only after statement and policy were judged', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const attempt = async (headers: Record<string, string[]>) => {
    const { hostname, port } = new URL(harness.url)
    const outgoing = request({
      ...{ hostname, port, method: 'PUT', path: '/files/hello.txt', agent: false },
      headers: { ...headers, Expect: '100-continue', 'Content-Length': '5' },
    })
    outgoing.flushHeaders()
    let continued = false
    outgoing.on('continue', () => {
      continued = true
      outgoing.end('hello')
    })
    const [incoming] = await once(outgoing, 'response')
    incoming.resume()
    outgoing.destroy()
    return { continued, status: incoming.statusCode }
  }
  t.same(await attempt(headersOf(await sign('hello', {}, [stranger]))), {
    continued: false,
    status: 403,
  })
  t.same(await attempt(headersOf(await sign('hello'))), { continued: true, status: 201 })
  t.same(await attempt(headersOf(await sign('hello'))), { continued: false, status: 200 })
})

t.test('bodies beyond the places for uploads are asked to come later', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const headers = headersOf(await sign('hello'))
  const { hostname, port } = new URL(harness.url)
  let asked = 0
  const allAsked = new Promise<void>((resolve) => {
    harness.files.events.on('asked', () => ++asked === 16 && resolve())
  })
  const open = Array.from({ length: 16 }, () => {
    const outgoing = request({
      ...{ hostname, port, method: 'PUT', path: '/files/hello.txt', agent: false },
      headers: { ...headers, 'Content-Length': '5' },
    })
    outgoing.on('error', () => {})
    outgoing.write('he')
    return outgoing
  })
  await allAsked
  const signed = headersOf(await sign('other', { version: 2 }))
  const busy = await call(harness.url, 'PUT', '/files/hello.txt', {
    headers: signed,
    body: 'other',
  })
  refused(t, busy, 429, 'ERR_LIMIT_EXCEEDED')
  t.match(busy.headers['retry-after'], /^\d+$/)
  let judged = 0
  const ended = new Promise<void>((resolve) => {
    harness.files.events.on('accept', () => ++judged === 16 && resolve())
  })
  for (const outgoing of open) outgoing.destroy()
  await ended
  const free = await call(harness.url, 'PUT', '/files/hello.txt', {
    headers: signed,
    body: 'other',
  })
  t.equal(free.status, 201)
})

t.test('a client that goes away leaves nothing behind', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const headers = Object.entries(headersOf(await sign('hello')))
  const lines = headers.flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))
  const client = raw(
    harness.url,
    [
      'PUT /files/hello.txt HTTP/1.1',
      'Host: localhost',
      'Content-Length: 5',
      ...lines,
      '',
      'he',
    ].join('\r\n'),
  )
  client.text.catch(() => {})
  const judged = once(harness.files.events, 'accept')
  await once(harness.files.events, 'asked')
  client.destroy()
  const [verdict] = await judged
  t.match(verdict, { outcome: 'refused', error: { code: 'ERR_ABORTED' } })
})

t.test('a body that trickles in is cut off with 408, one above the floor is not', async (t) => {
  const clock = createVirtualClock()
  const harness = await startHarness({ clock })
  t.teardown(async () => {
    const stopped = harness.stop()
    await clock.advance(10_000)
    await stopped
  })
  const bytes = Buffer.alloc(100_000, 1)
  const lines = Object.entries(headersOf(await sign(bytes))).map(
    ([name, values]) => `${name}: ${values.join(', ')}`,
  )
  const client = raw(
    harness.url,
    [
      'PUT /files/hello.txt HTTP/1.1',
      'Host: localhost',
      `Content-Length: ${bytes.length}`,
      ...lines,
      '',
      '',
    ].join('\r\n'),
  )
  // Enough for one window; held back by one piece, so two are sent.
  const piece = once(harness.files.events, 'piece')
  client.write(bytes.subarray(0, 30_000).toString('latin1'))
  while (clock.pending() === 0) await new Promise(setImmediate)
  client.write(bytes.subarray(0, 1_000).toString('latin1'))
  await piece
  await clock.advance(20_000)
  t.equal(clock.pending(), 1, 'the first window was fast enough')
  const judged = once(harness.files.events, 'accept')
  await clock.advance(20_000)
  await judged
  while (clock.pending() === 0) await new Promise(setImmediate)
  await clock.advance(3_000)
  const text = await client.text
  t.match(text, /^HTTP\/1\.1 408 /)
  t.match(text, /"code":"ERR_REQUEST_TOO_SLOW"/)
})

t.test('an unexpected failure is a 500 that leaks nothing', async (t) => {
  const lines: { data: object; message: string }[] = []
  const note = (data: object, message: string): void => void lines.push({ data, message })
  const logger = {
    ...{ fatal: note, error: note, warn: note, info: note, debug: note },
    child: () => logger,
    setLevel: () => {},
  }
  const harness = await startHarness({ logger })
  t.teardown(harness.stop)
  harness.files.failNext(new TypeError('x is undefined at /home/secret'))
  const headers = headersOf(await sign('hello'))
  const answer = await call(harness.url, 'PUT', '/files/hello.txt', { headers, body: 'hello' })
  refused(t, answer, 500, 'ERR_INTERNAL')
  t.notMatch(answer.body.toString(), /secret|undefined/)
  t.match(
    lines.find(({ message }) => message === 'request failed'),
    { data: { error: /secret/, request: String } },
  )
  harness.files.failNext(new MeshError('ERR_DISK_FULL', 'the disk is full'))
  const full = await call(harness.url, 'PUT', '/files/hello.txt', { headers, body: 'hello' })
  refused(t, full, 507, 'ERR_DISK_FULL')
})

t.test('a stopping daemon cuts uploads that do not end, and says so', async (t) => {
  const harness = await startHarness({ stopGraceMs: 400 })
  t.teardown(harness.stop)
  const lines = Object.entries(headersOf(await sign('hello'))).map(
    ([name, values]) => `${name}: ${values.join(', ')}`,
  )
  const client = raw(
    harness.url,
    [
      'PUT /files/hello.txt HTTP/1.1',
      'Host: localhost',
      'Content-Length: 5',
      ...lines,
      '',
      'he',
    ].join('\r\n'),
  )
  await call(harness.url, 'GET', '/healthz')
  const stopped = harness.http.stop()
  const text = await client.text
  await stopped
  t.match(text, /^HTTP\/1\.1 503 /)
  t.match(text, /"code":"ERR_ABORTED"/)
})
