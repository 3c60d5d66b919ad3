/** Sync over real files: what the mesh as a whole promises. */
import t from 'tap'
import { parseFileName } from '../../src/statement/index.ts'
import { compareBytes, sha256 } from '../../src/util/index.ts'
import { createFilesMesh, policyOf, readShown, shownAt } from '../support/files-mesh.ts'
import { signers, upload } from '../support/files-mesh.ts'
import { record } from '../support/fake-collection.ts'
import { allPairs, createFakeMesh, randomPairs } from '../support/mesh.ts'
import { createSeededRandom } from '../support/random.ts'
import type { FilesState } from '../support/files-mesh.ts'
import type { Mesh, MeshNode } from '../support/mesh.ts'

const names = Array.from({ length: 12 }, (_, index) => `etc/file-${index}`)
const policies = names.map((name) => policyOf(name))

const digests = (nodes: readonly MeshNode<FilesState>[]): Set<string> =>
  new Set(nodes.map(({ state }) => state.files.digest()))

const showsSame = (nodes: readonly MeshNode<FilesState>[], among = names): boolean =>
  among.every((name) => new Set(nodes.map((node) => shownAt(node, name))).size === 1) &&
  nodes.every(({ state }) => state.files.counts().missing === 0)

const isSettled = (nodes: readonly MeshNode<FilesState>[], among = names): boolean =>
  digests(nodes).size === 1 && showsSame(nodes, among)

const noBlame = (nodes: readonly MeshNode<FilesState>[]): string[] =>
  nodes.flatMap(({ blamed }) => blamed)

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN

t.test('an upload is shown by thirty nodes, small ones at once, large ones soon', async (t) => {
  for (const [label, sizeBytes, limitMs] of [
    ['100 B', 100, 60],
    ['1 MB', 1_000_000, 800],
  ] as const) {
    const tookMs: number[] = []
    for (let seed = 1; seed <= 5; seed++) {
      const mesh = await createFilesMesh({ count: 30, seed, policies })
      await mesh.link(mesh.random.shuffle(allPairs(30)))
      await mesh.clock.advance(5000)
      const shown = new Map<unknown, number>()
      let startMs = 0
      for (const node of mesh.nodes) {
        node.state.files.events.on('change', ({ name }) => {
          if (shownAt(node, name).startsWith('1 ')) {
            shown.set(node, mesh.clock.monotonicMs() - startMs)
          }
        })
      }
      startMs = mesh.clock.monotonicMs()
      const content = Buffer.alloc(sizeBytes, seed)
      await upload(mesh, mesh.random.pick(mesh.nodes), { name: 'etc/file-0', content })
      t.ok((await mesh.until(() => shown.size === 30, 60_000)) !== undefined)
      tookMs.push(...shown.values())
      t.same(noBlame(mesh.nodes), [])
      await mesh.stop()
    }
    const [p50, p99] = [percentile(tookMs, 0.5), percentile(tookMs, 0.99)]
    t.comment(`${label}, links of 5 to 15 ms: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`)
    t.ok(p99 < limitMs)
  }
})

t.test('two of a hundred nodes share a file over lossy links within two seconds', async (t) => {
  const tookMs: number[] = []
  for (let seed = 1; seed <= 5; seed++) {
    const wants = new Set([7, 71])
    const mesh = await createFilesMesh({
      count: 100,
      seed,
      network: { lossRate: 0.1 },
      policies: (index) => [policyOf('common'), ...(wants.has(index) ? [policyOf('rare')] : [])],
    })
    await mesh.link(randomPairs(100, 12, createSeededRandom(`pairs ${seed}`)))
    await mesh.clock.advance(20_000)
    await upload(mesh, mesh.node(7), { name: 'rare', content: Buffer.alloc(5000, 'rare') })
    const took = await mesh.until(() => shownAt(mesh.node(71), 'rare').startsWith('1 '), 60_000)
    t.ok(took !== undefined && took < 2000, `${took?.toFixed(0)} ms`)
    tookMs.push(took ?? Number.NaN)
    t.equal(mesh.nodes.filter(({ state }) => state.files.counts().shown > 0).length, 2)
    t.same(noBlame(mesh.nodes), [])
    await mesh.stop()
  }
  t.comment(`100 nodes, 10 % loss: ${tookMs.map((ms) => ms.toFixed(0)).join(', ')} ms`)
})

