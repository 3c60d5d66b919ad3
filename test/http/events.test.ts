import { request } from 'node:http'
import t from 'tap'
import { EVENT_KEEP_ALIVE_MS, WAIT_PARAMETER } from '../../src/api/index.ts'
import { createFeed } from '../../src/feed/index.ts'
import { MAX_EVENT_READERS } from '../../src/feed/limits.ts'
import { MAX_EVENT_BATCH_BYTES, MAX_EVENT_BATCH_COUNT } from '../../src/http/limits.ts'
import { MAX_EVENT_READERS_PER_CLIENT, MIN_TOKEN_CHARACTERS } from '../../src/http/limits.ts'
import { parseTokens } from '../../src/http/tokens.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { call, startHarness } from './harness.ts'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { NewEvent } from '../../src/feed/index.ts'

const shown = (name: string): NewEvent => ({ type: 'file-shown', name, file: null })

/** An open event stream, as text. */
const openStream = (
  target: string,
  path: string,
  headers: Record<string, string> = {},
  localAddress?: string,
): Promise<{
  response: IncomingMessage
  request: ClientRequest
  text(): string
  until(fits: (text: string) => boolean): Promise<string>
  ended: Promise<void>
}> =>
  new Promise((resolve, reject) => {
    const where = target.startsWith('http')
      ? { host: new URL(target).hostname, port: Number(new URL(target).port) }
      : { socketPath: target }
    const from = localAddress === undefined ? {} : { localAddress }
    const outgoing = request({ ...where, ...from, path, headers, agent: false }, (response) => {
      let text = ''
      const watchers = new Set<() => void>()
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
        for (const look of watchers) look()
      })
      response.on('error', () => {})
      resolve({
        response,
        request: outgoing,
        text: () => text,
        ended: new Promise((end) => response.once('close', () => end())),
        until: (fits) =>
          new Promise((found) => {
            const look = (): void => {
              if (!fits(text)) return
              watchers.delete(look)
              found(text)
            }
            watchers.add(look)
            look()
          }),
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })

t.test(
  'streams events as they happen, and a stream that is taken up again misses none',
  async (t) => {
    const harness = await startHarness()
    t.teardown(harness.stop)
    const { feed, socketPath } = harness
    const first = await openStream(socketPath, '/events')
    t.match(first.response.headers, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    })
    await first.until((text) => text.includes('event: start'))
    t.match(
      first.text(),
      /^retry: \d+\nid: [0-9a-f]{16}-0\nevent: start\ndata: \{.*"networkId":"test"\}\n\n$/,
    )
    feed.add(shown('a'), 'all')
    await first.until((text) => text.includes('"name":"a"'))
    const id = [...first.text().matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? ''
    first.request.destroy()
    feed.add(shown('b'), 'all')
    const second = await openStream(socketPath, '/events?cursor=oldest', { 'Last-Event-ID': id })
    const text = await second.until((all) => all.includes('"name":"b"'))
    t.notMatch(text, /"name":"a"/, 'the header field counts for more than the address')
    t.match(text, /\nevent: file-shown\ndata: \{"cursor":"[0-9a-f]{16}-2","at":"/)
    second.request.destroy()
  },
)

t.test('over TCP only what is public is told', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const { feed, url } = harness
  const stream = await openStream(url, '/events')
  feed.add(shown('secret'), 'local')
  feed.add(shown('open'), 'all')
  const text = await stream.until((all) => all.includes('"open"'))
  t.notMatch(text, /secret/)
  t.match(text, /id: [0-9a-f]{16}-1\nevent: file-shown/)
  stream.request.destroy()
})

t.test('a gap is an event of its own', async (t) => {
  const feed = createFeed({ clock: systemClock, random: systemRandom }, { maxEvents: 2 })
  const harness = await startHarness({ feed })
  t.teardown(harness.stop)
  const cursor = feed.read({ local: true }).cursor()
  for (const name of ['a', 'b', 'c']) feed.add(shown(name), 'all')
  const stream = await openStream(harness.socketPath, `/events?cursor=${cursor}`)
  const text = await stream.until((all) => all.includes('"c"'))
  t.match(text, /\nevent: gap\ndata: \{"cursor":"[0-9a-f]{16}-1",.*"missed":1\}\n\n/)
  stream.request.destroy()
})

t.test(
  'long poll answers at once, or when something happens, or when the time is over',
  async (t) => {
    const harness = await startHarness()
    t.teardown(harness.stop)
    const { feed, socketPath } = harness
    const now = await call(socketPath, 'GET', '/events?waitMs=0')
    t.match(now.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
    t.match(now.json(), { gap: null, events: [] })
    const { cursor } = now.json()
    const waiting = call(socketPath, 'GET', `/events?waitMs=60000&cursor=${cursor}&type=file`)
    feed.add({ type: 'peer-gone', peerId: 'x', peerName: null, address: null }, 'local')
    feed.add(shown('a'), 'all')
    const answer = (await waiting).json()
    t.match(answer, { gap: null, events: [{ type: 'file-shown', name: 'a' }] })
    const next = await call(socketPath, 'GET', `/events?waitMs=1&cursor=${answer.cursor}`)
    t.match(next.json(), { cursor: answer.cursor, gap: null, events: [] })
    const other = await call(socketPath, 'GET', `/events?waitMs=0&cursor=${'0'.repeat(16)}-7`)
    t.match(other.json(), { gap: { type: 'gap', missed: null } })
  },
)

t.test(
  'an answer has so many events and so many bytes, and the rest comes with the next',
  async (t) => {
    const harness = await startHarness()
    t.teardown(harness.stop)
    const { feed, socketPath } = harness
    const addAll = (count: number, nameOf: (index: number) => string): void => {
      for (let index = 0; index < count; index++) feed.add(shown(nameOf(index)), 'all')
    }
    const from = async (cursor: string) => {
      const answer = await call(socketPath, 'GET', `/events?waitMs=0&cursor=${cursor}`)
      const body: { events: { name: string }[]; cursor: string } = JSON.parse(`${answer.body}`)
      const names = body.events.map(({ name }) => name)
      return { names, next: body.cursor, bytes: answer.body.length }
    }
    addAll(MAX_EVENT_BATCH_COUNT + 1, (index) => `${index}`)
    const first = await from('oldest')
    t.equal(first.names.length, MAX_EVENT_BATCH_COUNT)
    const second = await from(first.next)
    t.same(second.names, [`${MAX_EVENT_BATCH_COUNT}`])

    const long = 'x'.repeat(200)
    addAll(MAX_EVENT_BATCH_COUNT, (index) => `${long}/${long}/${long}/${index}`)
    const third = await from(second.next)
    t.ok(third.names.length < MAX_EVENT_BATCH_COUNT, `${third.names.length} events`)
    t.ok(third.bytes < MAX_EVENT_BATCH_BYTES + 2_000, `${third.bytes} bytes`)
    t.ok(third.bytes > MAX_EVENT_BATCH_BYTES)
    const fourth = await from(third.next)
    t.equal(fourth.names[0], `${long}/${long}/${long}/${third.names.length}`)
  },
)

t.test('names and types choose, and what is none is refused', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const { feed, socketPath } = harness
  for (const name of ['certs/a', 'certs/b', 'motd']) feed.add(shown(name), 'all')
  const names = async (query: string) => {
    const { events } = (
      await call(socketPath, 'GET', `/events?waitMs=0&cursor=oldest&${query}`)
    ).json()
    return (events as { name: string }[]).map(({ name }) => name)
  }
  t.same(await names('name=certs/*'), ['certs/a', 'certs/b'])
  t.same(await names('name=motd&name=certs/b'), ['certs/b', 'motd'])
  t.same(await names('type=peer'), [])
  for (const query of ['cursor=x', 'type=x', 'name=../x', 'waitMs=x', 'waitMs=60001', 'more=1']) {
    const { status } = await call(socketPath, 'GET', `/events?waitMs=0&${query}`)
    t.equal(status, 400, query)
  }
})

t.test('more readers than there are places are told to come later', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const streams = []
  for (let index = 0; index < MAX_EVENT_READERS; index++) {
    const address = `127.0.0.${2 + Math.floor(index / MAX_EVENT_READERS_PER_CLIENT)}`
    streams.push(await openStream(harness.url, '/events', {}, address))
  }
  const refused = await call(harness.url, 'GET', '/events')
  t.match(refused.json(), { status: 429, code: 'ERR_LIMIT_EXCEEDED' })
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal((await call(harness.socketPath, 'GET', '/events?waitMs=0')).status, 200)
  t.equal((await call(harness.url, 'HEAD', '/events')).status, 429)
  for (const stream of streams) stream.request.destroy()
  // Places come back when the daemon has seen the connections end.
  for (;;) {
    const { status } = await call(harness.url, 'HEAD', '/events')
    if (status === 200) break
  }
})

t.test('one client takes some of the places of readers, and never all', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const streams = []
  for (let index = 0; index < MAX_EVENT_READERS_PER_CLIENT; index++) {
    streams.push(await openStream(harness.url, '/events'))
  }
  const refused = await call(harness.url, 'GET', '/events')
  t.match(refused.json(), { status: 429, code: 'ERR_LIMIT_EXCEEDED' })
  const other = await openStream(harness.url, '/events', {}, '127.0.0.2')
  t.equal(other.response.statusCode, 200)
  for (const stream of [...streams, other]) stream.request.destroy()
  // Places come back when the daemon has seen the connections end.
  for (;;) {
    const { status } = await call(harness.url, 'HEAD', '/events')
    if (status === 200) break
  }
})

t.test('a stream without events gives signs of life that carry the cursor', async (t) => {
  const waits: (() => void)[] = []
  const clock = {
    ...systemClock,
    schedule(delayMs: number, run: () => void) {
      if (delayMs !== EVENT_KEEP_ALIVE_MS) return systemClock.schedule(delayMs, run)
      waits.push(run)
      return () => {}
    },
  }
  const feed = createFeed({ clock, random: systemRandom })
  const harness = await startHarness({ clock, feed })
  t.teardown(harness.stop)
  const stream = await openStream(harness.socketPath, '/events?name=motd')
  await stream.until((text) => text.includes('event: start'))
  feed.add(shown('other'), 'all')
  while (waits.length < 2) await new Promise((resolve) => setImmediate(resolve))
  for (const run of waits) run()
  const text = await stream.until((all) => all.includes('still here'))
  t.match(text, /\n: still here\nid: [0-9a-f]{16}-1\n\n$/)
  stream.request.destroy()
})

t.test('streams and polls end at once when the daemon stops', async (t) => {
  const harness = await startHarness()
  const stream = await openStream(harness.socketPath, '/events')
  const poll = call(harness.socketPath, 'GET', '/events?waitMs=60000')
  await stream.until((text) => text.includes('event: start'))
  while (harness.feed.readers() < 2) await new Promise((resolve) => setImmediate(resolve))
  await harness.stop()
  await stream.ended
  t.match((await poll).json(), { events: [] })
  t.equal(harness.feed.readers(), 0)
})

t.test('a reader that takes nothing costs no memory and finds a gap', async (t) => {
  const feed = createFeed({ clock: systemClock, random: systemRandom }, { maxEvents: 1_000 })
  const harness = await startHarness({ feed })
  t.teardown(harness.stop)
  const stream = await openStream(harness.socketPath, '/events')
  await stream.until((text) => text.includes('event: start'))
  stream.response.pause()
  const long = 'x'.repeat(1_000)
  for (let turn = 0; turn < 300; turn++) {
    for (let index = 0; index < 100; index++) feed.add(shown(`${long}${turn}-${index}`), 'all')
    await new Promise((resolve) => setImmediate(resolve))
  }
  feed.add(shown('the-last'), 'all')
  stream.response.resume()
  const text = await stream.until((all) => all.includes('the-last'))
  // It may fall behind more than once.
  const gaps = [...text.matchAll(/event: gap\ndata: .*"missed":(\d+)/g)]
  const missed = gaps.reduce((sum, [, count]) => sum + Number(count), 0)
  t.ok(missed > 10_000, `${missed} events were missed`)
  t.ok(text.length < 15_000_000, `${text.length} bytes were sent`)
  stream.request.destroy()
})

t.test('tells nothing more to whoever began with a token that was taken away', async (t) => {
  const token = 'a'.repeat(MIN_TOKEN_CHARACTERS)
  const tokens = [...parseTokens(token)]
  const harness = await startHarness({ tokens })
  t.teardown(harness.stop)
  const { feed, url } = harness
  const headers = { Authorization: `Bearer ${token}` }
  const stream = await openStream(url, '/events', headers)
  await stream.until((text) => text.includes('event: start'))
  feed.add(shown('before'), 'local')
  await stream.until((text) => text.includes('"name":"before"'))
  const polled = call(url, 'GET', `/events?${WAIT_PARAMETER}=60000`, { headers })
  while (feed.readers() < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  tokens.splice(0)
  feed.add(shown('after'), 'local')
  await stream.ended
  t.notMatch(stream.text(), 'after')
  const answer = await polled
  t.equal(answer.status, 401)
  t.notMatch(answer.body.toString(), '"after"')
})
