/** A running HTTP face over fake files, and the means to talk to it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttp } from '../../src/http/index.ts'
import { createFeed } from '../../src/feed/index.ts'
import { encodeSshsig, generatePrivateKey } from '../../src/keys/index.ts'
import {
  createHealth,
  createMetrics,
  createWorkers,
  silentLogger,
} from '../../src/observe/index.ts'
import {
  parseFileName,
  parseNetworkId,
  signStatement,
  STATEMENT_NAMESPACE,
} from '../../src/statement/index.ts'
import {
  parseTimestamp,
  sha256,
  systemClock,
  systemRandom,
  toBase64,
  utf8,
} from '../../src/util/index.ts'
import { undocumented } from '../support/openapi.ts'
import { createFakeFiles } from './fake-files.ts'
import type { BlocksBody, HealthWarningBody, StatusBody } from '../../src/api/index.ts'
import type { Feed } from '../../src/feed/index.ts'
import type { FilePolicy } from '../../src/files/index.ts'
import type { Health } from '../../src/observe/index.ts'
import type { Http, HttpInit, HttpServices } from '../../src/http/index.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { SignedStatement, Statement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { FindAddresses } from '../../src/http/interfaces.ts'
import type { TokenDigest } from '../../src/http/index.ts'
import type { OpenapiDocument } from '../support/openapi.ts'
import type { FakeFiles } from './fake-files.ts'

export const signer = generatePrivateKey(systemRandom)
export const stranger = generatePrivateKey(systemRandom)
export const networkId = parseNetworkId('test')

const policy = (name: string, mode: number): FilePolicy => ({
  name: parseFileName(name),
  signers: [signer.publicKey],
  maxSizeBytes: 2 ** 20 * 256,
  mode,
})

export const blockStat: BlocksBody = {
  ...{ storedBlocks: 3, storedBytes: 3_000, quotaBytes: 10_000 },
  ...{ cachedBlocks: 1, cachedBytes: 4_096, cacheBytes: 5_000 },
  ...{ unreferencedBlocks: 0, unreferencedBytes: 0, assemblies: 0, damagedBlocks: 0 },
  ...{ contents: 1, contentBlocks: 2, contentBytes: 2_000_000 },
  scrub: {
    ...{ running: false, bytesPerSecond: 4_194_304, checkedBlocks: 0, checkedBytes: 0 },
    ...{ damagedBlocks: 0, totalBytes: 2_003_000, begunAt: null, endedAt: null },
  },
}

const fakeBlocks = (): HttpServices['blocks'] => ({
  stat: () => blockStat,
  scrub: () => {},
  gc: async ({ now }) => ({
    ...{ removedBlocks: now ? 1 : 0, removedBytes: 0, waitingBlocks: now ? 0 : 1 },
    ...{ strayFiles: 0, strayBytes: 0, abandonedAssemblies: 0 },
  }),
  verify: async () => ({
    ...{ type: 'report', checkedBlocks: 5, checkedBytes: 2_003_000, damagedBlocks: 0 },
    ...{ totalBytes: 2_003_000, contradictions: 0 },
  }),
})

type Deferred = PromiseWithResolvers<void>

export interface Harness {
  readonly http: Http
  readonly feed: Feed
  readonly health: Health
  readonly files: FakeFiles
  readonly url: string
  readonly socketPath: string
  readonly warnings: HealthWarningBody[]
  setPhase(phase: ReturnType<HttpServices['phase']>): void
  /** The configuration `slow` is judged from `began` until `end` is resolved. */
  readonly slow: { readonly began: Deferred; readonly end: Deferred }
  stop(): Promise<void>
}

