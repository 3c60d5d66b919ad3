/** Runs the examples of docs/client.md, as a program that has the package runs them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { formatPublicKey, generatePrivateKey, writePrivateKey } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createNode, run } from './cluster.ts'
import type { PeerId } from '../../src/keys/index.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'client.md'), 'utf8')
const examples = new Map(
  [...page.matchAll(/<!-- test: (\w+) -->\n```js\n([\s\S]*?)```/g)].map(
    ([, name = '', code = '']) => [name, code],
  ),
)

t.test('the examples of the client library work as they are written', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-client-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(root, join(directory, 'node_modules', 'mesh'))
  const key = generatePrivateKey(systemRandom)
  const text = writePrivateKey(key, { format: 'openssh' })
  writeFileSync(join(directory, 'admin.key'), text, { mode: 0o600 })
  const node = createNode({
    name: 'client',
    peerId: '' as PeerId,
    directory,
    configure: ({ cluster, http }) => `state_dir = "${directory}/state"
[network]
id = "home"
[cluster]
listen = ["/ip4/127.0.0.1/tcp/${cluster}"]
[http]
port = ${http}
socket = "${directory}/mesh.sock"
[files]
motd = ["${formatPublicKey(key.publicKey, 'openssh')}"]
`,
  })
  await node.start()
  t.teardown(() => node.kill())
  const runExample = async (name: string): Promise<string> => {
    const path = join(directory, `${name}.mjs`)
    const code = (examples.get(name) ?? 'throw new Error("there is no such example")')
      .replaceAll('http://127.0.0.1:7331', node.url)
      .replaceAll('/run/mesh/mesh.sock', node.socketPath)
    writeFileSync(path, code)
    const outcome = await run(process.execPath, ['--no-warnings', path], { cwd: directory })
    t.equal(outcome.code, 0, outcome.err)
    return outcome.out
  }
  t.equal(await runExample('read'), 'network home\nmotd: none, no version\n')
  t.equal(await runExample('publish'), 'motd version 1 stored\n')
  t.equal(await runExample('publish'), 'motd version 2 stored\n')
  t.equal(await runExample('read'), 'network home\nmotd: shown, version 2\n')
  t.equal(await runExample('errors'), 'hello\nERR_FILE_NOT_CONFIGURED\n')
  t.equal(examples.size, 3, 'each is run')
})
