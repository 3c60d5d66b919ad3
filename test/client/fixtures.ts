import { createServer } from 'node:http'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a test needs of tap. */
interface Teardown {
  teardown(run: () => unknown): void
}

/** A real server on loopback, closed with the test. */
export const serve = async (
  t: Teardown,
  handle: RequestListener,
  prepare: (server: Server) => void = () => {},
): Promise<string> => {
  const server = createServer(handle)
  prepare(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const answer = (
  response: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/json',
): void => {
  response.writeHead(status, { 'Content-Type': type })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

export const problem = (
  response: ServerResponse,
  status: number,
  code: string,
  members: Readonly<Record<string, unknown>> = {},
): void =>
  answer(
    response,
    status,
    {
      type: `urn:mesh:error:${code}`,
      title: 'x',
      status,
      detail: `${code} happened`,
      code,
      ...members,
    },
    'application/problem+json',
  )

export const readAll = async (
  stream: AsyncIterable<Uint8Array> | IncomingMessage,
): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  for await (const chunk of stream) parts.push(chunk)
  return Buffer.concat(parts)
}

export const version = {
  id: 'a'.repeat(64),
  version: 3,
  time: '2026-01-01T00:00:00.000Z',
  expires: 'never',
  replaces: null,
  content: { sha256: 'b'.repeat(64), sizeBytes: 5, blocks: null },
  signers: ['ssh-ed25519 AAAA'],
}

export const stored = { name: 'x', outcome: 'stored', current: version }

export const file = {
  name: 'x',
  state: 'shown',
  current: version,
  conflict: false,
  shownAt: '2026-01-01T00:00:01.000Z',
}

export const status = {
  version: '0.1.0',
  networkId: 'local',
  peerId: '12D3KooWxyz',
  certificate: null,
  trust: null,
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 5000,
  addresses: ['/ip4/127.0.0.1/tcp/1'],
  urls: ['http://127.0.0.1:7331'],
  peersConnected: 2,
  files: {
    ...{ shown: 1, missing: 0, 'too-large': 0, 'too-old': 0 },
    ...{ deleted: 0, expired: 0, none: 0 },
  },
  catalogueDigest: 'c'.repeat(64),
  sync: {
    neighbours: [],
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
  workers: [{ name: 'w', state: 'idle', runs: 1, failures: 0, lastError: null, nextRunInMs: 100 }],
  health: [
    {
      code: 'c',
      subject: 's',
      severity: 'warning',
      message: 'm',
      since: '2026-01-01T00:00:00.000Z',
    },
  ],
}

export const peer = {
  peerId: '12D3KooWpeer',
  name: 'web-1',
  connected: true,
  address: '/ip4/127.0.0.1/tcp/2',
  direction: 'outbound',
  connectedAt: '2026-01-01T00:00:00.000Z',
  roundTripMs: 0.4,
  neighbour: true,
  avoidedUntil: null,
  faults: [],
  revokedAt: null,
  lastError: null,
  lastRound: {
    at: '2026-01-01T00:00:00.000Z',
    begunBy: 'us',
    equal: true,
    differences: 0,
    received: 0,
    sent: 0,
    bytes: 40,
    error: null,
  },
  told: ['12D3KooQ'],
}

export const transfers = {
  receiving: [
    {
      ...{ name: 'images/base.img', sha256: 'a'.repeat(64), state: 'fetching' },
      ...{ doneBytes: 512 * 2 ** 20, totalBytes: 2 ** 30, localBytes: 64 * 2 ** 20 },
      ...{ bytesPerSecond: 2 ** 27, leftMs: 4_000, startedAt: '2026-01-01T00:00:00.000Z' },
      holders: [
        { peerId: '12D3KooWpeer', name: 'web-1', bytes: 448 * 2 ** 20, bytesPerSecond: 2 ** 27 },
        { peerId: '12D3KooWother', name: null, bytes: 0, bytesPerSecond: 0 },
      ],
    },
  ],
  sending: [
    {
      ...{ file: 'app.conf', sha256: 'b'.repeat(64), peerId: '12D3KooWpeer', name: 'web-1' },
      ...{ bytes: 3 * 2 ** 20, bytesPerSecond: 0, startedAt: '2026-01-01T00:00:00.000Z' },
    },
  ],
}

export const spread = {
  peers: [{ peerId: '12D3KooP', name: 'p', connected: true, comparedAt: null }],
  files: [{ name: 'b', version: 2, peers: [{ has: 'before', version: 1 }] }],
  next: null,
}

export const certificates = {
  networkId: 'local',
  networkKeys: ['ssh-ed25519 k'],
  certificates: [
    {
      ...{ name: 'web-1', peerId: peer.peerId, text: 'mesh-certificate 1' },
      issued: '2026-01-01T00:00:00.000Z',
      expires: '2027-01-01T00:00:00.000Z',
      namespaces: ['jobs'],
      sources: ['own', 'listed'],
      revokedAt: null,
    },
  ],
  revoked: [
    {
      ...{ name: null, peerId: '12D3KooWgone', certificates: 'all' },
      revokedAt: '2026-02-01T00:00:00.000Z',
    },
  ],
}

export const preview = {
  refused: null,
  restartNeeded: ['http.port'],
  changes: [
    {
      ...{ name: 'x', kind: 'reverted', before: 3, after: 2 },
      removedSigners: ['ssh-ed25519 AAAA'],
      addedSigners: [],
    },
  ],
}
