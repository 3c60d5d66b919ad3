import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { MAX_LINGER_BYTES } from '../../src/http/limits.ts'
import { hasBodyLeft, lingering } from '../../src/http/linger.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const PIECE = Buffer.alloc(64 * 2 ** 10)

/** A request whose body goes on as long as somebody reads it, or until so many bytes. */
const requestWith = (sizeBytes: number) => {
  const request = new IncomingMessage(new Socket())
  request.headers['transfer-encoding'] = 'chunked'
  let givenBytes = 0
  const begin = request._read.bind(request)
  request._read = (wantedBytes) => {
    begin(wantedBytes)
    setImmediate(() => {
      if (givenBytes >= sizeBytes) {
        request.complete = true
        request.push(null)
        return
      }
      givenBytes += PIECE.length
      request.push(PIECE)
    })
  }
  return { request, given: () => givenBytes }
}

/** Turns of the loop: more than a body within the bound takes. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('of a refused body without end so much is read and no more', async (t) => {
  const clock = createVirtualClock()
  const { request, given } = requestWith(Number.POSITIVE_INFINITY)
  t.ok(hasBodyLeft(request))
  const answer = lingering('no', request, clock)
  const ended = answer.toArray()
  await turns()
  t.ok(given() > MAX_LINGER_BYTES, 'a client that does not look up is given time')
  t.ok(given() < MAX_LINGER_BYTES + 8 * PIECE.length, `${given()} bytes`)
  await clock.advance(2_000)
  t.same(Buffer.concat(await ended).toString(), 'no')
  await turns()
  t.ok(given() < MAX_LINGER_BYTES + 8 * PIECE.length, 'nor later')
  t.equal(clock.pending(), 0)
})

t.test('an answer to a body that ends is over with it', async (t) => {
  const clock = createVirtualClock()
  const { request } = requestWith(10 * PIECE.length)
  t.same(Buffer.concat(await lingering('no', request, clock).toArray()).toString(), 'no')
  t.notOk(hasBodyLeft(request))
  t.equal(clock.pending(), 0)
})
