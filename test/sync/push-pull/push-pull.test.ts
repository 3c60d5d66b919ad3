import t from 'tap'
import { ANNOUNCE_PROTOCOL } from '../../../src/sync/announce/overlay.ts'
import { MAX_ROUND_RECORDS } from '../../../src/sync/limits.ts'
import { PUSH_PULL_INIT, PUSH_PULL_PROTOCOL } from '../../../src/sync/push-pull/channel.ts'
import { record } from '../../support/fake-collection.ts'
import { allPairs, createFakeMesh } from '../../support/mesh.ts'
import type { Mesh, MeshNode } from '../../support/mesh.ts'
import type { FakeCollection } from '../../support/fake-collection.ts'

// Run by node and not by the runner, which has its own, a file has 30 s for all of its tests, and whichever
// runs then is told as the one that took too long.
t.setTimeout(60 * 60_000)

/** docs/protocols/push-pull.md. */
const ROUND_TYPE = 1

const namesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `file-${index}`)

const traffic = (mesh: Mesh<unknown>, protocol = PUSH_PULL_PROTOCOL) => ({
  ...(mesh.traffic.get(protocol) ?? { frames: 0, bytes: 0 }),
})

/** Frames and bytes of one more round between two nodes. */
const roundCost = async (mesh: Mesh<FakeCollection>, from = 0, to = 1) => {
  const before = traffic(mesh)
  await mesh.run(mesh.node(from).sync.pushPull(mesh.node(to).peerId))
  const after = traffic(mesh)
  return { frames: after.frames - before.frames, bytes: after.bytes - before.bytes }
}

/** What one frame costs on a socket beside its payload; measured in test/sync/sockets.test.ts. */
const FRAMING_BYTES = 64

const inStep = (...nodes: readonly MeshNode<FakeCollection>[]): boolean =>
  new Set(nodes.map(({ state }) => state.digest())).size === 1

/** Two nodes that were filled before they met, so that nothing is announced. */
const createPair = async (
  fill: (a: FakeCollection, b: FakeCollection) => void,
  init: Parameters<typeof createFakeMesh>[0] = { count: 2 },
) => {
  const mesh = await createFakeMesh({ ...init, count: 2 })
  fill(mesh.node(0).state, mesh.node(1).state)
  await mesh.link([[0, 1]])
  await mesh.clock.advance(10_000)
  return mesh
}

t.test(
  'equal catalogues cost forty bytes, one difference little more than its record',
  async (t) => {
    for (const count of [10, 1000, 100_000]) {
      const names = namesOf(count)
      const mesh = await createPair(
        (a, b) => {
          for (const name of names) {
            a.insert(record(name, 1))
            b.insert(record(name, 1))
          }
        },
        { count: 2, names },
      )
      const cost = await roundCost(mesh)
      t.same(cost, { frames: 2, bytes: 40 }, `${count} entries: one round trip`)
      t.ok(cost.bytes + cost.frames * FRAMING_BYTES <= 200, 'with framing below 200 bytes')
      t.match(mesh.node(0).sync.status().lastPushPull, { equal: true, bytes: 40 })

      // While nobody is there to hear the announcement.
      mesh.network.partition([[mesh.node(0).peerId], [mesh.node(1).peerId]])
      mesh.node(0).state.publish(record('file-0', 2))
      mesh.network.heal()
      await mesh.link([[0, 1]])
      const before = traffic(mesh)
      t.ok(await mesh.until(() => inStep(mesh.node(0), mesh.node(1)), 60_000))
      await mesh.clock.advance(1000)
      const bytes = traffic(mesh).bytes - before.bytes
      t.comment(`${count} entries, one differs: ${bytes} bytes with the record`)
      t.ok(bytes < 1500, `${bytes} bytes`)
      t.same(await roundCost(mesh), { frames: 2, bytes: 40 })
      await mesh.stop()
    }
  },
)

