/** Runs what docs/http-api.md tells people to type. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { formatPublicKey, generatePrivateKey, writePrivateKey } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createNode, run } from './cluster.ts'
import type { PeerId } from '../../src/keys/index.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'http-api.md'), 'utf8')

/** The block after a mark. */
const block = (mark: string): string =>
  new RegExp(`<!-- test: ${mark} -->\n\`\`\`sh\n([^]*?)\`\`\``).exec(page)?.[1] ?? ''

t.test('the upload with ssh-keygen and curl works as it is written', async (t) => {
  const script = block('upload')
  t.match(script, /ssh-keygen -Y sign[\s\S]*curl -T/)
  const directory = mkdtempSync(join(tmpdir(), 'mesh-docs-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const signer = generatePrivateKey(systemRandom)
  mkdirSync(join(directory, '.ssh'), { mode: 0o700 })
  const keyText = writePrivateKey(signer, { format: 'openssh' })
  writeFileSync(join(directory, '.ssh', 'id_ed25519'), keyText, { mode: 0o600 })
  writeFileSync(join(directory, 'hello.txt'), 'as documented\n')
  const node = createNode({
    name: 'documented',
    peerId: '' as PeerId,
    directory,
    configure: ({ cluster, http }) =>
      [
        `state_dir = "${directory}/state"`,
        '[network]',
        'id = "home"',
        '[cluster]',
        `listen = ["/ip4/127.0.0.1/tcp/${cluster}"]`,
        '[http]',
        `port = ${http}`,
        `socket = "${directory}/mesh.sock"`,
        '[files]',
        `"hello.txt" = ["${formatPublicKey(signer.publicKey, 'openssh')}"]`,
        '',
      ].join('\n'),
  })
  await node.start()
  t.teardown(() => node.kill())
  // ssh-keygen takes the home directory from the user database, the shell from $HOME.
  const typed = script
    .replaceAll('http://127.0.0.1:7331', node.url)
    .replaceAll('~/', `${directory}/`)
  const [stream = '', now = '', later = ''] = block('events')
    .replaceAll('http://127.0.0.1:7331', node.url)
    .split('\n')
  const { cursor } = JSON.parse((await run('sh', ['-euc', now])).out)
  t.type(cursor, 'string')
  const { code, out, err } = await run('sh', ['-euc', typed], { cwd: directory })
  t.equal(code, 0, err)
  t.match(JSON.parse(out), { name: 'hello.txt', outcome: 'stored' })
  t.equal(node.read('hello.txt'), 'as documented\n')
  // What happened since that cursor is there at once.
  const told = await run('sh', ['-euc', later.replace('CURSOR', cursor)])
  t.match(JSON.parse(told.out), { events: [{ name: 'hello.txt' }] })
  const begun = await run('bash', ['-c', `grep -m 1 '^event: start' < <(timeout 20 ${stream})`])
  t.equal(begun.code, 0, begun.err)
  t.equal(await node.stop(), 0)
})
