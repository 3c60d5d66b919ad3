/**
 * A small mesh on this machine: makes keys, starts daemons, signs files, shows when each daemon had
 * them, and stays up to be played with. Everything it does is a command that a person could type;
 * it prints the ones worth knowing.
 *
 *     ./dev demo [--nodes N] [--once] [--keep]
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    once: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const nodeCount = Number(options.nodes)
if (options.help || !Number.isInteger(nodeCount) || nodeCount < 3 || nodeCount > 12) {
  process.stdout.write(`usage: ./dev demo [--nodes N] [--once] [--keep]

  --nodes N   daemons to start, 3 to 12 (default 3)
  --once      stop after showing the files arrive, instead of staying up
  --keep      leave the keys, logs and state behind
`)
  process.exit(options.help ? 0 : 2)
}

// Beside this script in a checkout; elsewhere when installed (`nix run .#demo`).
const mesh = process.env.MESH_DEMO_PROGRAM ?? join(import.meta.dirname, '..', 'bin', 'mesh')
const home = mkdtempSync(join(tmpdir(), 'mesh-demo-'))
const names = [
  'alpha',
  'beta',
  'gamma',
  'delta',
  'epsilon',
  'zeta',
  'eta',
  'theta',
  'iota',
  'kappa',
]
  .concat(['lambda', 'mu'])
  .slice(0, nodeCount)

const dim = (text: string): string =>
  process.stdout.isTTY && process.env.NO_COLOR === undefined ? `\x1b[2m${text}\x1b[0m` : text
const say = (line = ''): void => void process.stdout.write(`${line}\n`)
const shorten = (text: string): string => text.replaceAll(home, '$DEMO').replaceAll(mesh, 'mesh')

/** Runs a program to its end and returns what it printed; a failure shows its words and ends the demo. */
const run = (program: string, args: readonly string[], input?: string): string => {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 60_000,
      ...(input === undefined ? {} : { input }),
    })
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new Error(`${shorten([program, ...args].join(' '))} failed: ${stderr.trim() || error}`)
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })

interface Node {
  readonly name: string
  readonly directory: string
  readonly clusterPort: number
  readonly httpPort: number
  readonly url: string
  process?: ChildProcess
}

const makeNode = async (name: string): Promise<Node> => {
  const directory = join(home, name)
  mkdirSync(directory)
  const httpPort = await freePort()
  const url = `http://127.0.0.1:${httpPort}`
  return { name, directory, clusterPort: await freePort(), httpPort, url }
}

/** Keys and configuration, as an administrator would make them by hand. */
const configure = (nodes: readonly Node[]): void => {
  const networkId = run(mesh, ['generate', 'network']).trim()
  run(mesh, ['generate', 'psk', '--output', `${home}/network.psk`])
  run(mesh, ['generate', 'network-key', '--output', `${home}/network.key`])
  run(mesh, ['generate', 'signing-key', '--output', `${home}/admin.key`])
  const networkKey = readFileSync(`${home}/network.key.pub`, 'utf8').trim()
  const adminKey = readFileSync(`${home}/admin.key.pub`, 'utf8').trim()

  const peerIds = nodes.map((node) => {
    run(mesh, ['generate', 'identity-key', '--output', `${node.directory}/identity.key`])
    return run(mesh, ['peer', 'id', '--key', `${node.directory}/identity.key`]).trim()
  })
  for (const [index, node] of nodes.entries()) {
    const certificate = ['certificate', 'sign', '--network-key', `${home}/network.key`]
    run(mesh, [
      ...[...certificate, '--network', networkId, '--name', node.name],
      ...[
        '--key',
        peerIds[index] ?? '',
        '--expires',
        '30d',
        '--output',
        `${node.directory}/node.cert`,
      ],
    ])
    const first =
      index === 0 ? '' : `"/ip4/127.0.0.1/tcp/${nodes[0]?.clusterPort}/p2p/${peerIds[0]}"`
    writeFileSync(
      `${node.directory}/dm.toml`,
      `state_dir = "${node.directory}/state"

[network]
id = "${networkId}"
keys = ["${networkKey}"]
psk = "${home}/network.psk"
certificate = "${node.directory}/node.cert"
identity_key = "${node.directory}/identity.key"

[cluster]
listen = ["/ip4/127.0.0.1/tcp/${node.clusterPort}"]
bootstrap_peers = [${first}]

[http]
port = ${node.httpPort}
socket = "${node.directory}/mesh.sock"

[files]
"hello.txt" = ["${adminKey}"]
"motd" = ["${adminKey}"]
`,
    )
  }
}