t.test(
  'what was replaced on either side travels once, and its older version not at all',
  async (t) => {
    const names = namesOf(2_000)
    const long = { pad: 'x'.repeat(2_000) }
    const mesh = await createPair(
      (a, b) => {
        for (const [index, name] of names.entries()) {
          a.insert(record(name, index < 50 ? 2 : 1, undefined, long))
          b.insert(record(name, index >= 50 && index < 100 ? 2 : 1, undefined, long))
        }
      },
      { count: 2, names },
    )
    t.ok(inStep(mesh.node(0), mesh.node(1)))
    const { bytes } = traffic(mesh)
    t.comment(`${bytes} bytes for 100 records of 2,100`)
    t.ok(bytes > 200_000 && bytes < 235_000, `${bytes} bytes`)
    await mesh.stop()
  },
)

t.test('a node that was away for ten versions catches up when it is back', async (t) => {
  const mesh = await createFakeMesh({ count: 5 })
  await mesh.link(allPairs(5))
  await mesh.clock.advance(5000)
  const away = mesh.node(4)
  const others = mesh.nodes.slice(0, 4)
  mesh.network.partition([others.map(({ peerId }) => peerId), [away.peerId]])
  for (let version = 1; version <= 10; version++) {
    const content = Buffer.alloc(50_000, version)
    mesh.node(version % 4).state.publish(record('a', version, content), content)
    await mesh.clock.advance(60_000)
  }
  t.equal(away.state.current('a'), undefined)
  mesh.network.heal()
  await mesh.link([[4, 0]])
  const took = await mesh.until(() => away.state.isComplete('a'), 60_000)
  t.comment(`caught up in ${took?.toFixed(0)} ms, content and all`)
  t.ok(took !== undefined && took < 1000)
  t.equal(away.state.current('a')?.version, 10)
  await mesh.stop()
})

t.test('one round goes both ways', async (t) => {
  const names = namesOf(20)
  const mesh = await createPair(
    (a, b) => {
      for (const [index, name] of names.entries()) {
        const content = Buffer.from(`content of ${name}`)
        ;(index < 10 ? a : b).publish(record(name, 1, content), content)
      }
    },
    { count: 2, names },
  )
  t.ok(inStep(mesh.node(0), mesh.node(1)))
  for (const { state } of mesh.nodes) t.ok(names.every((name) => state.isComplete(name)))
  t.equal(mesh.node(0).sync.status().counts.contentFetches, 0)
  t.equal(mesh.node(1).sync.status().counts.contentFetches, 0)
  await mesh.stop()
})

t.test('each side gets what it wants and nothing else', async (t) => {
  const names = (index: number) => (index === 0 ? ['a', 'both', 'x'] : ['b', 'both', 'y'])
  const mesh = await createPair(
    (a, b) => {
      for (const name of ['a', 'both']) a.publish(record(name, 2))
      for (const name of ['b', 'both']) b.publish(record(name, 1))
    },
    { count: 2, names },
  )
  const [a, b] = [mesh.node(0).state, mesh.node(1).state]
  t.equal(b.current('both')?.version, 2)
  t.equal(b.current('a'), undefined)
  t.equal(a.current('b'), undefined)
  t.same(await roundCost(mesh), { frames: 2, bytes: 40 }, 'and then they are in step')
  t.same(await roundCost(mesh, 1, 0), { frames: 2, bytes: 40 }, 'from the other side too')

  a.setNames(['a', 'b', 'both'])
  await mesh.run(mesh.node(0).sync.pushPull(mesh.node(1).peerId))
  t.equal(a.current('b')?.version, 1, 'a reload is told in the next round')
  t.same(await roundCost(mesh), { frames: 2, bytes: 40 })
  t.same(await roundCost(mesh, 1, 0), { frames: 2, bytes: 40 })
  t.same([...mesh.node(0).blamed, ...mesh.node(1).blamed], [])
  await mesh.stop()
})

t.test('lists of names of any length are told once', async (t) => {
  const longName = (index: number): string => `${'long/'.repeat(40)}${index}`
  const many = Array.from({ length: 20_000 }, (_, index) => longName(index))
  const names = (index: number) => (index === 0 ? many : ['a', longName(7)])
  const mesh = await createPair((a) => a.publish(record(longName(7), 1)), { count: 2, names })
  t.equal(mesh.node(1).state.current(longName(7))?.version, 1)
  const { bytes } = traffic(mesh)
  t.ok(bytes > 4_000_000 && bytes < 5_000_000, `${bytes} bytes, the list once`)
  t.same(await roundCost(mesh), { frames: 2, bytes: 40 })
  t.same([...mesh.node(0).blamed, ...mesh.node(1).blamed], [])
  await mesh.stop()
})

