import { request } from 'node:http'
import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { MAX_PREVIEW_BYTES, NAMES_PER_PIECE } from '../../src/http/limits.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { call, headersOf, sign, startHarness, status } from './harness.ts'
import type { OpenFile } from '../../src/files/index.ts'
import type { Harness } from './harness.ts'

const upload = async (harness: Harness, name: string, content: string, version = 1) => {
  const signed = await sign(content, { name, version })
  await call(harness.socketPath, 'PUT', `/files/${name}`, {
    headers: headersOf(signed),
    body: content,
  })
  return signed
}

t.test('gives the content with its statement and a strong tag', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const signed = await upload(harness, 'hello.txt', 'hello world')
  const sent = headersOf(signed)
  const got = await call(harness.url, 'GET', '/files/hello.txt')
  t.equal(got.status, 200)
  t.equal(got.body.toString(), 'hello world')
  t.match(got.headers, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '11',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    etag: `"${sha256('hello world')}"`,
    'mesh-statement': sent['Mesh-Statement']?.[0] ?? '',
    'mesh-signature': sent['Mesh-Signature']?.[0] ?? '',
  })
  const head = await call(harness.url, 'HEAD', '/files/hello.txt')
  t.equal(head.body.length, 0)
  const { date: _, ...headers } = head.headers
  const { date: __, ...wanted } = got.headers
  t.same(headers, wanted)
})

t.test(
  'an update between opening and reading a file is answered with what it brought',
  async (t) => {
    const harness = await startHarness()
    t.teardown(harness.stop)
    await upload(harness, 'hello.txt', 'old')
    for (const [version, headers, status] of [
      [2, {}, 200],
      [3, { Range: 'bytes=0-3' }, 206],
    ] as const) {
      harness.files.afterOpen(() => upload(harness, 'hello.txt', `new ${version}`, version))
      const got = await call(harness.url, 'GET', '/files/hello.txt', { headers })
      t.equal(got.status, status)
      t.equal(got.body.toString(), `new ${version}`.slice(0, version === 2 ? 5 : 4))
      t.equal(got.headers.etag, `"${sha256(`new ${version}`)}"`)
      t.equal(got.headers['content-length'], `${got.body.length}`)
    }
  },
)

t.test('answers conditions and ranges', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  await upload(harness, 'hello.txt', 'hello world')
  const tag = `"${sha256('hello world')}"`
  const get = (headers: Record<string, string>, method = 'GET') =>
    call(harness.url, method, '/files/hello.txt', { headers })

  const same = await get({ 'If-None-Match': tag })
  t.equal(same.status, 304)
  t.equal(same.body.length, 0)
  t.equal(same.headers.etag, tag)
  t.equal((await get({ 'If-None-Match': '"other"' })).status, 200)

  const part = await get({ Range: 'bytes=6-' })
  t.equal(part.status, 206)
  t.equal(part.body.toString(), 'world')
  t.match(part.headers, { 'content-range': 'bytes 6-10/11', 'content-length': '5' })
  t.equal((await get({ Range: 'bytes=0-0' })).body.toString(), 'h')
  t.equal((await get({ Range: 'bytes=0-1', 'If-Range': tag })).status, 206)
  t.equal((await get({ Range: 'bytes=0-1', 'If-Range': '"other"' })).status, 200)
  t.equal((await get({ Range: 'bytes=0-1' }, 'HEAD')).status, 200)

  const beyond = await get({ Range: 'bytes=11-' })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers['content-range'], 'bytes */11')
  t.match(beyond.json(), { code: 'ERR_RANGE_INVALID' })
})

t.test('says why a file is not shown', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const get = () => call(harness.url, 'GET', '/files/hello.txt')
  t.match((await get()).json(), { status: 404, code: 'ERR_FILE_NOT_FOUND', state: 'none' })
  await upload(harness, 'hello.txt', 'x')
  harness.files.lose(parseFileName('hello.txt'))
  t.match((await get()).json(), { status: 404, code: 'ERR_FILE_CONTENT_MISSING', state: 'missing' })
  const unknown = await call(harness.url, 'GET', '/files/unknown')
  t.match(unknown.json(), { status: 404, code: 'ERR_FILE_NOT_CONFIGURED', name: 'unknown' })
})

