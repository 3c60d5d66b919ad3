import t from 'tap'
import { reachOf } from '../../src/daemon/reach.ts'
import { parseFileName } from '../../src/statement/index.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { PeerStatus } from '../../src/transport/index.ts'

const peer = (name: string, rest: Partial<PeerStatus> = {}): PeerStatus => ({
  ...{ peerId: name as PeerId, bootstrap: false, connected: false, name },
  ...rest,
})

t.test('out of reach is who is configured or was here once, not who was heard of', async (t) => {
  const known = [
    peer('of hearsay', { lastError: 'connection refused' }),
    peer('here long ago', { lastConnectedMs: 1 }),
    peer('here lately', { lastConnectedMs: 2 }),
    peer('configured', { bootstrap: true, lastError: 'connection refused' }),
    peer('here now', { connected: true, lastConnectedMs: 3 }),
  ]
  const connected = { address: '', direction: 'outbound', connectedAtMs: 3 } as const
  const { peers, unreachable } = reachOf(
    {
      sync: {
        about: () => ({ wants: new Map([['here now' as PeerId, true]]) }),
      },
      transport: { peers: () => [{ id: 'here now' as PeerId, name: 'here now', ...connected }] },
      peering: { status: () => known },
      transfers: { transfers: () => ({ receiving: [], sending: [] }) },
    },
    parseFileName('motd'),
  )
  t.same(
    peers.map(({ peerId, wants }) => [peerId, wants]),
    [['here now', true]],
  )
  t.same(
    unreachable.map(({ name, lastError }) => [name, lastError]),
    [
      ['configured', 'connection refused'],
      ['here lately', null],
      ['here long ago', null],
    ],
  )
})