export const status: StatusBody = {
  version: '0.1.0',
  networkId,
  peerId: '12D3KooW',
  certificate: { name: 'alpha', expires: '2030-01-01T00:00:00.000Z' },
  trust: {
    certificates: { version: 3, count: 2 },
    revoked: { version: null, count: 0 },
    heartbeat: { version: 9, expires: '2030-01-01T00:00:00.000Z', stale: false },
  },
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 1234.5,
  addresses: ['/ip4/127.0.0.1/tcp/7946'],
  urls: ['http://127.0.0.1:7331'],
  peersConnected: 2,
  files: { shown: 1, missing: 0, 'too-large': 0, 'too-old': 0, deleted: 0, expired: 0, none: 3 },
  catalogueDigest: sha256(''),
  sync: {
    neighbours: ['12D3KooX'],
    lastPushPullAt: null,
    lastRounds: { equal: 0, differed: 0, failed: 0, none: 0 },
    rounds: { equal: 0, differed: 0, failed: 0, differences: 0, sentBytes: 0, receivedBytes: 0 },
    fetching: [],
  },
  blocks: { storedBytes: 0, contentBytes: 0, damagedBlocks: 0, scrubbing: false },
  transfers: {
    ...{ receiving: 0, sending: 0, doneBytes: 0, totalBytes: 0 },
    ...{ receivedPerSecond: 0, sentPerSecond: 0 },
  },
  workers: [
    { name: 'push-pull', state: 'idle', runs: 3, failures: 1, lastError: 'lost', nextRunInMs: 5.5 },
  ],
  health: [],
}

/** Asked once, of a daemon of its own: some tests count what theirs is asked. */
let document: Promise<OpenapiDocument> | undefined

const readDocument = async (): Promise<OpenapiDocument> => {
  const harness = await begin()
  const { body } = await send(harness.socketPath, 'GET', '/openapi.json')
  await harness.stop()
  return JSON.parse(body.toString())
}

/** The document that every answer of {@link call} is held against. */
export const openapi = (): Promise<OpenapiDocument> => {
  document ??= readDocument()
  return document
}

export const startHarness = (overrides: Overrides = {}): Promise<Harness> => begin(overrides)

type Overrides = { readonly names?: readonly string[] } & Partial<HttpInit> &
  Partial<Pick<HttpServices, 'blocks' | 'clock' | 'logger' | 'openElsewhere' | 'status'>> & {
    feed?: Feed
    tokens?: readonly TokenDigest[]
    findAddresses?: FindAddresses
  }

const begin = async (overrides: Overrides = {}): Promise<Harness> => {
  // Not t.testdir(): a unix socket's path must be short.
  const directory = mkdtempSync(join(tmpdir(), 'mesh-http-'))
  const socketPath = join(directory, 'sock')
  const files = createFakeFiles([
    policy('hello.txt', 0o644),
    policy('secret/key', 0o640),
    ...(overrides.names ?? []).map((name) => policy(name, 0o644)),
  ])
  const warnings: HealthWarningBody[] = []
  const slow = { began: Promise.withResolvers<void>(), end: Promise.withResolvers<void>() }
  let phase: ReturnType<HttpServices['phase']> = 'ready'
  const {
    clock = systemClock,
    feed = createFeed({ clock, random: systemRandom }),
    logger = silentLogger,
    ...init
  } = overrides
  const health = createHealth({ clock })
  const workers = createWorkers({ clock, random: systemRandom, logger })
  const http = createHttp(
    {
      files,
      openElsewhere: overrides.openElsewhere ?? (() => undefined),
      events: feed,
      networkId,
      clock,
      logger,
      metrics: createMetrics(),
      status: overrides.status ?? (() => status),
      peers: () => ({ peers: [] }),
      transfers: () => ({ receiving: [], sending: [] }),
      blocks: overrides.blocks ?? fakeBlocks(),
      spread: (after) => ({ peers: [], files: [], next: after ?? null }),
      certificates: () => ({ networkId, networkKeys: [], certificates: [], revoked: [] }),
      async preview(configuration) {
        if (configuration === 'slow') {
          slow.began.resolve()
          await slow.end.promise
        }
        return {
          ...{ refused: configuration === 'bad' ? 'it is bad' : null },
          ...{ restartNeeded: [], changes: [] },
        }
      },
      reach: () => ({ peers: [], unreachable: [], lastError: undefined }),
      health,
      workers,
      tokens: () => overrides.tokens ?? [],
      findAddresses: overrides.findAddresses ?? (async () => []),
      warnings: () => warnings,
      phase: () => phase,
    },
    { listen: ['127.0.0.1'], port: 0, socketPath, socketMode: 0o660, allowedHosts: [], ...init },
  )
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  await http.start().catch((error: unknown) => {
    remove()
    throw error
  })
  return {
    http,
    health,
    feed,
    files,
    url: http.urls()[0] ?? '',
    socketPath,
    warnings,
    slow,
    setPhase(next) {
      phase = next
    },
    async stop() {
      await http.stop()
      remove()
    },
  }
}