t.test('lists, tells statements and history', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  await upload(harness, 'hello.txt', 'one')
  const second = await upload(harness, 'hello.txt', 'two', 2)
  const list = await call(harness.socketPath, 'GET', '/files')
  t.match(list.headers['content-type'], /^application\/json/)
  t.match(list.json(), {
    networkId: 'test',
    files: [
      {
        name: 'hello.txt',
        state: 'shown',
        conflict: false,
        shownAt: '2023-11-14T22:13:20.000Z',
        current: {
          id: second.id,
          version: 2,
          content: { sha256: sha256('two'), sizeBytes: 3, blocks: null },
        },
      },
      { name: 'secret/key', state: 'none', current: null, shownAt: null },
    ],
  })
  const one = await call(harness.url, 'GET', '/files?name=hello.txt')
  t.same(one.json().files, (list.json().files as unknown[]).slice(0, 1))
  t.equal((await call(harness.url, 'GET', '/files?name=unknown')).status, 404)
  t.equal((await call(harness.url, 'GET', '/files?names=x')).status, 400)

  const statement = await call(harness.url, 'GET', '/statements/hello.txt')
  t.equal(statement.headers['content-type'], 'text/plain; charset=utf-8')
  t.ok(statement.body.toString().startsWith(second.text))
  t.match(statement.body.toString(), /-----BEGIN SSH SIGNATURE-----/)
  const same = await call(harness.url, 'GET', '/statements/hello.txt', {
    headers: { 'If-None-Match': statement.headers.etag ?? '' },
  })
  t.equal(same.status, 304)
  t.equal((await call(harness.socketPath, 'GET', '/statements/secret/key')).status, 404)

  const history = await call(harness.url, 'GET', '/history/hello.txt')
  t.match(history.json(), {
    name: 'hello.txt',
    versions: [
      { version: 2, wins: true },
      { version: 1, wins: false },
    ],
  })
})

t.test(
  'what is not kept here is read out of other nodes, and no longer than somebody listens',
  async (t) => {
    let elsewhere: OpenFile | undefined
    const harness = await startHarness({ openElsewhere: () => elsewhere })
    t.teardown(harness.stop)
    const name = parseFileName('hello.txt')
    await upload(harness, name, 'hello world')
    const kept = await harness.files.open(name)
    if (kept === undefined) throw new Error('nothing was kept')
    harness.files.lose(name)
    let asked = 0
    const gone = Promise.withResolvers<void>()
    elsewhere = {
      ...kept,
      async *stream({ start = 0, end = 11, signal } = {}) {
        asked++
        yield Buffer.from('hello world').subarray(start, end)
        if (end < 11) return
        signal?.addEventListener('abort', () => gone.resolve())
        await gone.promise
      },
    }
    const got = await call(harness.url, 'GET', '/files/hello.txt', {
      headers: { Range: 'bytes=2-5' },
    })
    t.equal(got.status, 206)
    t.equal(got.body.toString(), 'llo ')
    t.match(got.headers, { etag: `"${sha256('hello world')}"`, 'mesh-statement': /./ })
    t.equal((await call(harness.url, 'HEAD', '/files/hello.txt')).headers['content-length'], '11')
    const same = { 'If-None-Match': `"${sha256('hello world')}"` }
    t.equal((await call(harness.url, 'GET', '/files/hello.txt', { headers: same })).status, 304)
    t.equal(asked, 1, 'nothing is asked of others for what needs no bytes')
    const leaving = request(new URL('/files/hello.txt', harness.url), (response) =>
      response.once('data', () => leaving.destroy()),
    ).on('error', () => undefined)
    leaving.end()
    await gone.promise
    t.pass('who has gone is read for no more')

    elsewhere = {
      ...kept,
      // biome-ignore lint/correctness/useYield: it fails before it has anything
      async *stream() {
        asked++
        throw new MeshError('ERR_FILE_CONTENT_MISSING', 'nobody delivers')
      },
    }
    const before = asked
    const none = await call(harness.url, 'GET', '/files/hello.txt')
    t.match(none.json(), { status: 404, code: 'ERR_FILE_CONTENT_MISSING' })
    t.equal(asked - before, 1, 'the others are asked once')
  },
)

