/** Does what the README says, with the blocks that it marks `<!-- test: … -->`, word for word. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createNode, run, until } from './cluster.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { ClusterNode } from './cluster.ts'

const root = join(import.meta.dirname, '..', '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The block after a mark. */
const block = (mark: string): string => {
  const found = new RegExp(`<!-- test: ${mark} -->\n\`\`\`[a-z]+\n([^]*?)\`\`\``).exec(readme)?.[1]
  if (found === undefined) throw new Error(`the README has no block marked ${mark}`)
  return found
}

const directory = mkdtempSync(join(tmpdir(), 'mesh-readme-'))
t.teardown(async () => {
  for (const node of nodes) await node.kill().catch(() => {})
  rmSync(directory, { recursive: true, force: true })
})
mkdirSync(join(directory, 'bin'))
symlinkSync(join(root, 'bin', 'mesh'), join(directory, 'bin', 'mesh'))

const nodes: ClusterNode[] = []
let network = ''

/** Types a block of shell; `mesh` is on the path, as the README supposes. */
const type = (script: string) => {
  const [first] = nodes
  const exports = [`PATH="${directory}/bin:$PATH"`, `NETWORK='${network}'`]
  const typed = script
    .replaceAll('http://localhost:7331', first?.url ?? '')
    .replaceAll('/var/lib/mesh', first?.stateDir ?? '')
  return run('bash', ['-euo', 'pipefail', '-c', `export ${exports.join(' ')}\n${typed}`], {
    cwd: directory,
  })
}

const read = (name: string): string => readFileSync(join(directory, name), 'utf8').trim()

const shownEverywhere = (content: string) =>
  Promise.all(
    nodes.map((node) => until(`motd at ${node.name}`, () => node.read('motd') === content)),
  )

t.test(
  'the keys are made as written, and three machines start with the configuration',
  async (t) => {
    const { code, out, err } = await type(`${block('keys')}\nprintf '%s' "$NETWORK" > network.id`)
    t.equal(code, 0, `${out}\n${err}`)
    network = read('network.id')
    for (const name of ['alpha', 'beta', 'gamma']) {
      const home = join(directory, name)
      mkdirSync(home)
      const peerId = (await type(`mesh peer id --key ${name}.key`)).out.trim() as PeerId
      const node = createNode({
        name,
        peerId,
        directory: home,
        configure: ({ cluster, http }) =>
          `state_dir = "${home}/state"\n` +
          block('configuration')
            .replace('mesh-7c3k…', network)
            .replace('ssh-ed25519 AAAA…', read('network.key.pub'))
            .replace('ssh-ed25519 AAAA…', read('admin.key.pub'))
            .replace('/etc/mesh/network.psk', join(directory, 'network.psk'))
            .replace('/etc/mesh/node.cert', join(directory, `${name}.cert`))
            .replace('/etc/mesh/identity.key', join(directory, `${name}.key`))
            .replace(/"\/dns\/alpha.*"/, name === 'alpha' ? '' : `"${nodes[0]?.address}"`)
            .replace('[files]', `listen = ["/ip4/127.0.0.1/tcp/${cluster}"]\n[files]`)
            .replace('[files]', `[http]\nport = ${http}\nsocket = "${home}/mesh.sock"\n[files]`),
      })
      nodes.push(node)
      await node.start()
    }
  },
)

t.test('a file is published with our command', async (t) => {
  writeFileSync(join(directory, 'motd'), 'first\n')
  const { code, out, err } = await type(block('update'))
  t.equal(code, 0, err)
  t.match(out, /motd version 1 stored/)
  await shownEverywhere('first\n')
})

t.test('a file is published with our statement and curl', async (t) => {
  writeFileSync(join(directory, 'motd'), 'second\n')
  const { code, out, err } = await type(block('curl-with-our-statement'))
  t.equal(code, 0, `${out}\n${err}`)
  await shownEverywhere('second\n')
})

t.test('a file is published with nothing but ssh-keygen and curl', async (t) => {
  writeFileSync(join(directory, 'motd'), 'third\n')
  const { code, out, err } = await type(block('curl-with-ssh-keygen'))
  t.equal(code, 0, `${out}\n${err}`)
  await shownEverywhere('third\n')
})

t.test('ssh-keygen verifies what a daemon shows', async (t) => {
  const { code, out, err } = await type(block('verify-with-ssh-keygen'))
  t.equal(code, 0, err)
  t.match(out, /Good "mesh-file" signature for admin/)
  const changed = await type(
    `${block('verify-with-ssh-keygen').replace('< motd.text', '< <(tr 3 4 < motd.text)')}`,
  )
  t.not(changed.code, 0, 'and refuses it when one digit differs')
})

t.test('what is shown for looking at a node works', async (t) => {
  const [first] = nodes
  const commands = block('look').split('\n').filter(Boolean)
  t.ok(commands.length >= 5)
  for (const command of commands) {
    const where = command.startsWith('mesh doctor') ? `--config ${first?.configPath}` : ''
    const { code, out, err } = await type(
      command.replace(/ *(?:#.*)?$/, ` ${where} --socket ${first?.socketPath}`),
    )
    // What is wrong with this machine is not the README's fault.
    if (command.startsWith('mesh doctor')) t.ok(code === 0 || code === 10, `${out}${err}`)
    else t.equal(code, 0, `${command}: ${err}`)
    t.ok(out.length > 0)
  }
})

t.test('a file is deleted everywhere', async (t) => {
  const [, command = ''] = /Delete it everywhere with `([^`]+)`/.exec(readme) ?? []
  const { code, err } = await type(command)
  t.equal(code, 0, err)
  await Promise.all(nodes.map((node) => until('no motd', () => node.read('motd') === undefined)))
})