const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    get(url, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    }).once('error', () => resolve(false))
  })

const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs))

const until = async (what: string, deadlineMs: number, test: () => boolean | Promise<boolean>) => {
  const startedMs = performance.now()
  while (!(await test())) {
    if (performance.now() - startedMs > deadlineMs) throw new Error(`gave up waiting for ${what}`)
    await pause(3)
  }
}

const start = async (node: Node): Promise<void> => {
  const log = openSync(`${node.directory}/log`, 'a')
  const child = spawn(mesh, ['server', '--config', `${node.directory}/dm.toml`], {
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  node.process = child
  await until(`${node.name} to be ready (log: ${node.directory}/log)`, 60_000, () => {
    if (child.exitCode !== null) {
      throw new Error(`${node.name} stopped:\n${readFileSync(`${node.directory}/log`, 'utf8')}`)
    }
    return answers(`${node.url}/readyz`)
  })
}

const stop = async (node: Node): Promise<void> => {
  const child = node.process
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await Promise.race([ended, pause(12_000)])
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
}

/** Prints how long after `beganMs` each daemon showed exactly this content. */
const watchArrival = async (
  nodes: readonly Node[],
  name: string,
  content: string,
  beganMs: number,
) => {
  await Promise.all(
    nodes.map(async (node) => {
      await until(`${name} at ${node.name}`, 60_000, () => {
        try {
          return readFileSync(`${node.directory}/state/files/${name}`, 'utf8') === content
        } catch {
          return false
        }
      })
      say(
        `    ${node.name.padEnd(8)} ${(performance.now() - beganMs).toFixed(0).padStart(5)} ms  ${node.directory}/state/files/${name}`,
      )
    }),
  )
}

const spawned = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    child.stdout.on('data', (chunk) => (printed += chunk))
    child.stderr.on('data', (chunk) => (printed += chunk))
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 ? resolve(printed.trim()) : reject(new Error(`${program}: ${printed}`)),
    )
  })

/** A file by our own command, into the first daemon. */
const uploadByCli = async (nodes: readonly Node[]): Promise<void> => {
  const content = `Hello from ${nodes[0]?.name}, at ${new Date().toISOString()}\n`
  writeFileSync(`${home}/hello.txt`, content)
  const args = [
    'file',
    'update',
    `${home}/hello.txt`,
    '--url',
    nodes[0]?.url ?? '',
    '--key',
    `${home}/admin.key`,
  ]
  say(`  ${dim('$')} ${shorten([mesh, ...args].join(' '))}`)
  const beganMs = performance.now()
  const [printed] = await Promise.all([
    spawned(mesh, args),
    watchArrival(nodes, 'hello.txt', content, beganMs),
  ])
  say(`    ${shorten(printed)}`)
}