t.test('gives the content of a remembered version by its statement', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const old = await upload(harness, 'hello.txt', 'old')
  await upload(harness, 'hello.txt', 'new', 2)
  const got = await call(harness.url, 'GET', `/files/hello.txt?statement=${old.id}`)
  t.equal(got.body.toString(), 'old')
  t.equal(got.headers.etag, `"${sha256('old')}"`)
  const unknown = await call(harness.url, 'GET', `/files/hello.txt?statement=${'0'.repeat(64)}`)
  t.match(unknown.json(), { status: 404, code: 'ERR_FILE_CONTENT_MISSING' })
  t.equal((await call(harness.url, 'GET', '/files/hello.txt?statement=1')).status, 400)
})

t.test('names what a query has too much', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const answer = await call(harness.url, 'GET', '/files?nmae=hello.txt')
  t.match(answer.json(), { status: 400, code: 'ERR_REQUEST_MALFORMED', detail: /"nmae"$/ })
})

t.test('explains a name on the unix socket', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  await upload(harness, 'hello.txt', 'hello')
  const known = await call(harness.socketPath, 'GET', '/explain/hello.txt')
  t.match(known.json(), { name: 'hello.txt', state: 'shown', answer: /is here: version 1/ })
  const unknown = await call(harness.socketPath, 'GET', '/explain/a/b')
  t.match(unknown.json(), { name: 'a/b', state: 'not-configured', policy: null })
  t.equal((await call(harness.socketPath, 'GET', '/explain/..%2fx')).status, 400)
  const overTcp = await call(harness.url, 'GET', '/explain/hello.txt')
  t.equal(overTcp.status, 403, 'it names signers, peers and what others tried')
})

t.test('gives over TCP only what is world-readable', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  await upload(harness, 'hello.txt', 'public')
  await upload(harness, 'secret/key', 'private')
  for (const path of [
    '/files/secret/key',
    '/statements/secret/key',
    '/history/secret/key',
    '/files?name=secret/key',
    '/peers',
    '/transfers',
    '/spread',
    '/spread?after=a',
    '/explain/hello.txt',
    '/certificates',
  ]) {
    const answer = await call(harness.url, 'GET', path)
    t.match(answer.json(), {
      status: 403,
      code: 'ERR_REQUEST_FORBIDDEN',
      detail: new RegExp(harness.socketPath),
      socket: harness.socketPath,
    })
    t.equal((await call(harness.url, 'HEAD', path)).status, 403)
    t.equal((await call(harness.socketPath, 'GET', path)).status, 200, path)
  }
  const { files } = (await call(harness.url, 'GET', '/files')).json()
  t.match(files, [{ name: 'hello.txt' }])
  t.equal((files as unknown[]).length, 1)
})

t.test('tells its status: all on the socket, over TCP whom to sign for', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  t.same((await call(harness.socketPath, 'GET', '/status')).json(), status)
  const { version, networkId, peerId } = status
  t.same((await call(harness.url, 'GET', '/status')).json(), { version, networkId, peerId })
  t.same((await call(harness.socketPath, 'GET', '/peers')).json(), { peers: [] })
  t.same((await call(harness.socketPath, 'GET', '/transfers')).json(), {
    receiving: [],
    sending: [],
  })
})

