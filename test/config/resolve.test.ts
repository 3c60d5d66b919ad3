import t from 'tap'
import { check, keyText, machine, onlyMessage, parse } from './fixtures.ts'

const key = keyText(1)
const closed = `[network]\nid = "fleet"\npsk = "mesh.psk"\n`

t.test(
  'an open network listens on loopback only, until told otherwise in so many words',
  async (t) => {
    const loopback = ['/ip4/127.0.0.1/tcp/7946', '/ip6/::1/tcp/7946']
    const everywhere = ['/ip4/0.0.0.0/tcp/7946', '/ip6/::/tcp/7946']
    t.same(parse('').cluster.listen, loopback)
    t.same(parse('cluster.allow_open_network = true').cluster.listen, everywhere)
    t.same(parse(closed).cluster.listen, everywhere)
    t.same(parse(`[network]\nid = "x"\nkeys = ["${key}"]`).cluster.listen, everywhere)
    t.same(parse('cluster.listen = ["127.0.0.2:1"]').cluster.listen, ['/ip4/127.0.0.2/tcp/1'])
    t.match(onlyMessage('cluster.listen = ["/ip4/0.0.0.0/tcp/1"]'), /anybody could join/)
    const opened = '[cluster]\nlisten = ["0.0.0.0:1"]\nallow_open_network = true'
    t.same(parse(opened).cluster.listen, ['/ip4/0.0.0.0/tcp/1'])
  },
)

t.test('an empty listen list dials out only', async (t) => {
  t.same(parse(`${closed}[cluster]\nlisten = []`).cluster.listen, [])
})

t.test('a network with keys or a pre-shared key needs an id of its own', async (t) => {
  t.match(onlyMessage(`[network]\nkeys = ["${key}"]`), /is required.*mesh generate network/)
  t.match(onlyMessage('[network]\npsk = "x"'), /is required/)
  t.equal(parse('[network]\nid = "x"').network.id, 'x')
})

t.test('a relative secret is a systemd credential if there is one of that name', async (t) => {
  const text = '[network]\nid = "x"\npsk = ["new.psk", "old.psk"]\ncertificate = "/c"'
  const here = machine(['/run/credentials/new.psk'], '/run/credentials')
  t.match(parse(text, here).network, {
    pskPaths: ['/run/credentials/new.psk', '/etc/mesh/old.psk'],
    certificatePath: '/c',
    identityKeyPath: '/var/lib/mesh/identity.key',
  })
})

t.test('the socket is in /run/mesh where that directory exists', async (t) => {
  t.equal(parse('', machine(['/run/mesh'])).http.socketPath, '/run/mesh/mesh.sock')
  t.equal(parse('state_dir = "/x"').http.socketPath, '/x/mesh.sock')
})

t.test('refuses a socket path that the system cannot take', async (t) => {
  t.match(onlyMessage(`http.socket = "/${'x'.repeat(107)}"`), /longer than the 107 bytes/)
  t.match(onlyMessage(`state_dir = "/${'x'.repeat(107)}"`), /longer than the 107 bytes/)
})

t.test('refuses one port for two purposes', async (t) => {
  t.match(onlyMessage('http.port = 7946'), /is the port of the cluster too/)
  t.equal(parse('http.port = 7946\nhttp.listen = []').http.port, 7946)
  t.equal(parse('http.port = 0\ncluster.port = 0').http.port, 0)
})

t.test('doubts what is allowed but probably not meant', async (t) => {
  const doubts = (text: string): string => check(text).doubts.join('\n')
  const files = `[files]\nx = ["${key}"]\n`
  t.equal(doubts(files), '')
  t.match(doubts(''), /no files are configured/)
  t.match(doubts(`[network]\nid = "x"\nkeys = ["${key}"]`), /peers will refuse this node/)
  t.match(doubts('[network]\ncertificate = "x"'), /let in without one/)
  t.match(doubts('cluster.allow_open_network = true'), /the network is open/)
  t.match(doubts('cluster.listen = []'), /meets nobody/)
})
