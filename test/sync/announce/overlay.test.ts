import t from 'tap'
import { decodeAnnounce, encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { rankPeers } from '../../../src/sync/announce/rank.ts'
import { HELLO_TIMEOUT_MS, TARGET_NEIGHBOURS } from '../../../src/sync/limits.ts'
import { allPairs, createFakeMesh, randomPairs } from '../../support/mesh.ts'
import { createSeededRandom } from '../../support/random.ts'
import type { PeerId } from '../../../src/keys/index.ts'
import type { Mesh } from '../../support/mesh.ts'

const linksOf = (mesh: Mesh<unknown>): Map<PeerId, readonly PeerId[]> =>
  new Map(mesh.nodes.map(({ peerId, sync }) => [peerId, sync.status().neighbours]))

const isMutual = (links: ReadonlyMap<PeerId, readonly PeerId[]>): boolean =>
  [...links].every(([peer, others]) =>
    others.every((other) => links.get(other)?.includes(peer) === true),
  )

const reached = (links: ReadonlyMap<PeerId, readonly PeerId[]>): number => {
  const [first] = links.keys()
  const seen = new Set(first === undefined ? [] : [first])
  for (const peer of seen) for (const other of links.get(peer) ?? []) seen.add(other)
  return seen.size
}

t.test('thirty nodes make one mutual, connected overlay of their best ranks', async (t) => {
  for (const seed of [1, 2, 3]) {
    const mesh = await createFakeMesh({ count: 30, seed })
    await mesh.link(mesh.random.shuffle(allPairs(30)))
    // Who was refused in the rush of the beginning asks again after a minute.
    await mesh.clock.advance(2 * 60_000)
    const links = linksOf(mesh)
    t.ok(isMutual(links), 'what one uses, the other uses')
    t.equal(reached(links), 30, 'everybody is reached')
    for (const [peer, others] of links) {
      const best = rankPeers(
        peer,
        [...links.keys()].filter((other) => other !== peer),
      )
      t.same(
        best.slice(0, TARGET_NEIGHBOURS).filter((other) => !others.includes(other)),
        [],
        'the best ranked are neighbours',
      )
      t.ok(others.length <= 20)
    }
    await mesh.stop()
  }
})

t.test('a sparsely connected mesh has a connected overlay too', async (t) => {
  const count = 100
  const mesh = await createFakeMesh({ count })
  await mesh.link(randomPairs(count, 8, createSeededRandom('sparse')))
  await mesh.clock.advance(5000)
  const links = linksOf(mesh)
  t.ok(isMutual(links))
  t.equal(reached(links), count)
  await mesh.stop()
})

t.test('one more node changes the links of a few and no more', async (t) => {
  const mesh = await createFakeMesh({ count: 31 })
  await mesh.link(allPairs(30))
  await mesh.clock.advance(5000)
  const before = linksOf(mesh)
  await mesh.link(Array.from({ length: 30 }, (_, index) => [30, index] as const))
  await mesh.clock.advance(5000)
  const after = linksOf(mesh)
  let gone = 0
  for (const [peer, others] of before) {
    gone += others.filter((other) => after.get(peer)?.includes(other) !== true).length
  }
  t.ok(gone <= 12, `${gone / 2} of the old links are gone`)
  t.ok((after.get(mesh.node(30).peerId)?.length ?? 0) >= TARGET_NEIGHBOURS)
  const settled = linksOf(mesh)
  await mesh.clock.advance(10 * 60_000)
  t.same(linksOf(mesh), settled, 'and then nothing changes any more')
  await mesh.stop()
})

t.test('a neighbour that leaves is replaced', async (t) => {
  const mesh = await createFakeMesh({ count: 20 })
  await mesh.link(allPairs(20))
  await mesh.clock.advance(5000)
  const [lost] = mesh.node(0).sync.status().neighbours
  const node = mesh.nodes.find(({ peerId }) => peerId === lost)
  await node?.transport.stop()
  await mesh.clock.advance(1000)
  const { neighbours } = mesh.node(0).sync.status()
  t.notOk(neighbours.includes(lost ?? mesh.node(0).peerId))
  t.ok(neighbours.length >= TARGET_NEIGHBOURS)
  await mesh.stop()
})

t.test('a node has room for so many that pick it; the others look elsewhere', async (t) => {
  const leaves = 40
  const mesh = await createFakeMesh({ count: leaves + 1 })
  const hub = mesh.node(0)
  await mesh.link(Array.from({ length: leaves }, (_, index) => [index + 1, 0] as const))
  await mesh.clock.advance(5000)
  const { length } = hub.sync.status().neighbours
  t.ok(length >= 12 && length <= 20, `${length} neighbours`)
  const before = mesh.traffic.get(ANNOUNCE_PROTOCOL)?.frames ?? 0
  await mesh.clock.advance(55_000)
  t.equal(mesh.traffic.get(ANNOUNCE_PROTOCOL)?.frames, before, 'nobody asks again at once')
  await mesh.clock.advance(60_000)
  const asked = (mesh.traffic.get(ANNOUNCE_PROTOCOL)?.frames ?? 0) - before
  t.ok(asked > 0 && asked <= 2 * leaves, `but once a minute: ${asked} frames`)
  await mesh.stop()
})

t.test('two that pick each other at the same moment end with one link', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const mesh = await createFakeMesh({ count: 2, seed, network: { jitterMs: 0 } })
    await mesh.link([[0, 1]])
    await mesh.clock.advance(3000)
    t.same(mesh.node(0).sync.status().neighbours, [mesh.node(1).peerId])
    t.same(mesh.node(1).sync.status().neighbours, [mesh.node(0).peerId])
    const { frames } = mesh.traffic.get(ANNOUNCE_PROTOCOL) ?? { frames: 0 }
    t.equal(frames, 4, 'two hellos, a welcome, and that they are joined')
    await mesh.stop()
  }
})

