import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import { limitConnections } from '../../src/http/places.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { MAX_TURNED_AWAY } from '../../src/http/limits.ts'
import { TURN_AWAY_MS } from '../../src/http/limits.ts'
import { send as call } from './harness.ts'
import type { RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { VirtualClock } from '../support/virtual-clock.ts'

/** Together more than any two socket buffers hold. */
const PIECES = 1_024
const PIECE = Buffer.alloc(64 * 2 ** 10)
const PLACES = 3

const startServer = async (t: Test) => {
  const clock = createVirtualClock()
  const answering = new Map<string, Socket>()
  const server: Server = createServer()
  const turned: string[] = []
  const turnsAway = limitConnections(server, {
    ...{ maxConnections: PLACES, clock },
    onTurnedAway: (method) => turned.push(method),
  })
  const answer: RequestListener = (request, response) => {
    const { url = '', socket } = request
    if (turnsAway(request, response)) return
    answering.set(url, socket)
    // As files are read.
    if (url === '/large') Readable.from(Array.from({ length: PIECES }, () => PIECE)).pipe(response)
    else if (url.startsWith('/quiet')) response.flushHeaders()
    else response.end('small')
  }
  server.on('request', answer).on('checkContinue', answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0

  /** Asks, and reads nothing of the answer beyond what is in flight. */
  const ask = async (path: string, localAddress = '127.0.0.1'): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
    socket.pause()
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    return socket
  }
  /** Until `count` sockets of the server have asked, and the system takes no more for any of them. */
  const filled = async (sockets: readonly Socket[]): Promise<void> => {
    const taken = (): string =>
      sockets.map(({ bytesWritten, writableLength }) => bytesWritten - writableLength).join()
    for (let before = ''; before !== taken(); ) {
      before = taken()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  return { clock, server, ask, filled, answering, turned, port, url: `http://127.0.0.1:${port}` }
}

/** Readers that take nothing, as the server has them. */
const stall = async (t: Test, count: number) => {
  const started = await startServer(t)
  const { server, ask, filled } = started
  const sockets: Socket[] = []
  server.on('request', ({ socket }) => sockets.push(socket))
  for (let each = 0; each < count; each++) await ask('/large')
  while (sockets.length < count) await once(server, 'request')
  await filled(sockets)
  return { ...started, sockets }
}

/** Whether a newcomer is answered before long; how long the system goes on taking is its matter. */
const getsIn = async (clock: VirtualClock, url: string): Promise<boolean> => {
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000)
    const answer = await call(url, 'GET', '/small').catch(() => undefined)
    if (answer?.status === 200) return true
  }
  return false
}

t.test('who takes nothing of an answer loses its place to a newcomer', async (t) => {
  const { clock, url, sockets } = await stall(t, PLACES)
  await clock.advance(1_000)
  t.equal((await call(url, 'GET', '/small')).status, 503, 'not for a moment of silence')
  t.ok(await getsIn(clock, url))
  t.same(
    sockets.slice(0, PLACES).map(({ destroyed }) => destroyed),
    [true, false, false],
    'nobody else does',
  )
})

t.test('a reader keeps its place as long as there is room', async (t) => {
  const { clock, url, sockets } = await stall(t, PLACES - 1)
  await clock.advance(100_000)
  t.equal((await call(url, 'GET', '/small')).status, 200)
  t.notOk(sockets.slice(0, PLACES - 1).some(({ destroyed }) => destroyed))
})

t.test('who waits for us, and who reads fast enough, keeps its place', async (t) => {
  const { clock, server, ask, url, answering } = await startServer(t)
  const quiet = [await ask('/quiet-1'), await ask('/quiet-2')]
  const fast = await ask('/large')
  while (answering.size < PLACES) await once(server, 'request')
  const large = answering.get('/large')
  if (large === undefined) throw new Error('nobody asked')
  for (let second = 0; second < 12; second++) {
    // Something is taken in each second: far more than the least.
    const before = large.bytesWritten - large.writableLength
    while (large.bytesWritten - large.writableLength === before) {
      fast.read()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await clock.advance(1_000)
  }
  t.equal((await call(url, 'GET', '/small')).status, 503, 'then the newcomer has to go')
  t.notOk([...answering.values()].some(({ destroyed }) => destroyed))
  t.notOk([...quiet, fast].some(({ destroyed }) => destroyed))
})

t.test('who reads drop by drop loses its place', async (t) => {
  const { clock, server, ask, url, answering } = await startServer(t)
  const slow = await ask('/large')
  await ask('/quiet-1')
  await ask('/quiet-2')
  while (answering.size < PLACES) await once(server, 'request')
  const large = answering.get('/large')
  if (large === undefined) throw new Error('nobody asked')
  const taken = (): number => large.bytesWritten - large.writableLength
  const takeSome = async (): Promise<void> => {
    const before = taken()
    while (taken() === before) {
      slow.read()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  for (let turn = 0; turn < 3; turn++) {
    await takeSome()
    // A window in which a little was taken, or more than that, but over so long a time.
    await clock.advance(1_500_000)
  }
  // It has just taken something: it is slow, not idle.
  await takeSome()
  t.equal((await call(url, 'GET', '/small')).status, 200)
  t.ok(large.destroyed)
})

t.test('who holds most places gives one to each newcomer with fewer', async (t) => {
  const { server, ask, answering, turned } = await startServer(t)
  const getIn = async (path: string, address?: string): Promise<void> => {
    await ask(path, address)
    const before = turned.length
    while (!answering.has(path) && turned.length === before) await once(server, 'request')
  }
  const gone = () =>
    [...answering].flatMap(([path, { destroyed }]) => (destroyed ? [path] : [])).sort()
  for (let each = 0; each < PLACES; each++) await getIn(`/quiet-${each}`)
  await getIn('/quiet-b', '127.0.0.2')
  t.same(gone(), ['/quiet-2'], 'the one that came last')
  const told = once(server, 'request')
  await ask('/quiet-more', '127.0.0.2')
  await told
  t.same(turned, ['GET'], 'who would have as many is told to come again')
  await getIn('/quiet-c', '127.0.0.3')
  t.same(gone(), ['/quiet-1', '/quiet-2'])
  const toldToo = once(server, 'request')
  await ask('/quiet-d', '127.0.0.4')
  await toldToo
  t.same(turned, ['GET', 'GET'], 'nobody has more than anybody else')
  t.same(gone(), ['/quiet-1', '/quiet-2'])
})

/** A server whose places are all taken by who waits for us. */
const fill = async (t: Test) => {
  const started = await startServer(t)
  for (let each = 0; each < PLACES; each++) await started.ask(`/quiet-${each}`)
  while (started.answering.size < PLACES) await once(started.server, 'request')
  return started
}

/** Everything that comes until the other side ends or breaks the connection. */
const readAll = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.on('data', (piece) => (text += piece))
  await once(socket, 'close')
  return text
}

t.test('who finds no place is told so, and when to try again', async (t) => {
  const { url, turned, answering } = await fill(t)
  const { status, headers, body } = await call(url, 'GET', '/small')
  t.equal(status, 503)
  t.match(headers, { 'retry-after': '5', connection: 'close' })
  t.match(headers['content-type'], /application\/problem\+json/)
  t.match(JSON.parse(body.toString()), {
    code: 'ERR_DAEMON_BUSY',
    retryAfterSeconds: 5,
    detail: /all 3 connections of this listener are in use; try again in 5 s/,
  })
  t.same(turned, ['GET'])
  t.notOk(answering.has('/small'))
})

t.test('an upload that finds no place reads the answer, however much it sends', async (t) => {
  const { url, port, filled } = await fill(t)
  const small = await call(url, 'PUT', '/small', { body: Buffer.alloc(100_000) })
  t.equal(small.status, 503)
  const size = PIECES * PIECE.length
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const head = `PUT /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`
  socket.write(head)
  for (let each = 0; each < PIECES; each++) socket.write(PIECE)
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1\.1 503 /)
  await filled([socket])
  t.ok(socket.writableLength > 0, 'and the rest of it is not read')
  const waiting = await call(url, 'PUT', '/large', {
    headers: { Expect: '100-continue' },
    body: Buffer.alloc(10),
  })
  t.equal(waiting.status, 503, 'before it has sent anything of it')
})

t.test('only so many are told at a time, and each for a short while', async (t) => {
  const { clock, port, server, turned } = await fill(t)
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    await Promise.all([once(socket, 'connect'), once(server, 'connection')])
    return socket
  }
  const sockets: Socket[] = []
  for (let each = 0; each < MAX_TURNED_AWAY; each++) sockets.push(await open())
  const [first, second] = sockets
  if (first === undefined || second === undefined) throw new Error('nobody came')
  const last = await open()
  t.equal(await readAll(first), '', 'the oldest goes for one too many')
  last.write('GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2))
  const answer = await readAll(last)
  t.equal(answer.split('HTTP/1.1 503').length, 2, 'one answer to two requests')
  t.same(turned, ['GET'])
  await clock.advance(TURN_AWAY_MS)
  t.equal(await readAll(second), '', 'and who asks nothing goes by itself')
})