/** A file with nothing of ours: the statement by hand, ssh-keygen and curl, into the last daemon. */
const uploadByCurl = async (nodes: readonly Node[], networkId: string): Promise<void> => {
  const node = nodes.at(-1)
  if (node === undefined) return
  const content = 'Signed with ssh-keygen, uploaded with curl.\n'
  const digest = createHash('sha256').update(content).digest('hex')
  writeFileSync(`${home}/motd`, content)
  writeFileSync(
    `${home}/motd.statement`,
    [
      'mesh-file 1',
      `network ${networkId}`,
      'name motd',
      'version 1',
      `time ${new Date().toISOString()}`,
      'expires never',
      'replaces none',
      `content sha256:${digest} ${Buffer.byteLength(content)}`,
      'blocks none',
      '',
    ].join('\n'),
  )
  say(`  ${dim('$')} ssh-keygen -Y sign -f $DEMO/admin.key -n mesh-file $DEMO/motd.statement`)
  run('ssh-keygen', [
    '-Y',
    'sign',
    '-f',
    `${home}/admin.key`,
    '-n',
    'mesh-file',
    `${home}/motd.statement`,
  ])
  const statement = readFileSync(`${home}/motd.statement`).toString('base64')
  const signature = readFileSync(`${home}/motd.statement.sig`, 'utf8').replace(
    /-----.*-----|\n/g,
    '',
  )
  say(
    `  ${dim('$')} curl -T $DEMO/motd -H "Mesh-Statement: $(base64 -w0 <$DEMO/motd.statement)" \\`,
  )
  say(
    `         -H "Mesh-Signature: $(grep -v -- ----- $DEMO/motd.statement.sig | tr -d '\\n')" ${node.url}/files/motd`,
  )
  const headers = ['-H', `Mesh-Statement: ${statement}`, '-H', `Mesh-Signature: ${signature}`]
  const beganMs = performance.now()
  const args = [
    '-sS',
    '--fail-with-body',
    '-T',
    `${home}/motd`,
    ...headers,
    `${node.url}/files/motd`,
  ]
  await Promise.all([spawned('curl', args), watchArrival(nodes, 'motd', content, beganMs)])
}

const explain = (nodes: readonly Node[]): void => {
  const command = process.env.MESH_DEMO_PROGRAM ?? 'bin/mesh'
  const [first, second] = nodes
  say(`
The mesh stays up until Ctrl-C. Everything is in ${home}. In another terminal, from here:

  export DEMO=${home}
  ${command} status --socket $DEMO/${first?.name}/mesh.sock
  ${command} peers  --socket $DEMO/${first?.name}/mesh.sock
  echo changed > $DEMO/hello.txt
  ${command} file update $DEMO/hello.txt --url ${first?.url} --key $DEMO/admin.key
  ${command} explain hello.txt --socket $DEMO/${second?.name}/mesh.sock
  ${command} file get hello.txt --url ${second?.url}
  ${command} file delete hello.txt --url ${second?.url} --key $DEMO/admin.key
  tail -f $DEMO/*/log

The same in a browser: ${first?.url}/`)
}

const nodes: Node[] = []
let stopping: Promise<void> | undefined
const end = (code: number): Promise<void> => {
  stopping ??= (async () => {
    await Promise.all(nodes.map(stop))
    if (!options.keep) rmSync(home, { recursive: true, force: true })
    say(
      options.keep
        ? `Stopped. Everything is still in ${home}.`
        : 'Stopped; nothing is left behind.',
    )
    process.exit(code)
  })()
  return stopping
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping !== undefined) {
      for (const node of nodes) node.process?.kill('SIGKILL')
      process.exit(130)
    }
    say('\nStopping ...')
    void end(0)
  })
}

try {
  for (const name of names) nodes.push(await makeNode(name))
  say(`Making keys, certificates and a pre-shared key in ${home} ...`)
  configure(nodes)
  say(`Starting ${nodes.length} daemons ...`)
  await Promise.all(nodes.map(start))
  for (const node of nodes) {
    say(
      `    ${node.name.padEnd(8)} ${node.url}  mesh on 127.0.0.1:${node.clusterPort}  pid ${node.process?.pid}`,
    )
  }
  const networkId =
    /^id = "(.*)"$/m.exec(readFileSync(`${nodes[0]?.directory}/dm.toml`, 'utf8'))?.[1] ?? ''
  say('\nA file signed and uploaded by our command line; milliseconds since the command began:')
  await uploadByCli(nodes)
  say('\nA file signed by ssh-keygen and uploaded by curl, to another daemon:')
  await uploadByCurl(nodes, networkId)
  if (options.once) await end(0)
  else {
    explain(nodes)
    setInterval(() => {
      const lost = nodes.find((node) => node.process?.exitCode !== null)
      if (lost !== undefined && stopping === undefined) {
        say(`${lost.name} has stopped by itself; see ${lost.directory}/log`)
      }
    }, 5000)
  }
} catch (error) {
  if (stopping === undefined) {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : error}\n`)
    await end(1)
  }
}
