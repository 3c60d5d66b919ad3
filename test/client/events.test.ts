import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { MAX_EVENT_TEXT_BYTES } from '../../src/client/limits.ts'
import { startHarness } from '../http/harness.ts'
import { answer, file, problem, serve, version } from './fixtures.ts'
import type { ServerResponse } from 'node:http'
import type { ClientEvent } from '../../src/client/index.ts'
import type { NewEvent } from '../../src/feed/index.ts'

const begin = (response: ServerResponse): void => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
}

const tell = (response: ServerResponse, id: string, event: object & { type: string }): void => {
  const data = JSON.stringify({ cursor: id, at: version.time, ...event })
  response.write(`id: ${id}\nevent: ${event.type}\ndata: ${data}\n\n`)
}

const start = { type: 'start', networkId: 'local' }
const at = (name: string) => ({ type: 'file-shown', name, file })
const soon = async (): Promise<void> => {}

/** Takes so many events and leaves. */
const take = async (events: AsyncIterable<ClientEvent>, count: number): Promise<ClientEvent[]> => {
  const taken: ClientEvent[] = []
  for await (const event of events) {
    taken.push(event)
    if (taken.length === count) break
  }
  return taken
}

t.test('gives every kind of event of a real daemon, typed', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const client = createClient({ socketPath: harness.socketPath })
  const kinds: NewEvent[] = [
    { type: 'file-shown', name: 'x', file: null },
    { type: 'file-withdrawn', name: 'x', file: null },
    {
      ...{ type: 'file-refused', name: 'x', version: 1, code: 'ERR_X', message: 'm' },
      ...{ signers: ['k'], from: 'upload', suppressed: 0 },
    },
    { type: 'peer-connected', peerId: 'p', peerName: 'alpha', address: '/ip4/127.0.0.1/tcp/1' },
    { type: 'peer-gone', peerId: 'p', peerName: null, address: null },
    { type: 'health-raised', code: 'c', subject: 's', severity: 'error', message: 'm' },
    { type: 'health-cleared', code: 'c', subject: 's', severity: 'warning', message: 'm' },
    {
      ...{ type: 'transfer', name: 'x', direction: 'receiving', phase: 'progress' },
      ...{ doneBytes: 1, totalBytes: 2, peerId: null },
    },
    { type: 'configuration-reloaded', applied: true, restartNeeded: ['http.port'] },
  ]
  for (const kind of kinds) harness.feed.add(kind, 'local')
  const events = await take(client.events({ cursor: 'oldest' }), kinds.length + 1)
  t.match(events, [{ type: 'start', networkId: 'test' }, ...kinds])
  const cursor = `${'0'.repeat(16)}-5`
  t.match(
    await take(client.events({ cursor }), 2),
    [start.type, 'gap'].map((type) => ({ type })),
  )
  while (harness.feed.readers() > 0) await new Promise((resolve) => setImmediate(resolve))
})

t.test('connects again and goes on where it was, whatever broke', async (t) => {
  const asked: string[] = []
  const url = await serve(t, (request, response) => {
    asked.push(request.url ?? '')
    const turn = asked.length
    if (turn === 2) return problem(response, 429, 'ERR_LIMIT_EXCEEDED')
    if (turn === 3) return request.socket.destroy()
    begin(response)
    tell(response, `c${turn}`, turn === 1 ? start : at(`${turn}`))
    if (turn === 1) response.write('id: c1b\n\n')
    // What breaks off in the middle is not handed on.
    if (turn === 4) response.end('id: c5\nevent: file-shown\ndata: {"cur')
    if (turn === 1) response.end()
  })
  const lost: string[] = []
  const events = createClient({ url }).events({
    names: ['certs/*'],
    onLost: ({ code }) => lost.push(code),
    sleep: soon,
  })
  const taken = await take(events, 3)
  t.match(taken, [{ type: 'start' }, { name: '4' }, { name: '5' }])
  t.same(asked, [
    '/events?name=certs%2F*',
    ...Array.from({ length: 3 }, () => '/events?name=certs%2F*&cursor=c1b'),
    '/events?name=certs%2F*&cursor=c4',
  ])
  t.same(lost, [
    'ERR_DAEMON_UNREACHABLE',
    'ERR_LIMIT_EXCEEDED',
    ...Array(2).fill('ERR_DAEMON_UNREACHABLE'),
  ])
})