/** A statement for `content`, signed; any field can be another. */
export const sign = (
  content: string | Uint8Array | undefined,
  fields: Partial<Omit<Statement, 'name'>> & { name?: string } = {},
  keys: readonly PrivateKey[] = [signer],
): Promise<SignedStatement> => {
  const { name = 'hello.txt', ...rest } = fields
  return signStatement(
    {
      network: networkId,
      version: 1,
      time: (parseTimestamp('2026-11-20T12:00:00.000Z') ?? 0) as Timestamp,
      expires: 'never',
      replaces: 'none',
      content:
        content === undefined
          ? 'deleted'
          : { digest: sha256(content), sizeBytes: Buffer.byteLength(content) },
      blocks: 'none',
      ...rest,
      name: parseFileName(name),
    },
    keys,
  )
}

export const headersOf = ({ text, signatures }: SignedStatement): Record<string, string[]> => ({
  'Mesh-Statement': [toBase64(utf8(text))],
  'Mesh-Signature': signatures.map((entry) =>
    toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
  ),
})

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  /** The body as JSON. */
  json(): Record<string, unknown>
}

/**
 * One request over TCP (an url) or the unix socket (a path). Rejects if the answer is not what
 * /openapi.json says.
 */
export const call = async (...request: Parameters<typeof send>): Promise<Answer> => {
  const [, method, path] = request
  const answer = await send(...request)
  const { status, headers, body } = answer
  const seen = { status, type: headers['content-type'], body: body.toString() }
  const faults = undocumented(await openapi(), method, path, seen)
  if (faults.length > 0) throw new Error(`${method} ${path}: ${status}: ${faults.join('; ')}`)
  return answer
}

/** The same, of whatever answers there. */
export const send = (
  target: string,
  method: string,
  path: string,
  options: { headers?: Record<string, string | string[]>; body?: string | Uint8Array } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const where = target.startsWith('http')
      ? { host: new URL(target).hostname, port: Number(new URL(target).port) }
      : { socketPath: target }
    const { headers = {}, body } = options
    const outgoing = request({ ...where, method, path, headers, agent: false }, (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const all = Buffer.concat(pieces)
        const flat = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])
        resolve({
          status: incoming.statusCode ?? 0,
          headers: Object.fromEntries(flat),
          body: all,
          json: () => JSON.parse(all.toString()),
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })

/** Runs curl; bounded in time. */
export const curl = (
  args: readonly string[],
  input?: string,
): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn('curl', ['-sS', '--max-time', '20', ...args])
    let out = ''
    let err = ''
    child.stdout.on('data', (piece) => {
      out += piece
    })
    child.stderr.on('data', (piece) => {
      err += piece
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.end(input)
  })

export const curlHeaders = (signed: SignedStatement): string[] =>
  Object.entries(headersOf(signed)).flatMap(([name, values]) =>
    values.flatMap((value) => ['-H', `${name}: ${value}`]),
  )

/** Writes raw bytes and collects everything until the server closes. */
export const raw = (
  url: string,
  write: string,
): { text: Promise<string>; write(more: string): void; destroy(): void } => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(write)
  const text = new Promise<string>((resolve, reject) => {
    let all = ''
    socket.on('data', (piece) => {
      all += piece
    })
    socket.on('close', () => resolve(all))
    socket.on('error', (error) => (all === '' ? reject(error) : resolve(all)))
  })
  return { text, write: (more) => void socket.write(more), destroy: () => void socket.destroy() }
}
