/**
 * A mesh of real daemon processes on loopback: keys, certificates, a pre-shared key and configuration
 * in a directory of its own, on ports that the system chooses. Everything is bounded in time, and
 * whatever happens no process outlives the test.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  encodeSshsig,
  formatPublicKey,
  generatePrivateKey,
  generatePsk,
  peerIdFromPublicKey,
  signCertificate,
  writePrivateKey,
} from '../../src/keys/index.ts'
import {
  generateNetworkId,
  parseFileName,
  signStatement,
  STATEMENT_NAMESPACE,
} from '../../src/statement/index.ts'
import { sha256, systemRandom, toBase64, utf8 } from '../../src/util/index.ts'
import type { PeerId, PrivateKey } from '../../src/keys/index.ts'
import type { NetworkId, SignedStatement, Statement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Machine } from '../support/namespaces.ts'

/** A start takes under a second; beside many other tests it was seen to take over a minute. */
const START_TIMEOUT_MS = 240_000
const STOP_TIMEOUT_MS = 15_000
/** How long a port of a node may be somebody else's. */
const PORT_TIMEOUT_MS = 60_000
const defaultEntry = join(import.meta.dirname, 'daemon-main.ts')

/** One line of a daemon's log. */
export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly component?: string
  readonly [field: string]: unknown
}

