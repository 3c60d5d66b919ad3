import t from 'tap'
import { hostOf, isLoopback, parseAddress } from '../../src/config/address.ts'
import { peerIdFromPublicKey } from '../../src/keys/index.ts'
import { keyOf } from './fixtures.ts'

const peerId = peerIdFromPublicKey(keyOf(1))
const dial = { listen: false, peerId: true }
const announce = { listen: false, peerId: false }
const listen = { listen: true, peerId: false }

t.test('reads TCP multiaddrs as they are', async (t) => {
  for (const address of [
    '/ip4/192.0.2.1/tcp/7946',
    '/ip6/2001:db8::1/tcp/1',
    '/dns/node.example/tcp/65535',
    '/dns4/node/tcp/7946',
  ]) {
    t.equal(parseAddress(address, announce), address)
    t.equal(parseAddress(`${address}/p2p/${peerId}`, dial), `${address}/p2p/${peerId}`)
    t.equal(parseAddress(address, dial), undefined, 'whom to expect has to be said')
    t.equal(parseAddress(`${address}/p2p/${peerId}`, announce), undefined)
  }
})

t.test('reads HOST:PORT, the spelling of data-mesher', async (t) => {
  t.equal(parseAddress('192.0.2.1:7946', announce), '/ip4/192.0.2.1/tcp/7946')
  t.equal(parseAddress('[2001:db8::1]:7946', announce), '/ip6/2001:db8::1/tcp/7946')
  t.equal(parseAddress('node.example:7946', announce), '/dns/node.example/tcp/7946')
})

t.test('refuses everything else', async (t) => {
  for (const address of [
    '',
    'node',
    'node:',
    'node:0',
    'node:65536',
    'node:07946',
    '[node]:7946',
    '2001:db8::1:7946',
    '-node:7946',
    '/',
    '/ip4/192.0.2.1',
    '/ip4/192.0.2.1/udp/7946',
    '/ip4/192.0.2.256/tcp/7946',
    '/ip4/node.example/tcp/7946',
    '/dns/192.0.2.1/tcp/7946',
    '/ip4/192.0.2.1/tcp/0',
    '/ip4/192.0.2.1/tcp/7946/',
    '/ip4/192.0.2.1/tcp/7946/ws',
    '/ip4/192.0.2.1/tcp/7946/p2p/nobody',
    `/ip4/192.0.2.1/tcp/7946/p2p/${peerId}/p2p-circuit`,
  ]) {
    t.equal(parseAddress(address, dial), undefined, address)
  }
})

t.test('listens on IP addresses only, and on any port', async (t) => {
  t.equal(parseAddress('/ip4/0.0.0.0/tcp/0', listen), '/ip4/0.0.0.0/tcp/0')
  t.equal(parseAddress('[::]:7946', listen), '/ip6/::/tcp/7946')
  t.equal(parseAddress('/dns/node.example/tcp/7946', listen), undefined)
  t.equal(parseAddress('node.example:7946', listen), undefined)
  t.equal(parseAddress(`/ip4/0.0.0.0/tcp/1/p2p/${peerId}`, listen), undefined)
})

t.test('knows which hosts only this machine reaches', async (t) => {
  t.equal(hostOf('/ip4/127.0.0.1/tcp/1'), '127.0.0.1')
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '192.0.2.1', '127.example']) t.notOk(isLoopback(host), host)
})
