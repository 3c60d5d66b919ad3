/**
 * The package as `npm pack` makes it, in an empty project: its command, its daemon, its types, and the
 * examples of docs/client.md. Of the packages of npm it finds those that the lock file has for production.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { formatPublicKey, generatePrivateKey, writePrivateKey } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createNode, run, until } from './cluster.ts'
import type { PeerId } from '../../src/keys/index.ts'

const root = join(import.meta.dirname, '..', '..')
const TOOL_TIMEOUT_MS = 240_000
const page = readFileSync(join(root, 'docs', 'client.md'), 'utf8')
const examples = new Map(
  [...page.matchAll(/<!-- test: (\w+) -->\n```[jt]s\n([\s\S]*?)```/g)].map(
    ([, name = '', code = '']) => [name, code],
  ),
)

const directory = mkdtempSync(join(tmpdir(), 'mesh-package-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const modules = join(directory, 'node_modules')
const installed = join(modules, 'mesh')

const runIn = (cwd: string, program: string, args: readonly string[]) =>
  // tap puts a loader of its own into every Node below; what is to be seen here does without.
  run('env', ['-u', 'NODE_OPTIONS', program, ...args], {
    cwd,
    timeoutMs: TOOL_TIMEOUT_MS,
    // The command is to be found as a program of its own, and to take the Node of this test.
    env: { ...process.env, MESH_NODE: process.execPath },
  })
const inProject = (program: string, args: readonly string[]) => runIn(directory, program, args)

/** What npm would install beside the package: nothing that only developers need. */
const linkDependencies = (): void => {
  const { packages }: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  // For the types of Node, as a project in TypeScript has them.
  const wanted = ['node_modules/@types/node', ...Object.keys(packages)]
  for (const path of wanted) {
    const isNested = path.lastIndexOf('node_modules/') > 0
    const isTaken = path === '' || isNested || !existsSync(join(root, path))
    if (isTaken || existsSync(join(directory, path))) continue
    if (packages[path]?.dev === true && path !== 'node_modules/@types/node') continue
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    symlinkSync(join(root, path), join(directory, path))
  }
}

const key = generatePrivateKey(systemRandom)
const node = createNode({
  name: 'installed',
  peerId: '' as PeerId,
  directory,
  entry: join(directory, 'daemon.mjs'),
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
t.teardown(() => node.kill())

t.test('npm packs what is needed and no source', async (t) => {
  const packed = await runIn(root, 'npm', ['pack', '--silent', '--pack-destination', directory])
  t.equal(packed.code, 0, packed.err)
  mkdirSync(installed, { recursive: true })
  const tarball = join(directory, packed.out.trim().split('\n').at(-1) ?? '')
  const unpacked = await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  t.equal(unpacked.code, 0, unpacked.err)
  t.same(readdirSync(installed).sort(), [
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'dm.toml.example',
    'docs',
    'package.json',
  ])
  const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
  // Node refuses to run TypeScript below node_modules.
  t.same(
    files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')),
    [],
  )
  t.ok(files.length > 500)
  linkDependencies()
  mkdirSync(join(modules, '.bin'))
  symlinkSync('../mesh/bin/mesh', join(modules, '.bin', 'mesh'))
})

t.test('the command runs as installed', async (t) => {
  const { version }: { version: string } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const told = await inProject(join(modules, '.bin', 'mesh'), ['--version'])
  t.equal(told.out, `${version}\n`, told.err)
  const made = await inProject(join(modules, '.bin', 'mesh'), ['generate', 'network'])
  t.match(made.out, /^mesh-[0-9a-f]{32}\n$/, made.err)
})

t.test('the daemon runs as installed, its page and the check of its database too', async (t) => {
  writeFileSync(
    join(directory, 'daemon.mjs'),
    `process.argv.splice(2, 1, 'server', '--config', process.argv[2])
// Whoever started it holds the other end; a test that is killed leaves no daemon behind.
process.stdin.resume().once('end', () => process.exit(1))
process.stdin.unref?.()
await import('./node_modules/mesh/dist/cli/start.js')
`,
  )
  // Opened twice and not closed: then a program of its own reads the database first.
  for (const _ of ['first', 'second']) {
    await node.start()
    await node.kill()
  }
  await node.start()
  t.same(
    readdirSync(node.stateDir).filter((name) => name.includes('damaged')),
    [],
    'that program is found, and finds nothing',
  )
  const shown = await until('the page', async () => {
    const answer = await fetch(node.url)
    return answer.ok && answer.text()
  })
  t.match(shown, /<script[^>]+src="\/page\/main\.js"/)
  t.equal((await fetch(`${node.url}/page/main.js`)).status, 200)
  const status = await inProject(join(modules, '.bin', 'mesh'), [
    'status',
    '--socket',
    node.socketPath,
  ])
  t.match(status.out, /network +home/, status.err)
})

t.test('the examples of the client library work as they are written', async (t) => {
  const text = writePrivateKey(key, { format: 'openssh' })
  writeFileSync(join(directory, 'admin.key'), text, { mode: 0o600 })
  const runExample = async (name: string, extension = 'mjs'): Promise<string> => {
    const path = join(directory, `${name}.${extension}`)
    const code = (examples.get(name) ?? 'throw new Error("there is no such example")')
      .replaceAll('http://127.0.0.1:7331', node.url)
      .replaceAll('/run/mesh/mesh.sock', node.socketPath)
    writeFileSync(path, code)
    const outcome = await inProject(process.execPath, ['--no-warnings', path])
    t.equal(outcome.code, 0, outcome.err)
    return outcome.out
  }
  t.equal(await runExample('read'), 'network home\nmotd: none, no version\n')
  t.equal(await runExample('publish'), 'motd version 1 stored\n')
  t.equal(await runExample('publish'), 'motd version 2 stored\n')
  t.equal(await runExample('read'), 'network home\nmotd: shown, version 2\n')
  t.equal(await runExample('errors'), 'hello\nERR_FILE_NOT_CONFIGURED\n')
  t.equal(await runExample('typed', 'mts'), 'motd is shown\n')
  t.equal(examples.size, 4, 'each is run')
})

t.test('a project in TypeScript is told what the library takes and gives', async (t) => {
  writeFileSync(
    join(directory, 'wrong.mts'),
    `import { createClient } from 'mesh/client'
const client = createClient({ socket: 'a' })
export const wrong: number = (await client.files()).networkId
`,
  )
  const check = async (...files: readonly string[]) => {
    const tsc = join(root, 'node_modules', '.bin', 'tsc')
    const strict = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024']
    return inProject(process.execPath, [tsc, ...strict, ...files])
  }
  const right = await check('typed.mts')
  t.equal(right.code, 0, right.out)
  const wrong = await check('wrong.mts')
  t.match(wrong.out, /wrong\.mts\(2,.*TS2353/)
  t.match(wrong.out, /wrong\.mts\(3,.*TS2322/)
})