export interface ClusterNode {
  readonly name: string
  readonly peerId: PeerId
  readonly directory: string
  readonly stateDir: string
  readonly configPath: string
  /** Of the HTTP API; stays the same over restarts. */
  readonly url: string
  readonly socketPath: string
  /** Multiaddr with peer id. */
  readonly address: string
  /** Of the running process. */
  readonly pid: number
  /** Path of a shown file. */
  file(name: string): string
  /** Content of a shown file, if it is shown. */
  read(name: string): string | undefined
  readBytes(name: string): Buffer | undefined
  /** All log lines of all its processes so far. */
  readonly log: readonly LogLine[]
  /** Resolves with the first line from now on, or before, that fits. */
  logged(fits: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>
  start(): Promise<void>
  /** Ends it in good order; answers its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Ends it as a crash would, and answers whether it was running. */
  kill(): Promise<boolean>
  signal(signal: NodeJS.Signals): void
}

export interface Cluster {
  readonly directory: string
  readonly networkId: NetworkId
  readonly networkKey: PrivateKey
  /** May sign every file. */
  readonly signer: PrivateKey
  /** Its OpenSSH file, with `.pub` beside it. */
  readonly signerPath: string
  readonly nodes: readonly [ClusterNode, ClusterNode, ClusterNode, ...ClusterNode[]]
  stop(): Promise<void>
}

export interface ClusterInit {
  /** @default 3 */
  readonly count?: number
  /** Of the nodes. @default node-0, node-1 and so on */
  readonly names?: readonly string[]
  /** Names that every node wants. @default ['hello.txt', 'etc/motd'] */
  readonly files?: readonly string[]
  /** Lines of `[files]` of one node, instead of `files`; asked again at each start. */
  readonly filesOf?: (index: number, signerLine: string) => readonly string[]
  /** Further lines of configuration, by section (`''` for the top). */
  readonly config?: Readonly<Record<string, string>>
  /** Largest content of each file. @default what the configuration says by default */
  readonly maxSize?: string
  /** Paths of the pre-shared keys of one node; asked again at each start. @default the cluster's own */
  readonly psksOf?: (index: number) => readonly string[] | undefined
  /** Further environment of one node; asked again at each start. */
  readonly envOf?: (index: number) => NodeJS.ProcessEnv
  /** Arguments of node. @default those that bin/mesh gives it */
  readonly nodeArguments?: readonly string[]
  /** Where each node runs. @default all on this machine's loopback */
  readonly machines?: readonly Machine[]
}

/** Asks again and again, for as long as `timeoutMs`, whether something has come true elsewhere. */
export const until = async <T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 120_000,
): Promise<T> => {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadlineMs) throw new Error(`gave up waiting for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** As bin/mesh starts it. */
const NODE_ARGUMENTS = ['--max-semi-space-size=2']

export interface NodeInit {
  readonly name: string
  readonly peerId: PeerId
  /** Must be short: a unix socket is made in it. */
  readonly directory: string
  /** Arguments of node. @default those that bin/mesh gives it */
  readonly nodeArguments?: readonly string[]
  /** Put before node on the command line, as `ip netns exec NAME`. */
  readonly prefix?: readonly string[]
  /** @default test/integration/daemon-main.ts */
  readonly entry?: string
  /** Read again at each start. */
  readonly env?: NodeJS.ProcessEnv
  configure(ports: { cluster: number; http: number }): string
}

interface ReadyLine extends LogLine {
  readonly http: readonly string[]
  readonly cluster: readonly string[]
}

const isReady = (line: LogLine): line is ReadyLine => line.msg === 'ready' && 'http' in line

/** One daemon process, not started yet. */
export const createNode = (init: NodeInit): ClusterNode => {
  const { directory, name, peerId } = init
  const stateDir = join(directory, 'state')
  const configPath = join(directory, 'dm.toml')
  const log: LogLine[] = []
  const watchers = new Set<(line: LogLine) => void>()
  let child: ChildProcess | undefined
  let addresses: { url: string; address: string } | undefined

  const readBytes = (file: string): Buffer | undefined => {
    try {
      return readFileSync(join(stateDir, 'files', file))
    } catch {
      return undefined
    }
  }
  const known = (): { url: string; address: string } => {
    if (addresses === undefined) throw new Error(`${name} was never started`)
    return addresses
  }
  const writeConfig = (): void => {
    // Ports chosen at the first start stay, so that the others find it again.
    const ports = {
      http: Number(addresses === undefined ? 0 : new URL(addresses.url).port),
      cluster: Number(/\/tcp\/(\d+)/.exec(addresses?.address ?? '')?.[1] ?? 0),
    }
    writeFileSync(configPath, init.configure(ports))
  }
  const follow = (process: ChildProcess): void => {
    if (process.stdout === null || process.stderr === null) return
    const note = (line: LogLine): void => {
      log.push(line)
      for (const watch of watchers) watch(line)
    }
    createInterface(process.stdout).on('line', (text) => {
      try {
        note(JSON.parse(text))
      } catch {
        note({ level: 0, msg: text })
      }
    })
    createInterface(process.stderr).on('line', (text) => note({ level: 0, msg: text }))
  }
  const tail = (): string =>
    log
      .slice(-15)
      .map((line) => JSON.stringify(line))
      .join('\n')
  const running = (): ChildProcess => {
    if (child === undefined) throw new Error(`${name} is not running`)
    return child
  }
  const waitFor = (
    fits: (line: LogLine) => boolean,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const found = log.find(fits)
      if (found !== undefined) return resolve(found)
      const end = (): void => {
        clearTimeout(timer)
        watchers.delete(watch)
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`${name} did not log what was waited for:\n${tail()}`))
      }, timeoutMs)
      const watch = (line: LogLine): void => {
        if (!fits(line)) return
        end()
        resolve(line)
      }
      watchers.add(watch)
      signal?.addEventListener('abort', end)
    })
  const logged: ClusterNode['logged'] = (fits, timeoutMs = START_TIMEOUT_MS) =>
    waitFor(fits, { timeoutMs })
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = running()
    if (ending.exitCode === null && ending.signalCode === null) {
      const exit = once(ending, 'exit')
      ending.kill(signal)
      const timer = setTimeout(() => ending.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await exit
      clearTimeout(timer)
    }
    child = undefined
    return ending.exitCode
  }

  /** Whether its port was taken by somebody else while it was away: chosen by the system, it may be given out again. */
  const isPortTaken = (before: number): boolean =>
    addresses !== undefined &&
    log.slice(before).some((line) => JSON.stringify(line).includes('EADDRINUSE'))

  const startOnce = async (): Promise<void> => {
    writeConfig()
    const before = log.length
    const { nodeArguments = NODE_ARGUMENTS, entry = defaultEntry, prefix = [] } = init
    // tap puts its hooks into each child's NODE_OPTIONS, whatever `env` says: no daemon of a user has them.
    const node = ['env', '-u', 'NODE_OPTIONS', process.execPath, ...nodeArguments]
    const [program = '', ...args] = [...prefix, ...node]
    const started = spawn(program, [...args, entry, configPath], {
      // Its end tells the daemon that we are gone, whatever happened to us.
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_NO_WARNINGS: '1', MALLOC_ARENA_MAX: '2', ...init.env },
    })
    child = started
    follow(started)
    // The timer of a start that came to nothing would keep the whole test file from ending.
    const ended = new AbortController()
    const isNew = (each: LogLine): boolean => log.indexOf(each) >= before && isReady(each)
    const line = await Promise.race([
      waitFor(isNew, { timeoutMs: START_TIMEOUT_MS, signal: ended.signal }),
      once(started, 'exit').then(([code]) => {
        child = undefined
        ended.abort()
        throw new Error(`${name} ended with ${code} before it was ready:\n${tail()}`)
      }),
    ])
    if (!isReady(line)) throw new Error('unreachable')
    addresses = { url: line.http[0] ?? '', address: line.cluster[0] ?? '' }
  }

  return {
    name,
    peerId,
    directory,
    stateDir,
    configPath,
    log,
    socketPath: join(directory, 'mesh.sock'),
    get url() {
      return known().url
    },
    get address() {
      return known().address
    },
    get pid() {
      return running().pid ?? 0
    },
    file: (file) => join(stateDir, 'files', file),
    read: (file) => readBytes(file)?.toString('utf8'),
    readBytes,
    logged,
    async start() {
      const deadlineMs = performance.now() + PORT_TIMEOUT_MS
      for (;;) {
        const before = log.length
        try {
          return await startOnce()
        } catch (error) {
          if (!isPortTaken(before) || performance.now() > deadlineMs) throw error
          await new Promise((resolve) => setTimeout(resolve, 500))
        }
      }
    },
    stop: (signal = 'SIGTERM') => end(signal),
    async kill() {
      const wasRunning = child !== undefined && child.exitCode === null && child.signalCode === null
      if (child !== undefined) await end('SIGKILL')
      return wasRunning
    },
    signal: (signal) => void running().kill(signal),
  }
}

/** Starts the nodes one after another, each knowing the first. */
export const startCluster = async (init: ClusterInit = {}): Promise<Cluster> => {
  const {
    count = 3,
    files = ['hello.txt', 'etc/motd'],
    config = {},
    nodeArguments = NODE_ARGUMENTS,
  } = init
  const { machines = [], maxSize, filesOf, psksOf, envOf, names = [] } = init
  const directory = mkdtempSync(join(tmpdir(), 'mesh-'))
  const networkId = generateNetworkId(systemRandom)
  const networkKey = generatePrivateKey(systemRandom)
  const signer = generatePrivateKey(systemRandom)
  const signerPath = join(directory, 'signer')
  const pskPath = join(directory, 'psk')
  writeFileSync(signerPath, writePrivateKey(signer, { format: 'openssh' }), { mode: 0o600 })
  const signerLine = formatPublicKey(signer.publicKey, 'openssh')
  writeFileSync(`${signerPath}.pub`, `${signerLine}\n`)
  writeFileSync(join(directory, 'allowed_signers'), `admin ${signerLine}\n`)
  writeFileSync(pskPath, generatePsk(systemRandom), { mode: 0o600 })

  const nodes: ClusterNode[] = []
  const prepare = async (index: number): Promise<ClusterNode> => {
    const name = names[index] ?? `node-${index}`
    const home = join(directory, name)
    mkdirSync(home)
    const identity = generatePrivateKey(systemRandom)
    const identityText = writePrivateKey(identity, { format: 'openssh' })
    writeFileSync(join(home, 'identity.key'), identityText, { mode: 0o600 })
    const certificate = await signCertificate(networkKey, {
      network: networkId,
      name,
      key: identity.publicKey,
      issued: Date.now() as Timestamp,
      expires: (Date.now() + 90 * 86_400_000) as Timestamp,
      namespaces: [],
    })
    writeFileSync(join(home, 'node.cert'), certificate)
    return createNode({
      name,
      peerId: peerIdFromPublicKey(identity.publicKey),
      directory: home,
      nodeArguments,
      prefix: machines[index]?.prefix ?? [],
      get env() {
        return envOf?.(index) ?? {}
      },
      configure: (ports) =>
        [
          `state_dir = "${home}/state"`,
          config[''] ?? '',
          '[network]',
          `id = "${networkId}"`,
          `keys = ["${formatPublicKey(networkKey.publicKey, 'openssh')}"]`,
          `psk = ${JSON.stringify(psksOf?.(index) ?? pskPath)}`,
          `certificate = "${home}/node.cert"`,
          `identity_key = "${home}/identity.key"`,
          config.network ?? '',
          '[cluster]',
          `listen = ["/ip4/${machines[index]?.address ?? '127.0.0.1'}/tcp/${ports.cluster}"]`,
          `bootstrap_peers = [${index === 0 ? '' : `"${nodes[0]?.address}"`}]`,
          config.cluster ?? '',
          '[http]',
          `port = ${ports.http}`,
          `socket = "${home}/mesh.sock"`,
          config.http ?? '',
          '[files]',
          ...(filesOf?.(index, signerLine) ??
            files.map((name) =>
              maxSize === undefined
                ? `"${name}" = ["${signerLine}"]`
                : `"${name}" = { signers = ["${signerLine}"], max_size = "${maxSize}" }`,
            )),
          '',
        ].join('\n'),
    })
  }

  const stop = async (): Promise<void> => {
    for (const node of nodes) await node.kill().catch(() => {})
    rmSync(directory, { recursive: true, force: true })
  }

  try {
    for (let index = 0; index < count; index++) {
      const node = await prepare(index)
      nodes.push(node)
      await node.start()
    }
  } catch (error) {
    await stop()
    throw error
  }
  const [first, second, third, ...more] = nodes
  if (first === undefined || second === undefined || third === undefined) {
    throw new Error('a cluster has at least three nodes')
  }
  return {
    ...{ directory, networkId, networkKey, signer, signerPath, stop },
    nodes: [first, second, third, ...more],
  }
}

/** A statement for `content` (`undefined` deletes), signed by the cluster's signer. */
export const sign = (
  { networkId, signer }: Pick<Cluster, 'networkId' | 'signer'>,
  name: string,
  content: string | Uint8Array | undefined,
  fields: Partial<Omit<Statement, 'name' | 'network'>> = {},
): Promise<SignedStatement> =>
  signStatement(
    {
      network: networkId,
      name: parseFileName(name),
      version: 1,
      time: Date.now() as Timestamp,
      expires: 'never',
      replaces: 'none',
      content:
        content === undefined
          ? 'deleted'
          : { digest: sha256(content), sizeBytes: Buffer.byteLength(content) },
      blocks: 'none',
      ...fields,
    },
    [signer],
  )

/** Arguments of curl for the two header fields. */
export const curlHeaders = ({ text, signatures }: SignedStatement): string[] => [
  '-H',
  `Mesh-Statement: ${toBase64(utf8(text))}`,
  ...signatures.flatMap((entry) => [
    '-H',
    `Mesh-Signature: ${toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE }))}`,
  ]),
]

/** Runs a program to its end. */
export const run = async (
  program: string,
  args: readonly string[],
  options: { input?: string; cwd?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; out: string; err: string }> => {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (piece) => {
    out += piece
  })
  child.stderr.on('data', (piece) => {
    err += piece
  })
  // A program that does not read its input closes it early.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input)
  const [code] = await once(child, 'close')
  return { code, out, err }
}
