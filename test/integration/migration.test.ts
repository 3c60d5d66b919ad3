/** Types docs/migration.md, with the files that somebody who comes from data-mesher has. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createNode } from './cluster.ts'
import { bash, holdSteps, readSteps, takeTime, typeSteps } from './typed-page.ts'
import type { PeerId } from '../../src/keys/index.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs/migration.md'), 'utf8')
const block = (name: string): string =>
  new RegExp(`<!-- test: ${name} -->\\n\`\`\`toml\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''

const directory = mkdtempSync(join(tmpdir(), 'mesh-migration-'))
symlinkSync(join(root, 'bin/mesh'), join(directory, 'mesh'))
const env = { ...process.env, PATH: `${directory}:${process.env.PATH}`, COLUMNS: '100' }

// What its `generate keypair` leaves: OpenSSH's format, under its names; and 32 bytes in base64 in [files].
const generated = await bash(
  `for name in key identity; do
  ssh-keygen -q -t ed25519 -N '' -C '' -f $name && mv $name $name.priv
done
cut -d ' ' -f 2 key.pub | base64 -d | tail -c 32 | base64 > bytes`,
  { cwd: directory, env },
)
if (generated.code !== 0) throw new Error(generated.err)
const key = readFileSync(join(directory, 'bytes'), 'utf8').trim()
const sample = 'P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk='
for (const [file, mark] of [
  ['data-mesher.toml', 'before'],
  ['dm.toml', 'after'],
] as const) {
  writeFileSync(join(directory, file), block(mark))
}

const node = createNode({
  name: 'migrated',
  peerId: '' as PeerId,
  directory: mkdtempSync(join(tmpdir(), 'mesh-migrated-')),
  // As on the page, but for what is this machine's: directory, ports, and the network that it cannot reach.
  configure: ({ cluster, http }) =>
    block('after')
      .replace(/state_dir = .*/, 'state_dir = "state"')
      .replace(/^port = 7946/m, `port = ${cluster}`)
      .replace(/^port = 7331/m, `port = ${http}`)
      .replace(/bootstrap_peers = .*/, 'bootstrap_peers = []')
      .replace('allow_open_network = true', 'allow_open_network = false')
      .replace(/listen = \["tailscale0"\]/, 'listen = ["127.0.0.1"]\nsocket = "mesh.sock"')
      .replace(sample, key),
})
t.teardown(async () => {
  await node.kill()
  for (const path of [directory, node.directory]) rmSync(path, { recursive: true, force: true })
})

takeTime(t)
await node.start()
const steps = readSteps(page)
const typed = steps.map((step) => ({
  ...step,
  typed: step.typed.replaceAll('http://127.0.0.1:7331', node.url),
}))
const result = await typeSteps(typed, { cwd: directory, env })
holdSteps(t, steps, result)

t.test('the old key has signed what is shown', async (t) => {
  t.equal(node.read('config.json'), '{ "motd": "hello" }\n')
})
