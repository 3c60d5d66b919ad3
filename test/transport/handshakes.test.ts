import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createHandshakes, hostOf } from '../../src/transport/handshakes.ts'
import {
  HANDSHAKE_TIMEOUT_MS,
  MAX_CONNECTIONS_PER_HOST_PER_SECOND,
  MAX_PENDING_HANDSHAKES,
  MAX_PENDING_HANDSHAKES_PER_HOST,
} from '../../src/transport/limits.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { FakeConnection } from './fakes.ts'
import { closed, openSocket } from './strangers.ts'
import { connect, startNode, stayAlive, until } from './nodes.ts'
import type { ErrorCode } from '../../src/errors/index.ts'
import type { PeerId } from '../../src/keys/index.ts'

stayAlive(t)

const setUp = () => {
  const clock = createVirtualClock()
  const failed: { address: string; code: ErrorCode }[] = []
  const handshakes = createHandshakes(
    { clock },
    { onFailed: ({ address }, { code }) => failed.push({ address, code }) },
  )
  let port = 1024
  const arrive = (host: string): FakeConnection => {
    const connection = new FakeConnection('inbound', `/ip4/${host}/tcp/${port++}`)
    handshakes.begin(connection)
    return connection
  }
  return { clock, failed, handshakes, arrive }
}

const session = { peer: 'x' as PeerId, certificate: undefined, admission: {}, heardMs: 0 }

t.test('limits are by address, for IPv6 by the network that one customer has', async (t) => {
  const hosts: [string, string][] = [
    ['/ip4/10.0.0.1/tcp/1', '10.0.0.1'],
    ['/ip6/2001:db8:1:2:3:4:5:6/tcp/1', '2001:db8:1:2::/64'],
    ['/ip6/2001:db8:1:2::1/tcp/1', '2001:db8:1:2::/64'],
    ['/ip6/::1/tcp/1', '0:0:0:0::/64'],
    ['/ip6/2001:db8::1/tcp/1', '2001:db8:0:0::/64'],
  ]
  for (const [address, host] of hosts) t.equal(hostOf(multiaddr(address)), host)
})

t.test('one host has so many handshakes pending, and others still get in', async (t) => {
  const { clock, handshakes, arrive } = setUp()
  const held: FakeConnection[] = []
  for (let count = 0; count < MAX_PENDING_HANDSHAKES_PER_HOST; count++) {
    held.push(arrive('10.0.0.1'))
    await clock.advance(100)
  }
  t.throws(() => arrive('10.0.0.1'), { code: 'ERR_LIMIT_EXCEEDED' })
  t.doesNotThrow(() => arrive('10.0.0.2'))
  held[0]?.abort(new Error('gone'))
  t.doesNotThrow(() => arrive('10.0.0.1'), 'an end makes room')
  const [, second] = held
  if (second === undefined) throw new Error('there are two')
  handshakes.admit(second, session)
  t.throws(() => arrive('10.0.0.1'), 'who is let in and goes no further takes a place all the same')
  t.equal(handshakes.complete(second), session)
  t.doesNotThrow(() => arrive('10.0.0.1'), 'a member makes room too')
})

t.test('there is a limit for all hosts together', async (t) => {
  const { handshakes, arrive } = setUp()
  for (let count = 0; count < MAX_PENDING_HANDSHAKES; count++) arrive(`10.0.${count}.1`)
  t.equal(handshakes.pending, MAX_PENDING_HANDSHAKES)
  t.throws(() => arrive('10.1.0.1'), { code: 'ERR_LIMIT_EXCEEDED' })
})

t.test('one host opens so many connections a second', async (t) => {
  const { clock, arrive } = setUp()
  for (let count = 0; count < MAX_CONNECTIONS_PER_HOST_PER_SECOND; count++) {
    arrive('10.0.0.1').abort(new Error('gone'))
  }
  t.throws(() => arrive('10.0.0.1'), { code: 'ERR_LIMIT_EXCEEDED' })
  t.doesNotThrow(() => arrive('10.0.0.2'))
  await clock.advance(1_000)
  t.doesNotThrow(() => arrive('10.0.0.1'))
})

t.test('says why a handshake came to nothing', async (t) => {
  const { clock, failed, handshakes, arrive } = setUp()
  const known = arrive('10.0.0.1')
  handshakes.fail(known, new MeshError('ERR_PSK_MISMATCH', 'another key'))
  handshakes.fail(known, new MeshError('ERR_TIMEOUT', 'later'))
  known.abort(new Error('gone'))
  arrive('10.0.0.2').abort(new Error('gone'))
  const silent = arrive('10.0.0.3')
  await clock.advance(HANDSHAKE_TIMEOUT_MS - 1)
  t.equal(silent.status, 'open')
  await clock.advance(1)
  t.equal(silent.status, 'aborted')
  const late = arrive('10.0.0.4')
  handshakes.reach(late, 'secured')
  late.abort(new Error('gone'))
  const own = arrive('10.0.0.5')
  own.abort(new MeshError('ERR_LIMIT_EXCEEDED', 'too many bytes'))
  const member = arrive('10.0.0.6')
  handshakes.admit(member, session)
  handshakes.complete(member)
  await clock.advance(HANDSHAKE_TIMEOUT_MS)
  t.equal(member.status, 'open', 'a member may be silent')
  member.abort(new Error('gone'))
  t.same(
    failed.map(({ code }) => code),
    [
      'ERR_PSK_MISMATCH',
      'ERR_PROTOCOL_MALFORMED',
      'ERR_TIMEOUT',
      'ERR_STREAM_CLOSED',
      'ERR_LIMIT_EXCEEDED',
    ],
  )
})

t.test('outcomes of attempts nobody asks about do not pile up', async (t) => {
  const { handshakes } = setUp()
  const address = (port: number): string => `/ip4/10.0.0.1/tcp/${port}`
  for (let port = 1; port <= 1000; port++) {
    handshakes.begin(new FakeConnection('outbound', address(port)))
  }
  t.equal(handshakes.outcomeOf(address(1)), undefined)
  t.equal(handshakes.outcomeOf(address(1000))?.address, address(1000))
  t.equal(handshakes.outcomeOf(address(1000)), undefined, 'asked for once')
})

t.test('a flood of connections from one host is cut off, and counted', async (t) => {
  const node = await startNode(t)
  const other = await startNode(t)
  await connect(other, node)
  const sockets = await Promise.all(Array.from({ length: 150 }, () => openSocket(t, node)))
  await until(() => (node.counts().refused.ERR_LIMIT_EXCEEDED ?? 0) >= 50, 'most are refused')
  for (const socket of sockets) socket.destroy()
  await Promise.all(sockets.map(closed))
  t.equal(node.peers().length, 1, 'members stay')
  await until(
    () => Object.values(node.counts().refused).reduce((sum, count) => sum + count, 0) >= 150,
    'all are counted',
  )
})