t.test('partition, loss and uploads on both sides end with equal digests', async (t) => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = createSeededRandom(`heal ${seed}`)
    const count = 8
    const mesh = await createFilesMesh({
      count,
      seed,
      policies,
      network: { lossRate: 0.05, resetRate: 0.002 },
    })
    await mesh.link(randomPairs(count, 4, random))
    await mesh.clock.advance(5000)
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const versions = new Map<string, number>()
    for (let phase = 0; phase < 3; phase++) {
      const cut = 1 + random.below(count - 1)
      const shuffled = random.shuffle(ids)
      mesh.network.partition([shuffled.slice(0, cut), shuffled.slice(cut)], {
        detectMs: random.below(2) === 0 ? 15_000 : 0,
      })
      for (let each = 0; each < 12; each++) {
        const name = random.pick(names)
        const version = (versions.get(name) ?? 0) + random.below(2)
        versions.set(name, Math.max(version, 1))
        const content =
          random.below(6) === 0 ? null : Buffer.alloc(random.below(60_000), `${each} ${phase}`)
        await upload(mesh, random.pick(mesh.nodes), {
          name,
          version: Math.max(version, 1),
          content,
          by: [random.below(2) === 0 ? 'anna' : 'bert'],
          timeMs: Date.UTC(2025, 0, 1) + random.below(1_000_000),
        })
        await mesh.clock.advance(random.below(5000))
      }
      mesh.network.heal()
      await mesh.link(randomPairs(count, 4, random))
      await mesh.clock.advance(random.below(10_000))
    }
    const took = await mesh.until(() => isSettled(mesh.nodes), 10 * 60_000)
    t.ok(took !== undefined, `seed ${seed}: in step after ${took?.toFixed(0)} ms`)
    for (const name of names) {
      const contents = await Promise.all(mesh.nodes.map((node) => readShown(node, name)))
      const [first] = contents
      t.ok(
        contents.every((each) =>
          each === undefined || first === undefined
            ? each === first
            : compareBytes(each, first) === 0,
        ),
        name,
      )
    }
    t.same(noBlame(mesh.nodes), [], 'and nobody was blamed')
    await mesh.stop()
  }
})

t.test('a node that was away for ten versions catches up in one exchange', async (t) => {
  const mesh = await createFilesMesh({ count: 4, policies })
  await mesh.link(allPairs(4))
  await mesh.clock.advance(5000)
  const [away, ...others] = mesh.nodes.toReversed()
  if (away === undefined) throw new Error('there are four')
  mesh.network.partition([others.map(({ peerId }) => peerId), [away.peerId]])
  let content = Buffer.alloc(0)
  for (let version = 1; version <= 10; version++) {
    content = Buffer.alloc(300_000, version)
    await upload(mesh, mesh.node(version % 3), { name: 'etc/file-3', version, content })
    await upload(mesh, mesh.node(version % 3), {
      name: 'etc/file-4',
      version,
      content: version === 10 ? null : content,
    })
    await mesh.clock.advance(60_000)
  }
  mesh.network.heal()
  await mesh.link([[3, 1]])
  const took = await mesh.until(() => isSettled(mesh.nodes), 60_000)
  t.comment(`ten versions of 300 kB behind: shown after ${took?.toFixed(0)} ms`)
  t.ok(took !== undefined && took < 2000)
  t.equal(shownAt(away, 'etc/file-3'), `10 ${sha256(content)}`)
  t.equal(shownAt(away, 'etc/file-4'), 'deleted')
  t.equal(away.sync.status().counts.contentFetches, 1, 'only what is shown was fetched')
  await mesh.stop()
})

t.test('further signatures on a statement reach everybody', async (t) => {
  const mesh = await createFilesMesh({ count: 5, policies })
  await mesh.link(allPairs(5))
  await mesh.clock.advance(5000)
  const content = Buffer.from('signed by both')
  await upload(mesh, mesh.node(0), { name: 'etc/file-0', content, by: ['anna'] })
  await mesh.clock.advance(1000)
  await upload(mesh, mesh.node(3), { name: 'etc/file-0', content, by: ['bert'] })
  const bySigners = ({ state }: MeshNode<FilesState>): number =>
    state.files.view(parseFileName('etc/file-0'))?.winner?.signed.signatures.length ?? 0
  t.ok(
    (await mesh.until(() => mesh.nodes.every((node) => bySigners(node) === 2), 2000)) !== undefined,
  )
  t.equal(digests(mesh.nodes).size, 1)
  await mesh.stop()
})

