import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, publicKeyFromPeerId } from '../../src/keys/index.ts'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createMembership } from '../../src/transport/index.ts'
import { SIMULTANEOUS_DIAL_MS } from '../../src/transport/limits.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, createAuthority, ECHO, ECHO_LIMITS, HOUR_MS } from './nodes.ts'
import { failure, NETWORK, nextEvent, speaks, startMember, startNode } from './nodes.ts'
import { stayAlive, until } from './nodes.ts'
import type { Test } from 'tap'
import type { PublicKey } from '../../src/keys/index.ts'
import type { MembershipInit, Peer } from '../../src/transport/index.ts'

stayAlive(t)

const authority = createAuthority()

/** A clock that a test moves, and workers that never run: what they do is not of interest here. */
const movedByHand = () => {
  const still = { clock: createVirtualClock(), random: systemRandom, logger: silentLogger }
  return { clock: createVirtualClock({ startMs: Date.now() }), workers: createWorkers(still) }
}

t.test('a connection ends when the certificate of its peer expires', async (t) => {
  const hand = movedByHand()
  const node = await startMember(t, authority, { ...hand, expiresMs: Date.now() + 10 * HOUR_MS })
  const other = await startMember(t, authority, { expiresMs: hand.clock.nowMs() + HOUR_MS })
  await connect(other, node)
  await hand.clock.advance(HOUR_MS - 1_000)
  t.equal(node.peers().length, 1)
  const both = [nextEvent(node, 'disconnect'), nextEvent(other, 'disconnect')]
  await hand.clock.advance(1_000)
  await Promise.all(both)
  const error = await failure(other.dial(addressOf(node)))
  t.equal(error.data.reason, 'ERR_CERTIFICATE_EXPIRED')
})

/** A node whose list of certificates and revocations a test sets. */
const startJudge = async (t: Test) => {
  const hand = movedByHand()
  const identity = generatePrivateKey(systemRandom)
  const certificate = await authority.issue(identity.publicKey, {
    expiresMs: hand.clock.nowMs() + 10 * HOUR_MS,
  })
  const make = (more: Partial<MembershipInit> = {}) =>
    createMembership(hand, {
      ...{ network: NETWORK, networkKeys: [authority.key.publicKey], certificate },
      ...more,
    })
  const node = await startNode(t, { ...hand, identity, membership: make() })
  return { ...hand, node, make }
}

t.test('a renewed certificate that becomes known keeps its bearer connected', async (t) => {
  const { clock, node, make } = await startJudge(t)
  const identity = generatePrivateKey(systemRandom)
  const issue = (hours: number) =>
    authority.issue(identity.publicKey, { expiresMs: clock.nowMs() + hours * HOUR_MS })
  const other = await startNode(t, {
    identity,
    membership: createMembership(
      { clock: { nowMs: Date.now } },
      { network: NETWORK, networkKeys: [authority.key.publicKey], certificate: await issue(1) },
    ),
  })
  await connect(other, node)
  const renewed = await issue(3)
  node.setMembership(make({ known: (key) => (key === identity.publicKey ? renewed : undefined) }))
  await clock.advance(2 * HOUR_MS)
  t.equal(node.peers().length, 1, 'beyond the end of what it showed')
  t.equal(node.peers()[0]?.certificate, renewed)
  const gone = nextEvent(node, 'disconnect')
  await clock.advance(HOUR_MS)
  await gone
})

t.test('a revoked peer is cut off at once, and told why when it comes back', async (t) => {
  const { node, make } = await startJudge(t)
  const other = await startMember(t, authority, {})
  const third = await startMember(t, authority, {})
  await connect(other, node)
  await connect(third, node)
  const gone = nextEvent(node, 'disconnect')
  const cut = nextEvent(other, 'disconnect')
  const checkRevoked = ({ key }: { key: PublicKey }): void => {
    if (key !== publicKeyFromPeerId(other.peerId)) return
    throw new MeshError('ERR_CERTIFICATE_REVOKED', 'its key was revoked')
  }
  const revoked = new MeshError('ERR_CERTIFICATE_REVOKED', 'its key was revoked')
  const keyRevoked = (key: PublicKey) =>
    key === publicKeyFromPeerId(other.peerId) ? revoked : undefined
  node.setMembership(make({ checkRevoked, keyRevoked }))
  t.equal(node.refusal?.(other.peerId), revoked)
  t.equal(node.refusal?.(third.peerId), undefined)
  t.equal((await gone).id, other.peerId)
  await cut
  t.same(
    node.peers().map(({ id }) => id),
    [third.peerId],
  )
  const error = await failure(other.dial(addressOf(node)))
  t.match(error, { code: 'ERR_PEER_REFUSED', data: { reason: 'ERR_CERTIFICATE_REVOKED' } })
})

t.test('a wall clock that is set back does not end it early', async (t) => {
  const hand = movedByHand()
  const node = await startMember(t, authority, { ...hand, expiresMs: Date.now() + 10 * HOUR_MS })
  const other = await startMember(t, authority, { expiresMs: hand.clock.nowMs() + HOUR_MS })
  await connect(other, node)
  hand.clock.jumpWall(-HOUR_MS)
  await hand.clock.advance(HOUR_MS + 1_000)
  t.equal(node.peers().length, 1)
  const gone = nextEvent(node, 'disconnect')
  await hand.clock.advance(HOUR_MS)
  await gone
})

