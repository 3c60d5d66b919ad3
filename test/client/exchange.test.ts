import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { MeshError } from '../../src/errors/index.ts'
import { shortDirectory } from '../support/short-directory.ts'
import { answer, problem, readAll, serve, stored } from './fixtures.ts'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../src/util/index.ts'

const MIB = 2 ** 20
const fields = { statement: 'c3Q=', signatures: ['czE='] }

/** `count` MiB in pieces of 64 KiB; says how many were taken. */
const source = (count: number): { chunks: AsyncGenerator<Uint8Array>; taken: () => number } => {
  let taken = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const chunk = Buffer.alloc(65_536)
    for (; taken < count * MIB; taken += chunk.length) yield chunk
  }
  return { chunks: chunks(), taken: () => taken }
}

t.test('says what to look at when nobody answers', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const gone = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`
  closed.close()
  await once(closed, 'close')
  const expected = { code: 'ERR_DAEMON_UNREACHABLE' }
  await t.rejects(createClient({ url: gone }).peers(), {
    ...expected,
    message: /nothing listens there; is the daemon running\?/,
  })
  const socketPath = join(shortDirectory(t), 'none.sock')
  await t.rejects(createClient({ socketPath }).peers(), { ...expected, message: /no such socket/ })
})

t.test('refuses the path of a socket that no system could open', async (t) => {
  const socketPath = `/run/${'deep/'.repeat(30)}mesh.sock`
  t.throws(() => createClient({ socketPath }), {
    code: 'ERR_USAGE',
    message: /longer than the 107 bytes/,
  })
})

t.test('says so when the other side does not speak HTTP', async (t) => {
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await t.rejects(createClient({ url }).peers(), {
    code: 'ERR_RESPONSE_MALFORMED',
    message: /does not speak HTTP/,
  })
})

t.test('gives up on a server that says nothing', async (t) => {
  const url = await serve(t, () => {})
  await t.rejects(
    createClient({ url }, { idleTimeoutMs: 50, connectTimeoutMs: 3_600_000 }).peers(),
    {
      code: 'ERR_TIMEOUT',
      message: /said nothing for 0.05 s/,
    },
  )
})

t.test('gives up on an answer that stops in the middle', async (t) => {
  const url = await serve(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': 10 })
    response.write('12345')
  })
  const { chunks } = await createClient(
    { url },
    { idleTimeoutMs: 50, connectTimeoutMs: 3_600_000 },
  ).download('x')
  await t.rejects(readAll(chunks), { code: 'ERR_TIMEOUT' })
})

t.test('cancels before, during and after the answer begins', async (t) => {
  const reached = Promise.withResolvers<void>()
  const url = await serve(t, ({ url }, response) => {
    if (url === '/peers') return reached.resolve()
    response.writeHead(200, { 'Content-Length': 10 })
    response.write('12345')
  })
  const client = createClient({ url })
  await t.rejects(client.peers({ signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })

  const waiting = new AbortController()
  const request = client.peers({ signal: waiting.signal })
  await reached.promise
  waiting.abort()
  await t.rejects(request, { code: 'ERR_ABORTED' })

  const reading = new AbortController()
  const { chunks } = await client.download('x', { signal: reading.signal })
  await t.rejects(
    (async () => {
      for await (const _ of chunks) reading.abort()
    })(),
    { code: 'ERR_ABORTED' },
  )
})

t.test('a large body waits for 100 Continue; a refusal costs nothing', async (t) => {
  const url = await serve(
    t,
    () => t.fail('the body was not asked for'),
    (server) =>
      server.on('checkContinue', (request, response) => {
        t.equal(request.headers.expect, '100-continue')
        problem(response, 403, 'ERR_FILE_SIGNER_NOT_ALLOWED')
      }),
  )
  const { chunks, taken } = source(8)
  await t.rejects(createClient({ url }).upload('x', { ...fields, sizeBytes: 8 * MIB, chunks }), {
    code: 'ERR_FILE_SIGNER_NOT_ALLOWED',
  })
  t.equal(taken(), 0)
})

t.test('a large body is sent anyway when nobody says 100 Continue', async (t) => {
  /** A clock on which every wait is over at once. */
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    schedule: (_, run) => {
      setImmediate(run)
      return () => {}
    },
  }
  const url = await serve(
    t,
    () => {},
    (server) =>
      server.on('checkContinue', async (request, response) => {
        answer(response, 201, (await readAll(request)).length === MIB ? stored : {})
      }),
  )
  const { chunks } = source(1)
  const upload = { ...fields, sizeBytes: MIB, chunks }
  t.match(await createClient({ url }, { clock }).upload('x', upload), stored)
})

t.test('an answer that comes early stops the upload', async (t) => {
  const url = await serve(t, (request, response) => {
    request.once('data', () => {
      request.resume()
      problem(response, 413, 'ERR_FILE_TOO_LARGE')
    })
  })
  const { chunks, taken } = source(512)
  await t.rejects(createClient({ url }).upload('x', { ...fields, sizeBytes: 512 * MIB, chunks }), {
    code: 'ERR_FILE_TOO_LARGE',
  })
  t.ok(taken() < 500 * MIB, `${taken()} bytes were read`)
})

t.test('reads no faster than the daemon takes', async (t) => {
  const release = Promise.withResolvers<void>()
  const url = await serve(t, async (request, response) => {
    await release.promise
    t.equal((await readAll(request)).length, 64 * MIB)
    answer(response, 201, stored)
  })
  const { chunks, taken } = source(64)
  const upload = createClient({ url }).upload('x', { ...fields, sizeBytes: 64 * MIB, chunks })
  // Nothing more is taken for many turns: it waits for the daemon, not for a timer of ours.
  let before = -1
  for (let still = 0; still < 2_000; still++) {
    if (taken() !== before) still = 0
    before = taken()
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.ok(before > 0 && before < 32 * MIB, `${before} bytes are under way`)
  release.resolve()
  t.match(await upload, stored)
})

t.test('what goes wrong in reading the content is what the caller sees', async (t) => {
  const url = await serve(t, (request) => void request.resume())
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hel')
    throw new MeshError('ERR_INPUT_CHANGED', 'it changed')
  }
  await t.rejects(
    createClient({ url }).upload('x', { ...fields, sizeBytes: 5, chunks: chunks() }),
    {
      code: 'ERR_INPUT_CHANGED',
    },
  )
})

t.test('a daemon that goes away in the middle of an upload is unreachable', async (t) => {
  const url = await serve(t, (request) => void request.once('data', () => request.socket.destroy()))
  const { chunks } = source(64)
  await t.rejects(createClient({ url }).upload('x', { ...fields, sizeBytes: 64 * MIB, chunks }), {
    code: 'ERR_DAEMON_UNREACHABLE',
    message: /broke off/,
  })
})

t.test('an upload leaves no listeners behind', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error): void => void warnings.push(warning)
  process.on('warning', note)
  const url = await serve(t, async (request, response) => {
    await readAll(request)
    answer(response, 201, stored)
  })
  const { chunks } = source(64)
  await createClient({ url }).upload('x', { ...fields, sizeBytes: 64 * MIB, chunks })
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', note)
  t.same(warnings, [])
})