t.test('half of the nodes with a newer configuration: each half is right at once', async (t) => {
  const both = [signers.anna.publicKey, signers.bert.publicKey]
  const onlyBert = [signers.bert.publicKey]
  const configure = (index: number, reloaded: boolean) =>
    names.map((name) => policyOf(name, index % 2 === 1 || reloaded ? both : onlyBert))
  const mesh = await createFilesMesh({
    count: 10,
    policies: (index) => configure(index, false),
  })
  await mesh.link(allPairs(10))
  await mesh.clock.advance(5000)
  await upload(mesh, mesh.node(0), { name: 'etc/file-1', content: Buffer.from('1'), by: ['bert'] })
  await upload(mesh, mesh.node(1), { name: 'etc/file-2', content: Buffer.from('2'), by: ['anna'] })
  const newer = mesh.nodes.filter((_, index) => index % 2 === 1)
  const older = mesh.nodes.filter((_, index) => index % 2 === 0)
  t.ok((await mesh.until(() => isSettled(newer), 1000)) !== undefined)
  await mesh.clock.advance(5 * 60_000)
  t.ok(older.every((node) => shownAt(node, 'etc/file-1').startsWith('1 ')))
  t.ok(older.every((node) => shownAt(node, 'etc/file-2') === 'none'))
  t.same(noBlame(mesh.nodes), [], 'honest disagreement is nobody’s fault')

  const traffic = (): number =>
    [...mesh.traffic.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  const before = traffic()
  await mesh.clock.advance(60 * 60_000)
  const perNode = Math.round((traffic() - before) / 10)
  t.ok(perNode < 6000, `at rest it costs no more than agreeing does: ${perNode} bytes an hour`)

  for (const [index, node] of mesh.nodes.entries()) {
    await mesh.run(node.state.files.reload(configure(index, true)))
  }
  const took = await mesh.until(() => isSettled(mesh.nodes), 5 * 60_000)
  t.ok(took !== undefined, `after the reload all agree, in ${took?.toFixed(0)} ms`)
  await mesh.stop()
})

t.test('a name that is configured later is fetched from those who have it', async (t) => {
  const mesh = await createFilesMesh({
    count: 4,
    policies: (index) => (index === 3 ? [] : policies),
  })
  await mesh.link(allPairs(4))
  await mesh.clock.advance(5000)
  const content = Buffer.alloc(100_000, 'later')
  await upload(mesh, mesh.node(0), { name: 'etc/file-5', content })
  await mesh.clock.advance(60_000)
  await mesh.run(mesh.node(3).state.files.reload(policies))
  const took = await mesh.until(() => isSettled(mesh.nodes), 2 * 60_000)
  t.ok(took !== undefined, `in ${took?.toFixed(0)} ms`)
  t.same(await readShown(mesh.node(3), 'etc/file-5'), content)
  await mesh.stop()
})

t.test(
  'stopping takes no time at any moment, and loses nothing that a new start would not find',
  async (t) => {
    for (let seed = 1; seed <= 12; seed++) {
      const mesh = await createFilesMesh({
        count: 6,
        seed,
        policies,
        network: { lossRate: 0.1, resetRate: 0.02 },
      })
      void mesh.link(allPairs(6))
      await mesh.clock.advance(mesh.random.below(60))
      for (const [index, name] of names.entries()) {
        const content = Buffer.alloc(mesh.random.below(300_000), name)
        await upload(mesh, mesh.node(index % 6), { name, content })
        await mesh.clock.advance(mesh.random.below(20))
      }
      await mesh.clock.advance(mesh.random.below(300))
      let stopped = 0
      for (const { sync } of mesh.nodes) void sync.stop().then(() => stopped++)
      await mesh.clock.settle()
      await mesh.clock.settle()
      t.equal(stopped, 6, `seed ${seed}: at ${mesh.clock.monotonicMs().toFixed(0)} ms`)
      for (const { sync } of mesh.nodes) await sync.start()
      const took = await mesh.until(() => isSettled(mesh.nodes), 10 * 60_000)
      t.ok(took !== undefined, `and in step again after ${took?.toFixed(0)} ms`)
      await mesh.stop()
    }
  },
)

t.test('one seed, one trace, with real files too', async (t) => {
  const run = async (seed: number): Promise<unknown[]> => {
    const trace: unknown[] = []
    let mesh: Mesh<FilesState> | undefined
    mesh = await createFilesMesh({
      count: 8,
      seed,
      policies,
      network: {
        lossRate: 0.05,
        onFrame: (frame) => trace.push([mesh?.clock.monotonicMs(), frame]),
      },
    })
    await mesh.link(mesh.random.shuffle(allPairs(8)))
    await mesh.clock.advance(2000)
    for (const [index, name] of names.slice(0, 4).entries()) {
      const content = Buffer.alloc(index * 30_000, name)
      await upload(mesh, mesh.random.pick(mesh.nodes), { name, content })
      await mesh.clock.advance(10)
    }
    await mesh.clock.advance(60_000)
    await mesh.stop()
    return trace
  }
  const first = await run(3)
  t.ok(first.length > 300)
  t.same(await run(3), first)
  t.notSame(await run(4), first)
})

t.test('catches up with every peer at once when it is told to want more', async (t) => {
  const mesh = await createFakeMesh({
    count: 8,
    names: (index) => (index < 2 ? ['a', 'b'] : ['a']),
  })
  await mesh.link(allPairs(8))
  mesh.node(0).state.publish(record('b', 1))
  await mesh.until(() => false, 5 * 60_000)
  t.ok(mesh.node(1).state.current('b'))
  const late = mesh.node(7)
  late.state.setNames(['a', 'b'])
  late.sync.catchUp()
  const tookMs = await mesh.until(() => late.state.current('b') !== undefined)
  t.ok(tookMs !== undefined && tookMs < 3_000, `after ${tookMs} ms`)
  await mesh.stop()
})