t.test('a reload ends the connections of those who lose their right, and no others', async (t) => {
  const young = createAuthority()
  const keys = [authority.key.publicKey, young.key.publicKey]
  const identity = generatePrivateKey(systemRandom)
  const certificate = await authority.issue(identity.publicKey)
  const make = (networkKeys: typeof keys) =>
    createMembership({ clock: { nowMs: Date.now } }, { network: NETWORK, networkKeys, certificate })
  const node = await startNode(t, { identity, membership: make(keys) })
  const [before, after] = await Promise.all(
    [authority, young].map(async ({ issue }) => {
      const identity = generatePrivateKey(systemRandom)
      const init = {
        network: NETWORK,
        networkKeys: keys,
        certificate: await issue(identity.publicKey),
      }
      const membership = createMembership({ clock: { nowMs: Date.now } }, init)
      return startNode(t, { identity, membership })
    }),
  )
  if (before === undefined || after === undefined) throw new Error('two nodes')
  await connect(before, node)
  await connect(after, node)
  node.setMembership(make(keys))
  t.equal(node.peers().length, 2)
  const gone = nextEvent(node, 'disconnect')
  node.setMembership(make([young.key.publicKey]))
  t.equal((await gone).id, before.peerId)
  t.equal(node.peers().length, 1)
  t.ok(await speaks(after, node))
})

t.test('a new certificate of our own is shown from the next connection on', async (t) => {
  const identity = generatePrivateKey(systemRandom)
  const networkKeys = [authority.key.publicKey]
  const show = async (name: string) => {
    const certificate = await authority.issue(identity.publicKey, { name })
    return createMembership(
      { clock: { nowMs: Date.now } },
      { network: NETWORK, networkKeys, certificate },
    )
  }
  const node = await startNode(t, { identity, membership: await show('before') })
  node.setMembership(await show('after'))
  const other = await startMember(t, authority, {})
  t.equal((await connect(other, node)).name, 'after')
})

t.test('a peer that comes again replaces the connection that it has lost', async (t) => {
  const hand = movedByHand()
  const node = await startNode(t, hand)
  const identity = generatePrivateKey(systemRandom)
  // The same peer twice: the first one stands for a connection that is dead without our knowing.
  const lost = await startNode(t, { identity })
  await connect(lost, node)
  const stream = await node.open(lost.peerId, ECHO, ECHO_LIMITS)
  await hand.clock.advance(SIMULTANEOUS_DIAL_MS)
  const events: [string, Peer][] = []
  node.events.on('disconnect', (peer) => events.push(['disconnect', peer]))
  node.events.on('connect', (peer) => events.push(['connect', peer]))
  const again = await startNode(t, { identity })
  await again.dial(addressOf(node))
  await until(() => events.length === 2, 'both events')
  t.same(
    events.map(([name, { id }]) => [name, id]),
    [
      ['disconnect', lost.peerId],
      ['connect', lost.peerId],
    ],
  )
  t.ok(stream.signal.aborted, 'what hung on the old one is over')
  t.equal(node.peers().length, 1)
  t.ok(await speaks(again, node))
})

t.test('peers that dial each other at once drop the spare connection', async (t) => {
  const clock = createVirtualClock()
  const a = await startNode(t, { clock })
  const b = await startNode(t, movedByHand())
  const events: string[] = []
  for (const [name, node] of [
    ['a', a],
    ['b', b],
  ] as const) {
    node.events.on('connect', () => events.push(`${name} connect`))
    node.events.on('disconnect', () => events.push(`${name} disconnect`))
  }
  // Whether two connections come of it is chance; they do nearly always.
  await Promise.all([a.dial(addressOf(b)), b.dial(addressOf(a))])
  await until(() => events.length === 2, 'both are connected')
  await until(() => a.peers()[0]?.direction !== b.peers()[0]?.direction, 'they choose the same one')
  t.ok(await speaks(a, b))
  t.ok(await speaks(b, a))
  for (let elapsedMs = 0; elapsedMs < 3 * SIMULTANEOUS_DIAL_MS; elapsedMs += 1_000) {
    await clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await until(() => a.counts().connections === 1, 'the spare one is closed')
  await until(() => b.counts().connections === 1, 'at both ends')
  t.ok(await speaks(a, b))
  t.same(events.toSorted(), ['a connect', 'b connect'], 'and nobody has noticed')
})

t.test('no more connections than allowed, and who comes too late is told so', async (t) => {
  const node = await startNode(t, { maxConnections: 2 })
  const early = [await startNode(t), await startNode(t)]
  for (const each of early) await connect(each, node)
  const late = await startNode(t)
  const error = await failure(late.dial(addressOf(node)))
  t.equal(error.code, 'ERR_PEER_REFUSED')
  t.equal(error.data.reason, 'ERR_LIMIT_EXCEEDED')
  const [first] = early
  if (first === undefined) throw new Error('two')
  await first.hangUp(node.peerId)
  await until(() => node.peers().length === 1, 'one has gone')
  await connect(late, node)
})