t.test('judges a configuration on the socket only, and none that is too long', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const post = (target: string, body: string) => call(target, 'POST', '/config/preview', { body })
  t.match(await post(harness.url, 'bad'), { status: 403 })
  t.same((await post(harness.socketPath, 'bad')).json(), {
    ...{ refused: 'it is bad', restartNeeded: [], changes: [] },
  })
  t.match((await post(harness.socketPath, 'good')).json(), { refused: null })
  t.match(await post(harness.socketPath, ' '.repeat(MAX_PREVIEW_BYTES + 1)), { status: 413 })
  const first = post(harness.socketPath, 'slow')
  await harness.slow.began.promise
  t.match(await post(harness.socketPath, 'good'), { status: 429 }, 'one at a time')
  harness.slow.end.resolve()
  t.match(await first, { status: 200 })
  t.match(await post(harness.socketPath, 'good'), { status: 200 })
  const bytes = Uint8Array.of(0xff)
  const bad = await call(harness.socketPath, 'POST', '/config/preview', { body: bytes })
  t.match(bad, { status: 400 })
})

t.test('tells its health, and over TCP only how severe it is', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const get = (target: string, path: string) => call(target, 'GET', path)
  t.match((await get(harness.url, '/healthz')).json(), { status: 'ok', warnings: [] })

  const warning = {
    code: 'certificate-expires-soon',
    subject: '/etc/mesh/node.cert',
    severity: 'warning' as const,
    message: 'renew /etc/mesh/node.cert',
    since: '2026-01-01T00:00:00.000Z',
  }
  harness.warnings.push(warning)
  const local = await get(harness.socketPath, '/healthz')
  t.equal(local.status, 200)
  t.same(local.json(), { status: 'degraded', warnings: [warning] })
  const remote = await get(harness.url, '/healthz')
  t.match(remote.json(), { warnings: [{ code: warning.code, severity: 'warning' }] })
  t.notMatch(remote.body.toString(), /node\.cert/)

  harness.warnings.push({ ...warning, severity: 'error' })
  t.equal((await get(harness.url, '/healthz')).status, 503)
  t.equal((await get(harness.url, '/readyz')).status, 200, 'ready is not the same as well')
  harness.setPhase('starting')
  const starting = await get(harness.url, '/readyz')
  t.equal(starting.status, 503)
  t.match(starting.json(), { status: 'starting' })
})

t.test('every answer in JSON ends its line, problems too', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  for (const path of ['/status', '/files', '/files/unknown', '/nowhere', '/peers']) {
    const { body } = await call(harness.url, 'GET', path)
    t.match(body.toString(), /^\{.*\}\n$/, path)
  }
})

t.test('lists what matches a pattern', async (t) => {
  const harness = await startHarness({ names: ['certs/a', 'certs/b'] })
  t.teardown(harness.stop)
  const names = async (path: string, target = harness.socketPath) =>
    ((await call(target, 'GET', path)).json().files as { name: string }[]).map(({ name }) => name)
  t.same(await names('/files?name=certs/*'), ['certs/a', 'certs/b'])
  t.same(await names('/files?name=secret/*'), ['secret/key'])
  t.same(await names('/files?name=secret/*', harness.url), [])
  t.same(await names('/files?name=none*'), [])
  t.equal((await call(harness.url, 'GET', '/files?name=*')).status, 400)
  const head = await call(harness.url, 'HEAD', '/files')
  t.match(head.headers, { 'content-type': 'application/json; charset=utf-8' })
})

t.test(
  'a list of very many names is written in parts, and ends with whoever asked for it',
  async (t) => {
    const count = 5 * NAMES_PER_PIECE + 1
    const many = Array.from({ length: count }, (_, index) => `many/${index}`)
    const harness = await startHarness({ names: many })
    t.teardown(harness.stop)
    const answer = await call(harness.url, 'GET', '/files?name=many/*')
    const { files } = answer.json() as { files: unknown[] }
    t.equal(files.length, count)
    t.match(answer.headers, { 'transfer-encoding': 'chunked' })
    const lost = request(`${harness.url}/files`, (response) =>
      response.once('data', () => lost.destroy()),
    )
    await new Promise((resolve) => lost.once('close', resolve).once('error', resolve).end())
    t.equal((await call(harness.url, 'GET', '/readyz')).status, 200)
  },
)