t.test('a broken link comes back', async (t) => {
  const mesh = await createFakeMesh({ count: 2 })
  const [a, b] = [mesh.node(0), mesh.node(1)]
  await mesh.link([[0, 1]])
  await mesh.clock.advance(1000)
  mesh.network.setLink(a.peerId, b.peerId, { resetRate: 1 })
  a.state.publish({ name: 'a', version: 1, signature: 'good', signer: 'anna', network: 'test' })
  await mesh.clock.advance(100)
  t.same(a.sync.status().neighbours, [])
  mesh.network.setLink(a.peerId, b.peerId, { resetRate: 0 })
  t.ok(await mesh.until(() => a.sync.status().neighbours.length === 1, 5000))
  const tookMs = await mesh.until(() => b.state.current('a') !== undefined, 60_000)
  t.ok(tookMs !== undefined && tookMs < 500, `what was lost with it comes in ${tookMs} ms`)
  await mesh.stop()
})

t.test('stopping takes no time and leaves no link; starting again brings them back', async (t) => {
  const mesh = await createFakeMesh({ count: 5 })
  await mesh.link(allPairs(5))
  await mesh.clock.advance(5000)
  const node = mesh.node(0)
  await node.sync.stop()
  await node.sync.stop()
  t.same(node.sync.status().neighbours, [])
  await mesh.clock.advance(1000)
  for (const other of mesh.nodes.slice(1)) {
    t.notOk(other.sync.status().neighbours.includes(node.peerId))
  }
  await node.sync.start()
  await node.sync.start()
  // The others had tried in vain and wait a little before they try again; this node need not.
  await mesh.clock.advance(5000)
  t.equal(node.sync.status().neighbours.length, 4)
  await mesh.stop()
})

t.test('stopping does not wait for an answer to hello, and takes none', async (t) => {
  for (const waitMs of [0, 8, 12, 16, 20, 25, 30, 40, 60]) {
    const mesh = await createFakeMesh({ count: 1, network: { jitterMs: 0 } })
    const node = mesh.node(0)
    const friend = await mesh.stranger('Friend')
    let welcomed = false
    friend.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
      await stream.receive()
      await stream.send(encodeAnnounce({ type: 'welcome' }))
      welcomed = true
      await stream.receive().catch(() => undefined)
    })
    await mesh.run(friend.dial(node.transport.addresses()[0] ?? ''))
    await mesh.clock.advance(waitMs)
    const atMs = mesh.clock.monotonicMs()
    await node.sync.stop()
    t.equal(mesh.clock.monotonicMs(), atMs, `stopped ${waitMs} ms after connecting`)
    await mesh.clock.advance(1000)
    t.same(node.sync.status().neighbours, [], `welcomed: ${welcomed}`)
    await mesh.node(0).transport.stop()
  }
})