t.test('peers without a name in common leave each other alone', async (t) => {
  const names = (index: number) => (index === 0 ? ['a'] : ['b'])
  const mesh = await createPair(() => {}, { count: 2, names })
  const before = traffic(mesh)
  await mesh.clock.advance(10 * 60_000)
  t.same(traffic(mesh), before)
  await mesh.stop()
})

t.test('peers that differ by policy agree to differ', async (t) => {
  const signers = (index: number) => ({ signers: index === 0 ? ['anna', 'new'] : ['anna'] })
  const mesh = await createPair(
    (a, b) => {
      a.publish(record('a', 1, undefined, { signer: 'new' }))
      a.publish(record('b', 1))
      b.publish(record('c', 1))
    },
    { count: 2, collection: signers },
  )
  const [a, b] = [mesh.node(0).state, mesh.node(1).state]
  t.equal(b.current('a'), undefined)
  t.equal(b.current('b')?.version, 1)
  await roundCost(mesh)
  await roundCost(mesh, 1, 0)
  t.notOk(inStep(mesh.node(0), mesh.node(1)))
  t.same(await roundCost(mesh), { frames: 2, bytes: 40 }, 'as cheap as being equal')
  t.same(await roundCost(mesh, 1, 0), { frames: 2, bytes: 40 }, 'from the other side too')

  a.publish(record('b', 2))
  a.publish(record('a', 2, undefined, { signer: 'new' }))
  await mesh.clock.advance(1000)
  await roundCost(mesh)
  await roundCost(mesh, 1, 0)
  t.same(await roundCost(mesh), { frames: 2, bytes: 40 }, 'also when something else changes')
  t.same(await roundCost(mesh, 1, 0), { frames: 2, bytes: 40 })

  b.setSigners(['anna', 'new'])
  const took = await mesh.until(() => inStep(mesh.node(0), mesh.node(1)), 60_000)
  t.ok(took !== undefined, 'a reload reopens the question')
  t.same([...mesh.node(0).blamed, ...mesh.node(1).blamed], [])
  await mesh.stop()
})

t.test('more than fits into one round goes into the next one, which follows at once', async (t) => {
  const count = 2 * MAX_ROUND_RECORDS + 500
  const names = namesOf(count)
  const mesh = await createFakeMesh({ count: 2, names })
  for (const name of names) mesh.node(0).state.publish(record(name, 1))
  await mesh.link([[0, 1]])
  const took = await mesh.until(() => inStep(mesh.node(0), mesh.node(1)), 60_000)
  t.ok(took !== undefined && took < 20_000, `${count} records in ${took?.toFixed(0)} ms`)
  await mesh.stop()
})

t.test('what a newcomer gets in bulk is not announced to everybody again', async (t) => {
  const names = namesOf(3000)
  const mesh = await createFakeMesh({ count: 8, names })
  for (const { state } of mesh.nodes.slice(0, 7)) {
    for (const name of names) state.publish(record(name, 1))
  }
  await mesh.link(allPairs(7))
  await mesh.clock.advance(10_000)
  const before = traffic(mesh, ANNOUNCE_PROTOCOL)
  await mesh.link([0, 1, 2, 3, 4, 5, 6].map((index) => [7, index] as const))
  t.ok(await mesh.until(() => inStep(mesh.node(0), mesh.node(7)), 60_000))
  await mesh.clock.advance(5000)
  const announced = traffic(mesh, ANNOUNCE_PROTOCOL).bytes - before.bytes
  const records = 3000 * 120
  t.ok(announced < records / 2, `${announced} bytes of announcements for ${records} of records`)
  await mesh.stop()
})

