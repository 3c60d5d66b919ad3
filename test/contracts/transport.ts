/** What every transport does: the libp2p one and its twin in memory pass the same file. */
import { once } from 'node:events'
import { isMeshError, MeshError } from '../../src/errors/index.ts'
import type { Test } from 'tap'
import type { FrameStream, Peer, ProtocolInit, Transport } from '../../src/transport/index.ts'

/** Makes transports that can reach each other; they are stopped by the suite. */
export interface TransportWorld {
  /** A transport that is not started; `name` is its node's name. */
  create(name: string): Promise<Transport>
  /** Well-formed, with a peer id, and nobody answers there. */
  readonly deadAddress: string
}

const PROTOCOL = '/mesh/contract/1'
const limits: ProtocolInit = { maxFrameBytes: 64 * 2 ** 10, maxStreamsPerPeer: 4 }
/** Only ends a test that hangs; nothing waits this long when it works. */
const PATIENCE_MS = 20_000

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (frame: Uint8Array | undefined): string | undefined =>
  frame === undefined ? undefined : Buffer.from(frame).toString()

const echo = async (stream: FrameStream): Promise<void> => {
  for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
    await stream.send(frame)
  }
  await stream.close()
}

/** Waits until a stream has ended. */
const ended = async (stream: FrameStream): Promise<void> => {
  if (!stream.signal.aborted) await once(stream.signal, 'abort')
}

const event = async (transport: Transport, name: 'connect' | 'disconnect'): Promise<Peer> =>
  (await once(transport.events, name))[0]

const rejects = async (t: Test, promise: Promise<unknown>, codes: string[]): Promise<void> => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  t.ok(isMeshError(error) && codes.includes(error.code), `${error} is one of ${codes}`)
}

