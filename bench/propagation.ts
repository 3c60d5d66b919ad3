/**
 * How soon a small file that one node took in is shown by all others: 30 whole daemons in one
 * process, each with its own database, files, pre-shared key, certificate and sockets on loopback.
 * The baseline is the same sync engine with announcements switched off, on virtual time.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../src/client/index.ts'
import { parseConfig } from '../src/config/index.ts'
import { createDaemon } from '../src/daemon/index.ts'
import {
  encodeSshsig,
  formatPublicKey,
  generatePrivateKey,
  generatePsk,
} from '../src/keys/index.ts'
import { signCertificate, writePrivateKey } from '../src/keys/index.ts'
import { silentLogger } from '../src/observe/index.ts'
import { generateNetworkId, parseFileName, signStatement } from '../src/statement/index.ts'
import { STATEMENT_NAMESPACE } from '../src/statement/index.ts'
import { createEngine } from '../src/sync/sync.ts'
import { systemClock, systemRandom, toBase64, utf8 } from '../src/util/index.ts'
import { createFakeCollection, record } from '../test/support/fake-collection.ts'
import { createMesh, randomPairs } from '../test/support/mesh.ts'
import { median, percentile } from './bench.ts'
import { milliseconds, pause } from './process.ts'
import type { Daemon } from '../src/daemon/index.ts'
import type { PrivateKey } from '../src/keys/index.ts'
import type { NetworkId, SignedStatement } from '../src/statement/index.ts'
import type { Transport } from '../src/transport/index.ts'
import type { Digest, Timestamp } from '../src/util/index.ts'
import type { Benchmark } from './bench.ts'

const NODES = 30
const FILES = 60
const FILE_BYTES = 1024
const BASELINE_ROUNDS = 10
const GOAL_MS = 250
const DEADLINE_MS = 30_000

interface Node {
  readonly directory: string
  readonly daemon: Daemon
  readonly socketPath: string
}

/** Calls back with the name of each file that appears, as a consumer of the directory would see it. */
const watchFiles = (node: Node, onShown: (name: string) => void): (() => void) => {
  const directory = join(node.directory, 'state', 'files')
  mkdirSync(directory, { recursive: true })
  const watcher = watch(directory, (_, name) => {
    if (name !== null && existsSync(join(directory, name))) onShown(name)
  })
  return () => watcher.close()
}

const startNodes = async (directory: string, signer: PrivateKey, network: NetworkId) => {
  const networkKey = generatePrivateKey(systemRandom)
  const names = Array.from({ length: FILES }, (_, index) => `file-${index}`)
  const signerLine = formatPublicKey(signer.publicKey, 'openssh')
  writeFileSync(join(directory, 'psk'), generatePsk(systemRandom), { mode: 0o600 })
  const nodes: Node[] = []
  let bootstrap = ''
  for (let index = 0; index < NODES; index++) {
    const home = join(directory, String(index))
    mkdirSync(home)
    const identity = generatePrivateKey(systemRandom)
    const identityText = writePrivateKey(identity, { format: 'openssh' })
    writeFileSync(join(home, 'identity.key'), identityText, { mode: 0o600 })
    const certificate = await signCertificate(networkKey, {
      network,
      name: `node-${index}`,
      key: identity.publicKey,
      issued: Date.now() as Timestamp,
      expires: (Date.now() + 86_400_000) as Timestamp,
      namespaces: [],
    })
    writeFileSync(join(home, 'node.cert'), certificate)
    const text = [
      `state_dir = "${home}/state"`,
      '[network]',
      `id = "${network}"`,
      `keys = ["${formatPublicKey(networkKey.publicKey, 'openssh')}"]`,
      `psk = "${directory}/psk"`,
      `certificate = "${home}/node.cert"`,
      `identity_key = "${home}/identity.key"`,
      '[cluster]',
      'listen = ["/ip4/127.0.0.1/tcp/0"]',
      `bootstrap_peers = [${bootstrap}]`,
      '[http]',
      'port = 0',
      `socket = "${home}/mesh.sock"`,
      '[files]',
      ...names.map((name) => `"${name}" = ["${signerLine}"]`),
    ].join('\n')
    const daemon = createDaemon({
      config: parseConfig(text, { path: join(home, 'dm.toml') }),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    })
    const addresses = await daemon.start()
    bootstrap ||= `"${addresses.cluster[0]}"`
    nodes.push({ directory: home, daemon, socketPath: addresses.socket })
  }
  return { nodes, names }
}

const signFile = (
  signer: PrivateKey,
  network: NetworkId,
  name: string,
  content: Buffer,
): Promise<SignedStatement> =>
  signStatement(
    {
      network,
      name: parseFileName(name),
      version: 1,
      time: Date.now() as Timestamp,
      expires: 'never',
      replaces: 'none',
      content: {
        digest: createHash('sha256').update(content).digest('hex') as Digest,
        sizeBytes: content.length,
      },
      blocks: 'none',
    },
    [signer],
  )