t.test('a partition with uploads on both sides heals, whichever link comes back', async (t) => {
  const names = namesOf(50)
  const mesh = await createFakeMesh({ count: 10, names, network: { lossRate: 0.02 } })
  await mesh.link(allPairs(10))
  await mesh.clock.advance(5000)
  const ids = mesh.nodes.map(({ peerId }) => peerId)
  mesh.network.partition([ids.slice(0, 5), ids.slice(5)], { detectMs: 15_000 })
  for (const [index, name] of names.entries()) {
    const content = Buffer.alloc(index * 1000, name)
    // Both sides publish some names; the left one wins where versions differ.
    mesh.node(index % 5).state.publish(record(name, 2, content), content)
    if (index % 3 === 0) mesh.node(5 + (index % 5)).state.publish(record(name, 1))
    await mesh.clock.advance(1000)
  }
  await mesh.clock.advance(20_000)
  t.notOk(inStep(...mesh.nodes))
  mesh.network.heal()
  await mesh.link([[2, 7]])
  const took = await mesh.until(
    () =>
      inStep(...mesh.nodes) &&
      mesh.nodes.every(({ state }) => names.every((name) => state.isComplete(name))),
    10 * 60_000,
  )
  t.comment(`healed over one link in ${took?.toFixed(0)} ms`)
  t.ok(took !== undefined && took < 60_000)
  t.same(
    mesh.nodes.flatMap(({ blamed }) => blamed),
    [],
  )
  await mesh.stop()
})

t.test('without announcements it still gets everywhere, by random partners', async (t) => {
  const mesh = await createFakeMesh({ count: 16 })
  await mesh.link(allPairs(16))
  await mesh.clock.advance(10_000)
  // Announcements break their stream; push-pull streams are opened anew and survive.
  for (const [a, b] of allPairs(16)) {
    mesh.network.setLink(mesh.node(a).peerId, mesh.node(b).peerId, { resetRate: 0.3 })
  }
  mesh.node(3).state.publish(record('a', 1))
  const took = await mesh.until(() => inStep(...mesh.nodes), 20 * 60_000)
  t.ok(took !== undefined, `everywhere after ${took?.toFixed(0)} ms`)
  await mesh.stop()
})

t.test('partners that fall silent do not keep a node from catching up with others', async (t) => {
  const mesh = await createFakeMesh({ count: 2 })
  const [node, friend] = [mesh.node(0), mesh.node(1)]
  friend.state.publish(record('a', 1))
  for (let count = 0; count < 3; count++) {
    const mute = await mesh.stranger(`Mute${count}`)
    mute.handle(PUSH_PULL_PROTOCOL, PUSH_PULL_INIT, (stream) => {
      return new Promise((resolve) => stream.signal.addEventListener('abort', () => resolve()))
    })
    await mesh.run(mute.dial(node.transport.addresses()[0] ?? ''))
  }
  await mesh.clock.advance(5000)
  await mesh.link([[1, 0]])
  const tookMs = await mesh.until(() => node.state.current('a') !== undefined, 60_000)
  t.ok(tookMs !== undefined && tookMs < 1000, `${tookMs?.toFixed(0)} ms`)
  await mesh.stop()
})

t.test('an idle stream that the peer has ended is replaced without a failed round', async (t) => {
  const mesh = await createPair(() => {})
  const [a, b] = [mesh.node(0), mesh.node(1)]
  await b.sync.stop()
  await b.sync.start()
  await mesh.clock.advance(1)
  await mesh.run(a.sync.pushPull(b.peerId))
  t.match(a.sync.status().lastPushPull, { peer: b.peerId, equal: true })
  t.equal(a.sync.status().counts.pushPulls.failed, 0)
  await mesh.stop()
})

t.test('a round with nobody does nothing, one with a stranger fails', async (t) => {
  const mesh = await createFakeMesh({ count: 2 })
  await mesh.node(0).sync.pushPull()
  await t.rejects(mesh.node(0).sync.pushPull(mesh.node(1).peerId), { code: 'ERR_PEER_UNREACHABLE' })
  t.equal(mesh.node(0).sync.status().lastPushPull, undefined)
  t.match(mesh.node(0).sync.status().counts.pushPulls, { equal: 0, differed: 0, failed: 1 })
  await mesh.stop()
})