t.test('waits longer with each attempt that fails', async (t) => {
  const waits: number[] = []
  const controller = new AbortController()
  const events = createClient({ url: 'http://127.0.0.1:1' }).events({
    patient: true,
    signal: controller.signal,
    sleep: async (delayMs) => {
      waits.push(delayMs)
      if (waits.length === 8) controller.abort()
    },
  })
  await t.rejects(take(events, 1), { code: 'ERR_ABORTED' })
  t.same(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
})

t.test('says at once what the daemon refuses, and that there is none', async (t) => {
  const url = await serve(t, (_, response) => problem(response, 400, 'ERR_REQUEST_MALFORMED'))
  await t.rejects(take(createClient({ url }).events({ patient: true }), 1), {
    code: 'ERR_REQUEST_MALFORMED',
  })
  await t.rejects(take(createClient({ url: 'http://127.0.0.1:1' }).events(), 1), {
    code: 'ERR_DAEMON_UNREACHABLE',
  })
})

t.test('refuses what no daemon tells, and what has no end', async (t) => {
  const bad = [
    'event: file-shown\ndata: {\n\n',
    'event: file-shown\ndata: {"type":"file-shown"}\n\n',
    `data: ${'x'.repeat(MAX_EVENT_TEXT_BYTES + 1)}`,
    `${`data: ${'x'.repeat(1_000)}\n`.repeat(MAX_EVENT_TEXT_BYTES / 1_000 + 1)}\n`,
  ]
  for (const text of bad) {
    const url = await serve(t, (_, response) => {
      begin(response)
      response.write(text)
    })
    await t.rejects(take(createClient({ url }).events(), 1), { code: 'ERR_RESPONSE_MALFORMED' })
  }
  const url = await serve(t, (_, response) => answer(response, 200, 'event: later\ndata: x\n\n'))
  const lost: string[] = []
  const controller = new AbortController()
  const events = createClient({ url }).events({
    signal: controller.signal,
    onLost: ({ code }) => lost.push(code),
    sleep: async () => controller.abort(),
  })
  await t.rejects(take(events, 1), { code: 'ERR_ABORTED' }, 'kinds of later versions are left out')
  t.same(lost, ['ERR_DAEMON_UNREACHABLE'])
})

t.test('an abort ends it, also while nothing happens', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const controller = new AbortController()
  const client = createClient({ socketPath: harness.socketPath })
  const events = client.events({ signal: controller.signal })[Symbol.asyncIterator]()
  t.match((await events.next()).value, { type: 'start' })
  const next = events.next()
  controller.abort()
  await t.rejects(next, { code: 'ERR_ABORTED' })
  await t.rejects(take(client.events({ signal: controller.signal }), 1), { code: 'ERR_ABORTED' })
})

t.test('waits by its clock where nothing else is given', async (t) => {
  const { createVirtualClock } = await import('../support/virtual-clock.ts')
  const clock = createVirtualClock()
  const url = await serve(t, (_, response) => {
    begin(response)
    response.end(
      `id: c\nevent: start\ndata: ${JSON.stringify({ cursor: 'c', at: '', ...start })}\n\n`,
    )
  })
  const lost = Promise.withResolvers<void>()
  const events = createClient({ url }, { clock }).events({ onLost: () => lost.resolve() })
  const taking = take(events, 2)
  await lost.promise
  await clock.advance(250)
  t.equal((await taking).length, 2)
})
