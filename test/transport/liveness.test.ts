import { getEventListeners } from 'node:events'
import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import { PING_INTERVAL_MS, PING_TIMEOUT_MS } from '../../src/transport/limits.ts'
import { PING_PROTOCOL, startLiveness } from '../../src/transport/liveness.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, nextEvent, startNode, stayAlive, until } from './nodes.ts'
import { dialAsHostileMember } from './strangers.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { LivenessLink } from '../../src/transport/liveness.ts'
import type { FrameStream } from '../../src/transport/index.ts'

stayAlive(t)

const peer = '12D3KooFake' as PeerId

/** One connection whose other side answers, or does not, after `latencyMs`. */
const setUp = (answer: (ping: Uint8Array) => Uint8Array | undefined, latencyMs = 3) => {
  const clock = createVirtualClock()
  const workers = createWorkers({ clock, random: systemRandom, logger: silentLogger })
  const log = { pings: 0, opened: 0, cut: [] as MeshError[], roundTripsMs: [] as number[] }
  let heardMs = 0
  const open = async (): Promise<FrameStream> => {
    log.opened++
    let ping: Uint8Array | undefined
    const aborted = Promise.withResolvers<never>()
    aborted.promise.catch(() => {})
    const answered = (timeoutMs: number): Promise<Uint8Array> =>
      new Promise((resolve, reject) => {
        const echo = ping === undefined ? undefined : answer(ping)
        if (echo === undefined) {
          clock.schedule(timeoutMs, () => reject(new MeshError('ERR_TIMEOUT', 'silence')))
          return
        }
        clock.schedule(latencyMs, () => {
          heardMs = clock.monotonicMs()
          resolve(echo)
        })
      })
    return {
      peer,
      protocol: PING_PROTOCOL,
      signal: new AbortController().signal,
      async send(frame) {
        log.pings++
        ping = frame
      },
      receive: ({ timeoutMs = 0 } = {}) => Promise.race([answered(timeoutMs), aborted.promise]),
      close: async () => {},
      abort: (reason) => aborted.reject(reason),
    }
  }
  const key = {}
  const link: LivenessLink = {
    key,
    peer,
    heardMs: () => heardMs,
    open,
    cut: (reason) => void log.cut.push(reason),
  }
  const worker = startLiveness(
    { clock, random: systemRandom, workers },
    {
      links: () => (log.cut.length === 0 ? [link] : []),
      onRoundTrip: (_, ms) => void log.roundTripsMs.push(ms),
      onRound: () => {},
    },
  )
  const hear = (): void => {
    heardMs = clock.monotonicMs()
  }
  return { clock, log, hear, worker }
}

t.test(
  'an idle connection is pinged on one kept stream, and its round trip is measured',
  async (t) => {
    const { clock, log } = setUp((ping) => ping, 25)
    await clock.advance(10 * PING_INTERVAL_MS)
    t.ok(log.pings >= 8 && log.pings <= 12, `${log.pings} pings`)
    t.equal(log.opened, 1)
    t.same(new Set(log.roundTripsMs), new Set([25]))
    t.same(log.cut, [])
  },
)

t.test('what is heard anyway makes most pings needless', async (t) => {
  const { clock, log, hear } = setUp((ping) => ping)
  for (let count = 0; count < 300; count++) {
    hear()
    await clock.advance(1_000)
  }
  t.ok(log.pings >= 4 && log.pings <= 6, `one a minute, to measure: ${log.pings}`)
})

t.test('three pings without an answer are the end of a connection', async (t) => {
  let silent = false
  const { clock, log } = setUp((ping) => (silent ? undefined : ping))
  await clock.advance(3 * PING_INTERVAL_MS)
  silent = true
  const before = log.pings
  await clock.advance(PING_INTERVAL_MS * 1.2 + 3 * PING_TIMEOUT_MS + 2_000 + 100)
  t.equal(log.pings - before, 3)
  t.equal(log.cut.length, 1)
  t.equal(log.cut[0]?.code, 'ERR_TIMEOUT')
})

t.test('a connection that is busy with something else is not dead', async (t) => {
  const { clock, log, hear } = setUp(() => undefined)
  for (let count = 0; count < 300; count++) {
    await clock.advance(1_000)
    hear()
  }
  t.same(log.cut, [])
})

t.test('wrong answers count as none', async (t) => {
  const { clock, log } = setUp(() => new Uint8Array(8))
  await clock.advance(3 * PING_INTERVAL_MS + 20_000)
  t.same(log.roundTripsMs, [])
})

t.test('connected nodes know their round trip', async (t) => {
  const clock = createVirtualClock()
  const a = await startNode(t, { clock })
  const b = await startNode(t)
  await connect(a, b)
  t.equal(a.peers()[0]?.roundTripMs, undefined)
  await clock.advance(0.75 * PING_INTERVAL_MS)
  // Sockets know nothing of virtual time: it goes on slowly, so that an answer beats its timeout.
  await until(() => {
    void clock.advance(25)
    return a.peers()[0]?.roundTripMs !== undefined
  }, 'it is measured')
})

t.test('a member that has frozen is found out and let go', async (t) => {
  const clock = createVirtualClock()
  const node = await startNode(t, { clock })
  const { connection } = await dialAsHostileMember(t, node)
  const gone = nextEvent(node, 'disconnect')
  connection.pause()
  let isGone = false
  void gone.then(() => {
    isGone = true
  })
  for (let round = 0; round < 100 && !isGone; round++) {
    await clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.ok(isGone)
  t.match(addressOf(node), '/p2p/')
})

t.test('a ping of another length is a fault', async (t) => {
  const node = await startNode(t)
  const other = await startNode(t)
  await connect(other, node)
  const stream = await other.open(node.peerId, PING_PROTOCOL, {
    maxFrameBytes: 8,
    maxStreamsPerPeer: 2,
  })
  await stream.send(new Uint8Array(7))
  await t.rejects(stream.receive(), { code: 'ERR_STREAM_CLOSED' })
  t.equal(node.counts().faults.ERR_PROTOCOL_MALFORMED, 1)
})

t.test('stopping does not wait for the answer to a ping', async (t) => {
  const { clock, log, worker } = setUp(() => undefined)
  await clock.advance(1.3 * PING_INTERVAL_MS)
  t.equal(log.pings, 1)
  t.equal(worker.status().state, 'running')
  // Nothing moves the clock on: a timeout would never come.
  await worker.stop()
  t.same(log.cut, [])
})

t.test('a stream that takes no ping leaves nothing behind', async (t) => {
  const clock = createVirtualClock()
  const workers = createWorkers({ clock, random: systemRandom, logger: silentLogger })
  const signals = new Set<AbortSignal>()
  const link: LivenessLink = {
    key: {},
    peer,
    // It goes on sending, or it would be cut.
    heardMs: () => clock.monotonicMs() + 1,
    async open(signal) {
      signals.add(signal)
      return {
        ...{ peer, protocol: PING_PROTOCOL, signal: new AbortController().signal },
        send: () => Promise.reject(new MeshError('ERR_STREAM_CLOSED', 'it was reset')),
        receive: async () => undefined,
        close: async () => {},
        abort: () => {},
      }
    },
    cut: () => {},
  }
  const random = systemRandom
  const init = { links: () => [link], onRoundTrip: () => {}, onRound: () => {} }
  startLiveness({ clock, random, workers }, init)
  await clock.advance(20 * PING_INTERVAL_MS)
  t.ok(signals.size > 0)
  for (const signal of signals) t.same(getEventListeners(signal, 'abort'), [])
})