t.test('what is no hello, or no announcement, is blamed and costs the stream', async (t) => {
  const cases: [string, Uint8Array[]][] = [
    ['garbage', [Buffer.from('garbage')]],
    ['an empty frame', [new Uint8Array()]],
    ['no hello', [encodeAnnounce({ type: 'welcome' })]],
    ['items before hello', [encodeAnnounce({ type: 'items', collection: 'files', items: [] })]],
    ['two hellos', [encodeAnnounce({ type: 'hello' }), encodeAnnounce({ type: 'hello' })]],
    ['garbage after hello', [encodeAnnounce({ type: 'hello' }), Buffer.from([4, 5, 6])]],
    [
      'a record that is none',
      [
        encodeAnnounce({ type: 'hello' }),
        encodeAnnounce({
          type: 'items',
          collection: 'files',
          items: [{ holds: false, record: Buffer.from('nonsense') }],
        }),
      ],
    ],
  ]
  for (const [title, frames] of cases) {
    const mesh = await createFakeMesh({ count: 1 })
    const node = mesh.node(0)
    const hostile = await mesh.stranger('Mallory')
    hostile.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
      await stream.receive()
      await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
    })
    await mesh.run(hostile.dial(node.transport.addresses()[0] ?? ''))
    await mesh.clock.advance(200)
    const stream = await mesh.run(hostile.open(node.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT))
    for (const frame of frames) await stream.send(frame)
    t.ok(await mesh.until(() => stream.signal.aborted, 60_000), title)
    t.same(node.blamed, [`${hostile.peerId} ERR_PROTOCOL_MALFORMED`], title)
    t.same(node.sync.status().neighbours, [])
    await mesh.stop()
  }
})

t.test('who opens a stream and says nothing on it loses it', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  t.teardown(() => mesh.stop())
  const node = mesh.node(0)
  const silent = await mesh.stranger('Silent')
  await mesh.run(silent.dial(node.transport.addresses()[0] ?? ''))
  const stream = await mesh.run(silent.open(node.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT))
  const tookMs = await mesh.until(() => stream.signal.aborted, 2 * HELLO_TIMEOUT_MS)
  t.ok((tookMs ?? 0) >= HELLO_TIMEOUT_MS - 100, `after ${tookMs} ms`)
  t.same(node.blamed, [], 'it is slow, not hostile')
})

t.test('a peer that answers hello with nonsense or never is left alone for a while', async (t) => {
  const answers: [string, Uint8Array | undefined, string[]][] = [
    ['nonsense', Buffer.from([9, 9]), ['ERR_PROTOCOL_MALFORMED']],
    ['hello', encodeAnnounce({ type: 'hello' }), ['ERR_PROTOCOL_MALFORMED']],
    ['silence', undefined, []],
  ]
  for (const [title, answer, codes] of answers) {
    const mesh = await createFakeMesh({ count: 1 })
    const node = mesh.node(0)
    const strange = await mesh.stranger('Mute')
    let asked = 0
    strange.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
      asked++
      if (answer !== undefined) await stream.send(answer)
      await mesh.clock.settle()
      await new Promise((resolve) => stream.signal.addEventListener('abort', resolve))
    })
    await mesh.run(strange.dial(node.transport.addresses()[0] ?? ''))
    await mesh.clock.advance(11_000)
    t.equal(asked, answer === undefined ? 1 : asked, title)
    t.ok(asked <= 4, `${title}: asked ${asked} times`)
    t.same([...new Set(node.blamed.map((each) => each.split(' ')[1]))], codes, title)
    t.same(node.sync.status().neighbours, [])
    await mesh.stop()
  }
})

t.test('hello and its answers are what the documents say', async (t) => {
  const mesh = await createFakeMesh({ count: 1 })
  const node = mesh.node(0)
  const friend = await mesh.stranger('Friend')
  await mesh.run(friend.dial(node.transport.addresses()[0] ?? ''))
  await mesh.clock.advance(200)
  const stream = await mesh.run(friend.open(node.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT))
  await stream.send(encodeAnnounce({ type: 'hello' }))
  const frame = await mesh.run(stream.receive())
  t.same(decodeAnnounce(frame ?? new Uint8Array()), { type: 'welcome' })
  t.same(node.sync.status().neighbours, [friend.peerId])
  await stream.close()
  t.equal(await mesh.run(stream.receive()), undefined, 'an orderly end is answered by one')
  t.same(node.sync.status().neighbours, [])
  t.same(node.blamed, [])
  await mesh.stop()
})
