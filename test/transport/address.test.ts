import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { checkListenAddress, parsePeerAddress, readLocation } from '../../src/transport/address.ts'
import { systemRandom } from '../../src/util/index.ts'

const peer = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)

t.test('a location says what it reaches', async (t) => {
  const reaches: [string, string | undefined][] = [
    ['/ip4/10.0.0.1/tcp/7946', 'other'],
    ['/ip4/127.0.0.1/tcp/1', 'loopback'],
    ['/ip4/127.9.9.9/tcp/65535', 'loopback'],
    ['/ip4/169.254.1.1/tcp/1', 'link-local'],
    ['/ip4/0.0.0.0/tcp/7946', undefined],
    ['/ip4/224.0.0.1/tcp/7946', undefined],
    ['/ip4/255.255.255.255/tcp/7946', undefined],
    ['/ip6/2001:db8::1/tcp/7946', 'other'],
    ['/ip6/::1/tcp/7946', 'loopback'],
    ['/ip6/::/tcp/7946', undefined],
    ['/ip6/0:0:0:0:0:0:0:1/tcp/7946', 'loopback'],
    ['/ip6/::ffff:127.0.0.1/tcp/7946', 'loopback'],
    ['/ip6/::ffff:7f00:1/tcp/7946', 'loopback'],
    ['/ip6/0:0:0:0:0:FFFF:127.0.0.1/tcp/7946', 'loopback'],
    ['/ip6/::ffff:a9fe:a9fe/tcp/7946', 'link-local'],
    ['/ip6/::ffff:192.0.2.1/tcp/7946', 'other'],
    ['/ip6/::ffff:0.0.0.0/tcp/7946', undefined],
    ['/ip6/fe80::1/tcp/7946', 'link-local'],
    ['/ip6/febf::1/tcp/7946', 'link-local'],
    ['/ip6/fec0::1/tcp/7946', 'other'],
    ['/ip6/ff02::1/tcp/7946', undefined],
    ['/dns4/node-1.example/tcp/7946', 'other'],
    ['/dns6/node-1.example./tcp/7946', 'other'],
    ['/dns/localhost/tcp/7946', 'loopback'],
    ['/dns/x.localhost/tcp/7946', 'loopback'],
  ]
  for (const [location, reach] of reaches) t.equal(readLocation(location)?.reach, reach, location)
})

t.test('anything but host and TCP port is no location', async (t) => {
  for (const text of [
    '',
    '/',
    'ip4/10.0.0.1/tcp/1',
    '/ip4/10.0.0.1/tcp/0',
    '/ip4/10.0.0.1/tcp/65536',
    '/ip4/10.0.0.1/tcp/01',
    '/ip4/10.0.0.1/udp/1',
    '/ip4/10.0.0.1/tcp/1/ws',
    '/ip4/10.0.0.1/tcp/1/p2p-circuit',
    '/ip4/010.0.0.1/tcp/1',
    '/ip4/example.org/tcp/1',
    '/ip6/fe80::1%eth0/tcp/1',
    '/dns4/-x.example/tcp/1',
    '/dns4/x..example/tcp/1',
    '/dns4/a b/tcp/1',
    '/dnsaddr/example.org/tcp/1',
    '/unix/tmp%2fsocket',
    `/dns4/${'a'.repeat(300)}/tcp/1`,
    '/ip4/10.0.0.1/tcp/1\n',
  ]) {
    t.equal(readLocation(text), undefined, JSON.stringify(text))
  }
})

t.test('an address is a location and the id of the peer there', async (t) => {
  const address = `/dns4/node-1.example/tcp/7946/p2p/${peer}`
  const parsed = parsePeerAddress(address)
  t.same(parsed, { peer, location: '/dns4/node-1.example/tcp/7946' })
})

t.test('an address without a usable peer id or location is refused', async (t) => {
  const bad = [
    '/ip4/10.0.0.1/tcp/1',
    '/ip4/10.0.0.1/tcp/1/p2p/',
    '/ip4/10.0.0.1/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    `/ip4/10.0.0.1/tcp/1/p2p/${peer}x`,
    `/ip4/10.0.0.1/tcp/1/p2p/${peer}/p2p-circuit`,
    `/p2p/${peer}`,
    `/ip4/0.0.0.0/tcp/1/p2p/${peer}`,
  ]
  for (const text of bad) {
    t.throws(() => parsePeerAddress(text), { code: 'ERR_ADDRESS_INVALID' }, text)
  }
})

t.test('wildcards and port 0 can be listened on, names and paths cannot', async (t) => {
  t.equal(checkListenAddress('/ip4/0.0.0.0/tcp/0'), '/ip4/0.0.0.0/tcp/0')
  t.equal(checkListenAddress('/ip6/::/tcp/7946'), '/ip6/::/tcp/7946')
  for (const text of ['/dns4/localhost/tcp/1', '/ip4/1.2.3/tcp/1', '/ip4/1.2.3.4/tcp/65536', 'x']) {
    t.throws(() => checkListenAddress(text), { code: 'ERR_ADDRESS_INVALID' }, text)
  }
})

t.test('whatever the text, nothing but the declared error comes out', async () => {
  const word = fc.oneof(
    fc.constantFrom(
      '/',
      'ip4',
      'ip6',
      'dns',
      'tcp',
      'p2p',
      '127.0.0.1',
      '::1',
      '1',
      peer,
      '%',
      ' ',
    ),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const text = words.join('')
      readLocation(text)
      for (const read of [parsePeerAddress, checkListenAddress]) {
        try {
          read(text)
        } catch (error) {
          if (!isMeshError(error, 'ERR_ADDRESS_INVALID')) throw error
        }
      }
    }),
  )
})
