import t from 'tap'
import { createTransfers } from '../../src/daemon/transfers.ts'
import { keepTransferEvents } from '../../src/daemon/transfer-events.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import { sha256, systemRandom, utf8 } from '../../src/util/index.ts'
import { createFilesMesh, policyOf, upload } from '../support/files-mesh.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { Test } from 'tap'
import type { NewEvent } from '../../src/feed/index.ts'
import type { Transfer, Transfers } from '../../src/sync/index.ts'

const [first, second] = [1, 2].map(() =>
  peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey),
)
if (first === undefined || second === undefined) throw new Error('two peers')

const digest = sha256('content')
const receiving: Transfer = {
  ...{ collection: 'files', name: 'a', digest, state: 'fetching' },
  ...{ doneBytes: 25, ofBytes: 100, localBytes: 5, bytesPerSecond: 50, startedAtMs: 0 },
  holders: [
    { peer: first, bytes: 20, bytesPerSecond: 50 },
    { peer: second, bytes: 0, bytesPerSecond: 0 },
  ],
}
const sending = {
  ...{ collection: 'files', name: 'a', digest, startedAtMs: 0 },
  ...{ peer: second, bytes: 7, bytesPerSecond: 3 },
}
const connected = {
  id: first,
  name: 'web-1',
  address: '/ip4/127.0.0.1/tcp/1',
  direction: 'inbound',
  connectedAtMs: 0,
} as const
const transport = { peers: () => [connected] }

t.test('tells the names of those that are connected, and what is left', async (t) => {
  const sync = { transfers: () => ({ receiving: [receiving], sending: [sending] }) }
  const { transfers, summary } = createTransfers({ sync, transport })
  const startedAt = '1970-01-01T00:00:00.000Z'
  t.same(transfers(), {
    receiving: [
      {
        ...{ name: 'a', sha256: digest, state: 'fetching', doneBytes: 25, totalBytes: 100 },
        ...{ localBytes: 5, bytesPerSecond: 50, leftMs: 1_500, startedAt },
        holders: [
          { peerId: first, name: 'web-1', bytes: 20, bytesPerSecond: 50 },
          { peerId: second, name: null, bytes: 0, bytesPerSecond: 0 },
        ],
      },
    ],
    sending: [
      {
        ...{ peerId: second, name: null, bytes: 7, bytesPerSecond: 3 },
        ...{ file: 'a', sha256: digest, startedAt },
      },
    ],
  })
  t.same(summary(), {
    ...{ receiving: 1, sending: 1, doneBytes: 25, totalBytes: 100 },
    ...{ receivedPerSecond: 50, sentPerSecond: 3 },
  })
})

t.test('does not know how long it takes while nothing comes', async (t) => {
  const sync = {
    transfers: () => ({ receiving: [{ ...receiving, bytesPerSecond: 0 }], sending: [] }),
  }
  t.equal(createTransfers({ sync, transport }).transfers().receiving[0]?.leftMs, null)
})

/** What the feed is told, while the transfers are one after the other these. */
const follow = async (t: Test, steps: readonly Transfers[], isShown: boolean) => {
  const clock = createVirtualClock()
  const workers = createWorkers({ clock, random: systemRandom, logger: silentLogger })
  t.teardown(() => workers.stop())
  const mesh = await createFilesMesh({ count: 1, policies: () => [policyOf('a')] })
  t.teardown(() => mesh.stop())
  const { files } = mesh.node(0).state
  if (isShown) await upload(mesh, mesh.node(0), { name: 'a', content: utf8('content') })
  const told: NewEvent[] = []
  let now: Transfers = { receiving: [], sending: [] }
  keepTransferEvents(
    { sync: { transfers: () => now }, files, workers },
    {
      feed: {
        add(event, audience) {
          t.equal(audience, 'local')
          told.push(event)
        },
      },
    },
  )
  for (const step of [...steps, { receiving: [], sending: [] }]) {
    now = step
    await clock.advance(1_000)
  }
  return told
}

const phases = (events: readonly NewEvent[]): unknown[] =>
  events.map((event) =>
    event.type === 'transfer'
      ? [event.direction, event.phase, event.doneBytes, event.totalBytes, event.peerId]
      : event.type,
  )

t.test('says when content begins to come, how far it is and when it is shown', async (t) => {
  const at = (doneBytes: number): Transfers => ({
    receiving: [{ ...receiving, doneBytes }],
    sending: [],
  })
  t.same(phases(await follow(t, [at(0), at(25), at(25), at(90)], true)), [
    ['receiving', 'begun', 0, 100, null],
    ['receiving', 'progress', 25, 100, null],
    ['receiving', 'progress', 90, 100, null],
    ['receiving', 'done', 100, 100, null],
  ])
})

t.test('says when it came to nothing, and from whom if that is one', async (t) => {
  const [holder] = receiving.holders
  const one = { ...receiving, holders: holder === undefined ? [] : [holder] }
  t.same(phases(await follow(t, [{ receiving: [one], sending: [] }], false)), [
    ['receiving', 'begun', 25, 100, first],
    ['receiving', 'failed', 25, 100, first],
  ])
})

t.test('says what goes to whom', async (t) => {
  t.same(phases(await follow(t, [{ receiving: [], sending: [sending] }], true)), [
    ['sending', 'begun', 7, 7, second],
    ['sending', 'done', 7, 7, second],
  ])
})