export const testTransport = (
  t: Test,
  label: string,
  createWorld: (t: Test) => Promise<TransportWorld>,
): void => {
  const setUp = async (t: Test, prepare: (a: Transport, b: Transport) => void = () => {}) => {
    const world = await createWorld(t)
    const a = await world.create('anna')
    const b = await world.create('bert')
    prepare(a, b)
    await a.start()
    await b.start()
    t.teardown(async () => {
      await a.stop()
      await b.stop()
    })
    return { world, a, b }
  }

  const addressOf = (transport: Transport): string => {
    const [address] = transport.addresses()
    if (address === undefined) throw new Error('the transport has no address')
    return address
  }

  /** A connected pair; `handler` serves the second one's streams. */
  const connected = async (
    t: Test,
    handler: (stream: FrameStream) => Promise<void> = echo,
    init: ProtocolInit = limits,
  ) => {
    const pair = await setUp(t, (_, b) => b.handle(PROTOCOL, init, handler))
    const other = event(pair.b, 'connect')
    await pair.a.dial(addressOf(pair.b))
    await other
    const open = (own: ProtocolInit = init) => pair.a.open(pair.b.peerId, PROTOCOL, own)
    return { ...pair, open }
  }

  t.test(label, { timeout: 120_000 }, async (t) => {
    // Timers of the product do not keep a process alive; the suite does.
    const alive = setInterval(() => {}, 1000)
    t.teardown(() => clearInterval(alive))

    t.test('a dialled peer and its dialler see each other', async (t) => {
      const { a, b } = await setUp(t)
      const seen = event(b, 'connect')
      const own = event(a, 'connect')
      const found = await a.dial(addressOf(b))
      t.equal(found.id, b.peerId)
      t.equal(found.direction, 'outbound')
      t.match(addressOf(b), b.peerId, 'an address names its peer')
      t.equal((await own).id, b.peerId)
      const inbound = await seen
      t.equal(inbound.id, a.peerId)
      t.equal(inbound.direction, 'inbound')
      t.same(
        a.peers().map(({ id }) => id),
        [b.peerId],
      )
      t.same(
        b.peers().map(({ id }) => id),
        [a.peerId],
      )
    })

    t.test('dialling a connected peer answers with the connection there is', async (t) => {
      const { a, b } = await connected(t)
      let events = 0
      a.events.on('connect', () => events++)
      const again = await a.dial(addressOf(b))
      t.equal(again.id, b.peerId)
      t.equal(events, 0)
      t.equal(a.peers().length, 1)
    })

    t.test('peers who dial each other at once are one peer each', async (t) => {
      const { a, b } = await setUp(t)
      const events = { a: 0, b: 0 }
      a.events.on('connect', () => events.a++)
      b.events.on('connect', () => events.b++)
      const both = [event(a, 'connect'), event(b, 'connect')]
      await Promise.allSettled([a.dial(addressOf(b)), b.dial(addressOf(a))])
      await Promise.all(both)
      t.equal(a.peers().length, 1)
      t.equal(b.peers().length, 1)
      t.same(events, { a: 1, b: 1 })
    })

    t.test('refuses what is no address, and says when nobody answers', async (t) => {
      const { world, a } = await setUp(t)
      await rejects(t, a.dial('somewhere'), ['ERR_ADDRESS_INVALID'])
      await rejects(t, a.dial(''), ['ERR_ADDRESS_INVALID'])
      await rejects(t, a.dial(world.deadAddress), ['ERR_PEER_UNREACHABLE'])
      await rejects(t, a.dial(addressOf(a)), ['ERR_PEER_UNREACHABLE', 'ERR_ADDRESS_INVALID'])
      t.same(a.peers(), [])
    })

    t.test('an aborted dial is cancelled', async (t) => {
      const { a, b } = await setUp(t)
      await rejects(t, a.dial(addressOf(b), { signal: AbortSignal.abort() }), ['ERR_ABORTED'])
      t.same(a.peers(), [])
    })

    t.test('frames arrive whole, in order, both ways, empty ones too', async (t) => {
      const { open } = await connected(t)
      const stream = await open()
      const frames = ['one', '', 'three', 'x'.repeat(limits.maxFrameBytes)]
      for (const frame of frames) await stream.send(bytes(frame))
      for (const frame of frames) t.equal(text(await stream.receive()), frame)
      await stream.close()
      t.equal(await stream.receive(), undefined)
      await ended(stream)
    })

    t.test('a sent frame is no longer the caller’s', async (t) => {
      const { open } = await connected(t)
      const stream = await open()
      const frame = bytes('before')
      await stream.send(frame)
      frame.fill(0)
      t.equal(text(await stream.receive()), 'before')
      stream.abort(new Error('done'))
    })

    t.test('ending one side leaves the other open', async (t) => {
      const { open } = await connected(t, async (stream) => {
        const parts: string[] = []
        for (;;) {
          const frame = await stream.receive()
          if (frame === undefined) break
          parts.push(text(frame) ?? '')
        }
        await stream.send(bytes(parts.join('+')))
        await stream.close()
      })
      const stream = await open()
      await stream.send(bytes('a'))
      await stream.send(bytes('b'))
      await stream.close()
      await rejects(t, stream.send(bytes('late')), ['ERR_STREAM_CLOSED'])
      t.equal(text(await stream.receive({ timeoutMs: PATIENCE_MS })), 'a+b')
      t.equal(await stream.receive({ timeoutMs: PATIENCE_MS }), undefined)
      await ended(stream)
    })

    t.test('a handler that returns ends its side', async (t) => {
      const { open } = await connected(t, async (stream) => {
        await stream.send(bytes('bye'))
      })
      const stream = await open()
      t.equal(text(await stream.receive({ timeoutMs: PATIENCE_MS })), 'bye')
      t.equal(await stream.receive({ timeoutMs: PATIENCE_MS }), undefined)
      await stream.close()
    })

    t.test('a silent peer is noticed', async (t) => {
      const { open } = await connected(t, async (stream) => ended(stream))
      const stream = await open()
      await rejects(t, stream.receive({ timeoutMs: 20 }), ['ERR_TIMEOUT'])
      stream.abort(new Error('done'))
    })

    t.test('an aborted stream ends at both ends', async (t) => {
      let other: FrameStream | undefined
      const arrived = Promise.withResolvers<unknown>()
      const { open } = await connected(t, async (stream) => {
        other = stream
        await stream.receive()
        await stream.receive().then(arrived.resolve, arrived.resolve)
      })
      const stream = await open()
      await stream.send(bytes('hello'))
      const waiting = stream.receive()
      stream.abort(new Error('enough'))
      await rejects(t, waiting, ['ERR_STREAM_CLOSED'])
      await rejects(t, stream.send(bytes('late')), ['ERR_STREAM_CLOSED'])
      t.ok(stream.signal.aborted)
      const error = await arrived.promise
      t.ok(isMeshError(error, 'ERR_STREAM_CLOSED') || error === undefined, 'the peer notices')
      if (other !== undefined) await ended(other)
    })

    t.test('a handler that throws costs its stream and nothing else', async (t) => {
      let count = 0
      const { a, open } = await connected(t, async (stream) => {
        if (count++ === 0) throw new Error('a defect')
        await echo(stream)
      })
      // It may end before it has come up here.
      const broken = open().then((stream) => stream.receive({ timeoutMs: PATIENCE_MS }))
      await rejects(t, broken, ['ERR_STREAM_CLOSED'])
      t.equal(a.peers().length, 1)
      const stream = await open()
      await stream.send(bytes('still here'))
      t.equal(text(await stream.receive()), 'still here')
      await stream.close()
    })

    t.test('a protocol that the peer does not speak fails on that stream only', async (t) => {
      const { a, b, open } = await connected(t)
      const attempt = async (): Promise<void> => {
        const stream = await a.open(b.peerId, '/mesh/nothing/1', limits)
        await stream.send(bytes('anyone?'))
        await stream.receive({ timeoutMs: PATIENCE_MS })
      }
      await rejects(t, attempt(), ['ERR_STREAM_CLOSED', 'ERR_PEER_REFUSED'])
      const stream = await open()
      await stream.send(bytes('fine'))
      t.equal(text(await stream.receive()), 'fine')
      await stream.close()
    })

    t.test('a peer that is not connected has no streams', async (t) => {
      const { a, b } = await setUp(t)
      await rejects(t, a.open(b.peerId, PROTOCOL, limits), ['ERR_PEER_UNREACHABLE'])
    })

    t.test('a frame above the limit is neither sent nor taken', async (t) => {
      const outcome = Promise.withResolvers<unknown>()
      const { a, open } = await connected(t, async (stream) => {
        await stream.receive().then(outcome.resolve, outcome.resolve)
        await ended(stream)
      })
      const honest = await open()
      const long = new Uint8Array(limits.maxFrameBytes + 1)
      await rejects(t, honest.send(long), ['ERR_LIMIT_EXCEEDED'])
      honest.abort(new Error('done'))
      await outcome.promise

      const taken = Promise.withResolvers<unknown>()
      const second = await connected(t, async (stream) => {
        await stream.receive().then(taken.resolve, taken.resolve)
        await ended(stream)
      })
      const hostile = await second.open({ ...limits, maxFrameBytes: 2 * limits.maxFrameBytes })
      await hostile.send(long).catch(() => undefined)
      t.ok(isMeshError(await taken.promise, 'ERR_LIMIT_EXCEEDED'))
      await ended(hostile)
      t.equal(a.peers().length, 1, 'the connection stays')
    })

    t.test('one peer has so many streams of a protocol and no more', async (t) => {
      const { open } = await connected(t, echo, { ...limits, maxStreamsPerPeer: 2 })
      const first = await open()
      const second = await open()
      for (const stream of [first, second]) {
        await stream.send(bytes('mine'))
        t.equal(text(await stream.receive()), 'mine')
      }
      const third = async (): Promise<string | undefined> => {
        const stream = await open()
        await stream.send(bytes('too many'))
        return text(await stream.receive({ timeoutMs: PATIENCE_MS }))
      }
      await rejects(t, third(), ['ERR_STREAM_CLOSED', 'ERR_LIMIT_EXCEEDED', 'ERR_PEER_REFUSED'])
      await first.close()
      t.equal(await first.receive(), undefined)
      await ended(first)
      // The other end frees the place when it hears of it, so this may take a few attempts.
      for (let attempt = 0; ; attempt++) {
        const answer = await third().catch(() => undefined)
        if (answer === 'too many') break
        if (attempt > 100) throw new Error('an ended stream never made room')
      }
      second.abort(new Error('done'))
    })

    t.test('many streams one after another leave nothing behind', async (t) => {
      const { open } = await connected(t)
      for (let count = 0; count < 50; count++) {
        const stream = await open()
        await stream.send(bytes(`${count}`))
        t.equal(text(await stream.receive()), `${count}`)
        await stream.close()
        await stream.receive()
        await ended(stream)
      }
    })

    t.test('a reader that does not read stops the sender; reading lets it go on', async (t) => {
      const start = Promise.withResolvers<void>()
      const total = Promise.withResolvers<number>()
      const { open } = await connected(t, async (stream) => {
        await start.promise
        let sizeBytes = 0
        for (;;) {
          const frame = await stream.receive()
          if (frame === undefined) break
          sizeBytes += frame.length
        }
        total.resolve(sizeBytes)
        await stream.close()
      })
      const stream = await open()
      const frame = new Uint8Array(limits.maxFrameBytes)
      const count = 1024 // 64 MiB in all
      let sent = 0
      const sending = (async () => {
        for (; sent < count; sent++) await stream.send(frame)
        await stream.close()
      })()
      // Stopped when a while passes in which nothing more is taken.
      for (let before = -1; before !== sent; ) {
        before = sent
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      t.ok(sent * frame.length <= 16 * 2 ** 20, `stopped after ${sent} frames of 64 KiB`)
      start.resolve()
      await sending
      t.equal(await total.promise, count * frame.length)
    })

    t.test('hanging up ends connection and streams at both ends', async (t) => {
      const { a, b, open } = await connected(t)
      const stream = await open()
      await stream.send(bytes('x'))
      await stream.receive()
      const both = [event(a, 'disconnect'), event(b, 'disconnect')]
      await a.hangUp(b.peerId)
      const [fromA, fromB] = await Promise.all(both)
      t.equal(fromA?.id, b.peerId)
      t.equal(fromB?.id, a.peerId)
      await ended(stream)
      await rejects(t, stream.receive(), ['ERR_STREAM_CLOSED'])
      t.same(a.peers(), [])
      t.same(b.peers(), [])
      await a.dial(addressOf(b))
      t.equal(a.peers().length, 1, 'and it can be dialled again')
    })

    t.test('the third fault ends the connection, and the peer is avoided', async (t) => {
      const { a, b } = await connected(t)
      const fault = new MeshError('ERR_PROTOCOL_MALFORMED', 'garbage')
      a.blame(b.peerId, fault)
      a.blame(b.peerId, fault)
      t.equal(a.peers().length, 1, 'two are forgiven')
      const both = [event(a, 'disconnect'), event(b, 'disconnect')]
      a.blame(b.peerId, fault)
      await Promise.all(both)
      const codes = ['ERR_PEER_REFUSED', 'ERR_PEER_UNREACHABLE']
      await rejects(t, a.dial(addressOf(b)), codes)
      t.same(a.peers(), [])
      // From the other side the refusal may show as a connection that ends at once.
      await b.dial(addressOf(a)).catch(() => undefined)
      while (a.peers().length + b.peers().length > 0) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      t.pass('it does not get in by dialling either')
    })

    t.test('a forged signature is enough by itself', async (t) => {
      const { a, b } = await connected(t)
      const gone = event(a, 'disconnect')
      a.blame(b.peerId, new MeshError('ERR_SIGNATURE_INVALID', 'forged'))
      await gone
      t.same(a.peers(), [])
    })

    t.test('what a handler finds wrong is held against the peer', async (t) => {
      const { a, b, open } = await connected(t, async (stream) => {
        await stream.receive()
        throw new MeshError('ERR_PROTOCOL_MALFORMED', 'garbage')
      })
      const gone = event(b, 'disconnect')
      for (let count = 0; count < 3; count++) {
        const stream = await open()
        await stream.send(bytes('garbage')).catch(() => undefined)
        await ended(stream)
      }
      t.equal((await gone).id, a.peerId)
    })

    t.test('what a handler cannot do is held against nobody', async (t) => {
      const { b, open } = await connected(t, async () => {
        throw new MeshError('ERR_DISK_FULL', 'no room')
      })
      for (let count = 0; count < 4; count++) await open().then(ended, () => {})
      t.equal(b.peers().length, 1)
    })

    t.test('starting and stopping twice is starting and stopping once', async (t) => {
      const { a, b } = await connected(t)
      await a.start()
      t.equal(a.peers().length, 1)
      const gone = event(b, 'disconnect')
      await a.stop()
      await gone
      await a.stop()
      t.same(a.peers(), [])
      t.same(b.peers(), [])
      await rejects(t, a.dial(addressOf(b)), ['ERR_PEER_UNREACHABLE', 'ERR_ABORTED'])
    })
  })
}
