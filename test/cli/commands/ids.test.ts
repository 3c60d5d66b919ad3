/** `mesh peer id` and `mesh network id`. */
import { join } from 'node:path'
import t from 'tap'
import { peerIdFromPublicKey } from '../../../src/keys/index.ts'
import { answer, serve, status } from '../../client/fixtures.ts'
import { keyOf, mesh, publicText, writeKey } from '../harness.ts'

t.test('prints the peer id of a key, in whatever form, or of the daemon', async (t) => {
  const peerId = peerIdFromPublicKey(keyOf(1).publicKey)
  const directory = t.testdir({ 'x.pub': `${publicText(1)} me\n` })
  for (const key of [writeKey(directory, 1), join(directory, 'x.pub'), publicText(1), peerId]) {
    t.same(await mesh(['peer', 'id', '--key', key]), { code: 0, stdout: `${peerId}\n`, stderr: '' })
  }
  t.match(await mesh(['peer', 'id', '--key', 'nonsense']), { code: 8 })
  const url = await serve(t, (_, response) => answer(response, 200, status))
  t.match(await mesh(['peer', 'id', '--url', url]), { code: 0, stdout: `${status.peerId}\n` })
})

t.test('prints the network id of a configuration, or of the daemon', async (t) => {
  const directory = t.testdir({ 'dm.toml': '[network]\nid = "fleet"\n', 'bad.toml': '[network' })
  const of = (name: string) => mesh(['network', 'id', '--config', join(directory, name)])
  t.match(await of('dm.toml'), { code: 0, stdout: 'fleet\n' })
  t.match(await of('bad.toml'), { code: 7 })
  const url = await serve(t, (_, response) => answer(response, 200, status))
  t.match(await mesh(['network', 'id', '--url', url]), { code: 0, stdout: 'local\n' })
})
