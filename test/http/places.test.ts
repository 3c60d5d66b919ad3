import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import { limitConnections } from '../../src/http/places.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { send as call } from './harness.ts'
import type { Server } from 'node:http'
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
  const server: Server = createServer(({ url = '', socket }, response) => {
    answering.set(url, socket)
    // As files are read.
    if (url === '/large') Readable.from(Array.from({ length: PIECES }, () => PIECE)).pipe(response)
    else if (url.startsWith('/quiet')) response.flushHeaders()
    else response.end('small')
  })
  limitConnections(server, { maxConnections: PLACES, clock })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0

  /** Asks, and reads nothing of the answer beyond what is in flight. */
  const ask = async (path: string): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
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
  return { clock, server, ask, filled, answering, url: `http://127.0.0.1:${port}` }
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
  await t.rejects(call(url, 'GET', '/small'), 'not for a moment of silence')
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
  await t.rejects(call(url, 'GET', '/small'), 'then the newcomer has to go')
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
  for (let turn = 0; turn < 3; turn++) {
    const before = taken()
    while (taken() === before) {
      slow.read()
      await new Promise((resolve) => setImmediate(resolve))
    }
    // A window in which a little was taken, or more than that, but over so long a time.
    await clock.advance(1_500_000)
  }
  slow.read()
  t.ok(await getsIn(clock, url))
  t.ok(large.destroyed)
})