t.test('both sides count what their rounds came to', async (t) => {
  const mesh = await createPair((a, b) => {
    a.publish(record('a', 2))
    b.publish(record('a', 1))
  })
  const [a, b] = mesh.nodes.map(({ sync }) => sync.status().counts.pushPulls)
  for (const counts of [a, b]) {
    t.match(counts, { differed: 1, failed: 0 })
    t.ok((counts?.differences ?? 0) >= 1)
  }
  t.equal(a?.sentBytes, b?.receivedBytes)
  t.equal(a?.receivedBytes, b?.sentBytes)
  t.ok((a?.sentBytes ?? 0) > 0)
  await mesh.stop()
})

t.test(
  'partners are drawn at random among those that share a name, at jittered times',
  async (t) => {
    const began: { to: string; atMs: number }[] = []
    let nowMs = (): number => 0
    let from: string | undefined
    const mesh = await createFakeMesh({
      count: 5,
      names: (index) => (index === 4 ? ['other'] : ['a']),
      network: {
        onFrame(frame, bytes) {
          const isRound = frame.protocol === PUSH_PULL_PROTOCOL && bytes[0] === ROUND_TYPE
          if (isRound && frame.from === from) began.push({ to: frame.to, atMs: nowMs() })
        },
      },
    })
    await mesh.link([1, 2, 3, 4].map((index) => [0, index] as const))
    await mesh.clock.advance(5 * 60_000)
    nowMs = mesh.clock.monotonicMs
    from = mesh.node(0).peerId
    await mesh.clock.advance(3 * 60 * 60_000)
    const counts = [1, 2, 3, 4].map(
      (index) => began.filter(({ to }) => to === mesh.node(index).peerId).length,
    )
    t.ok(
      counts.slice(0, 3).every((count) => count > 80),
      `${counts} rounds`,
    )
    t.equal(counts[3], 0, 'none with the one that shares nothing')
    const runs = began.filter(({ to }, at) => to !== began[at - 1]?.to).length
    t.ok(runs > began.length / 2 && runs < (5 / 6) * began.length, 'and not in turns')
    const gaps = began.slice(1).map(({ atMs }, at) => atMs - (began[at]?.atMs ?? 0))
    const [least, most] = [Math.min(...gaps), Math.max(...gaps)]
    t.ok(
      least > 23_000 && least < 26_000 && most > 34_000 && most < 37_000,
      `${least} to ${most} ms`,
    )
    await mesh.stop()
  },
)

t.test('the larger the mesh is known to be, the rarer are rounds', async (t) => {
  for (const [meshSize, stretch] of [
    [2, 1],
    [32, 1],
    [33, 2],
    [64, 2],
    [1_000, 6],
  ] as const) {
    const mesh = await createFakeMesh({ count: 2, engine: { meshSize: () => meshSize } })
    await mesh.link([[0, 1]])
    await mesh.clock.advance(10 * 60_000)
    const rounds = (): number => {
      const { equal, differed, failed } = mesh.node(0).sync.status().counts.pushPulls
      return equal + differed + failed
    }
    const before = rounds()
    await mesh.clock.advance(10 * 60 * 60_000)
    // Both nodes begin one every 30 s, stretched.
    const expected = (2 * 10 * 60 * 60) / (30 * stretch)
    const ratio = (rounds() - before) / expected
    t.ok(ratio > 0.93 && ratio < 1.07, `${meshSize} nodes: ${ratio.toFixed(3)} of ${expected}`)
    await mesh.stop()
  }
})

t.test('at rest each node costs the same, however many nodes and entries there are', async (t) => {
  const perNode: number[] = []
  for (const [count, entries] of [
    [5, 10],
    [20, 10],
    [20, 1000],
  ] as const) {
    const names = namesOf(entries)
    const mesh = await createFakeMesh({ count, names })
    for (const { state } of mesh.nodes) for (const name of names) state.insert(record(name, 1))
    await mesh.link(allPairs(count))
    await mesh.clock.advance(5 * 60_000)
    const total = (): number =>
      [...mesh.traffic.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    const before = total()
    await mesh.clock.advance(60 * 60_000)
    perNode.push(Math.round((total() - before) / count))
    await mesh.stop()
  }
  t.comment(`bytes of frames per node and hour at rest: ${perNode.join(', ')}`)
  // 120 rounds an hour of 40 bytes, half of which each side sends.
  for (const bytes of perNode) t.ok(bytes > 4300 && bytes < 5300, `${bytes} bytes an hour`)
})
