import { PassThrough } from 'node:stream'
import t from 'tap'
import { createUploadBody } from '../../src/http/upload-body.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const setUp = (sizeBytes: number) => {
  const body = new PassThrough({ highWaterMark: 1024 })
  const clock = createVirtualClock()
  const controller = new AbortController()
  let started = 0
  const upload = createUploadBody(body, {
    sizeBytes,
    clock,
    signal: controller.signal,
    onStart: () => void started++,
  })
  const read = async (): Promise<string> => {
    let all = ''
    for await (const piece of upload.content) all += Buffer.from(piece).toString()
    return all
  }
  return { body, clock, controller, upload, read, started: () => started }
}

t.test('reads nothing before it is asked', async (t) => {
  const { body, read, started } = setUp(3)
  body.end('abc')
  await new Promise(setImmediate)
  t.equal(started(), 0)
  t.equal(body.readableLength, 3)
  t.equal(await read(), 'abc')
  t.equal(started(), 1)
})

t.test('hands on the last piece only when the body ends where it should', async (t) => {
  const { body, upload } = setUp(6)
  const pieces = upload.content[Symbol.asyncIterator]()
  body.write('abc')
  let arrived = false
  const first = pieces.next().then((piece) => {
    arrived = true
    return piece
  })
  await new Promise(setImmediate)
  t.notOk(arrived)
  body.write('def')
  t.equal((await first).value?.toString(), 'abc')
  const last = pieces.next()
  body.end()
  t.equal((await last).value?.toString(), 'def')
  t.same(await pieces.next(), { done: true, value: undefined })
})

t.test('stops at the first piece too many of an endless body', async (t) => {
  const { body, read, upload } = setUp(3000)
  let written = 0
  const pour = (): void => {
    while (!body.destroyed && body.write(Buffer.alloc(500))) written += 500
  }
  body.on('drain', pour)
  pour()
  await t.rejects(read(), { code: 'ERR_FILE_CONTENT_MISMATCH', message: /more than the 3000/ })
  t.match(upload.failure(), { code: 'ERR_FILE_CONTENT_MISMATCH' })
  t.ok(written < 8000, `${written} bytes were taken`)
  t.notOk(body.destroyed, 'the connection is still there for the answer')
})

t.test('says how much is missing of a short body', async (t) => {
  const { body, read } = setUp(3)
  body.end('ab')
  await t.rejects(read(), { message: /only 2 of the 3 bytes/ })
})

t.test('an empty body is content too', async (t) => {
  const { body, read } = setUp(0)
  body.end()
  t.equal(await read(), '')
  const more = setUp(0)
  more.body.end('x')
  await t.rejects(more.read(), { code: 'ERR_FILE_CONTENT_MISMATCH' })
})

t.test('ends when the client goes away or the daemon stops', async (t) => {
  const gone = setUp(3)
  const reading = gone.read()
  gone.body.write('a')
  gone.body.destroy()
  await t.rejects(reading, { code: 'ERR_ABORTED', message: /went away/ })
  await t.rejects(
    (async () => {
      const early = setUp(3)
      early.body.destroy()
      await early.read()
    })(),
    { code: 'ERR_ABORTED' },
  )
  const stopped = setUp(3)
  const waiting = stopped.read()
  stopped.controller.abort()
  await t.rejects(waiting, { code: 'ERR_ABORTED', message: /stopping/ })
  t.equal(stopped.clock.pending(), 0, 'no timer stays')
})

t.test('cuts off a client that is too slow, however it spreads its bytes', async (t) => {
  const { body, clock, read } = setUp(10 ** 6)
  const reading = read()
  reading.catch(() => {})
  for (let second = 0; second < 19; second++) {
    body.write(Buffer.alloc(1000))
    await clock.advance(1000)
    await new Promise(setImmediate)
  }
  await clock.advance(1001)
  await t.rejects(reading, { code: 'ERR_REQUEST_TOO_SLOW' })
})

t.test('does not count our own slowness', async (t) => {
  const { body, clock, upload } = setUp(2000)
  const pieces = upload.content[Symbol.asyncIterator]()
  body.write(Buffer.alloc(100))
  const first = pieces.next()
  await new Promise(setImmediate)
  body.write(Buffer.alloc(100))
  await first
  await clock.advance(3_600_000)
  body.end(Buffer.alloc(1800))
  t.equal((await pieces.next()).done, false)
  t.equal((await pieces.next()).done, false)
  t.equal((await pieces.next()).done, true)
  t.equal(clock.pending(), 0)
})