/** Uploads one file; answers with the time from its acknowledgement until each other node showed it. */
const propagate = async (
  nodes: readonly Node[],
  origin: Node,
  name: string,
  signed: SignedStatement,
  content: Buffer,
): Promise<number[]> => {
  const others = nodes.filter((node) => node !== origin)
  const shownAtMs = new Map<Node, number>()
  const all = Promise.withResolvers<void>()
  const stops = others.map((node) =>
    watchFiles(node, (shown) => {
      if (shown !== name || shownAtMs.has(node)) return
      shownAtMs.set(node, performance.now())
      if (shownAtMs.size === others.length) all.resolve()
    }),
  )
  await createClient({ socketPath: origin.socketPath }).upload(name, {
    statement: toBase64(utf8(signed.text)),
    signatures: signed.signatures.map((entry) =>
      toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
    ),
    sizeBytes: content.length,
    chunks: (async function* () {
      yield content
    })(),
  })
  const acceptedMs = performance.now()
  await Promise.race([all.promise, pause(DEADLINE_MS)])
  for (const stop of stops) stop()
  if (shownAtMs.size < others.length) throw new Error(`${name} did not reach every node`)
  for (const node of others) {
    const shown = readFileSync(join(node.directory, 'state', 'files', name))
    if (!shown.equals(content)) throw new Error(`${name} differs`)
  }
  return [...shownAtMs.values()].map((atMs) => Math.max(0, atMs - acceptedMs))
}

const measure = async (log: (line: string) => void): Promise<number[]> => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-bench-'))
  const signer = generatePrivateKey(systemRandom)
  const network = generateNetworkId(systemRandom)
  try {
    const { nodes, names } = await startNodes(directory, signer, network)
    log(`  ${NODES} daemons are up`)
    // Peers find each other through the first; the overlay comes to rest.
    await pause(8000)
    const times: number[] = []
    for (const [index, name] of names.entries()) {
      const origin = nodes[(index * 7) % nodes.length]
      if (origin === undefined) throw new RangeError('no node')
      const content = randomBytes(FILE_BYTES)
      const signed = await signFile(signer, network, name, content)
      times.push(...(await propagate(nodes, origin, name, signed, content)))
    }
    for (const { daemon } of nodes.toReversed()) await daemon.stop({ deadlineMs: 5000 })
    return times
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A transport on which nobody can announce. */
const withoutAnnouncements = (transport: Transport): Transport => ({
  ...transport,
  handle(protocol, init, handler) {
    if (!protocol.startsWith('/mesh/announce/')) transport.handle(protocol, init, handler)
  },
})

/** Times until each other node has a record, with push-pull alone, on virtual time. */
const measureBaseline = async (): Promise<number[]> => {
  const times: number[] = []
  for (let round = 0; round < BASELINE_ROUNDS; round++) {
    const mesh = await createMesh({
      count: NODES,
      seed: round + 1,
      build(components) {
        const state = createFakeCollection({ names: ['a'] })
        const transport = withoutAnnouncements(components.transport)
        const sync = createEngine({ ...components, transport }, { collections: [state] })
        return { state, sync }
      },
    })
    await mesh.link(randomPairs(NODES, 6, mesh.random))
    await mesh.until(() => false, 5 * 60_000)
    mesh.node(round % NODES).state.publish(record('a', 1))
    const startMs = mesh.clock.monotonicMs()
    const waiting = new Set(mesh.nodes.filter((_, index) => index !== round % NODES))
    await mesh.until(() => {
      for (const node of waiting) {
        if (node.state.current('a') === undefined) continue
        times.push(mesh.clock.monotonicMs() - startMs)
        waiting.delete(node)
      }
      return waiting.size === 0
    }, 60 * 60_000)
    await mesh.stop()
  }
  return times
}

export const benchmark: Benchmark = async (log) => {
  const times = await measure(log)
  const p99Ms = percentile(times, 0.99)
  log(`  median ${median(times).toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms; now the baseline`)
  const baseline = await measureBaseline()
  const meanMs = baseline.reduce((sum, time) => sum + time, 0) / baseline.length
  const baselineP99Ms = percentile(baseline, 0.99)
  return [
    {
      what: `small file taken in by one node → shown by the other ${NODES - 1}, p99 (median ${milliseconds(median(times))})`,
      measured: milliseconds(p99Ms),
      baseline: `push-pull every 30 s alone, p99: ${(baselineP99Ms / 1000).toFixed(0)} s (mean ${(meanMs / 1000).toFixed(0)} s)`,
      ratio: (p99Ms / baselineP99Ms).toFixed(4),
      goal: `≤ ${GOAL_MS} ms`,
      reached: p99Ms <= GOAL_MS,
      data: { p99Ms, medianMs: median(times), baselineP99Ms, baselineMeanMs: meanMs },
    },
  ]
}
