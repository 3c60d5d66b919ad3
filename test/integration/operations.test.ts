/**
 * Types docs/operations.md, from the first block to the last, at an administrator's machine with real daemons
 * behind it; ssh, scp and systemctl are those of ./fleet, which know the machines of the page.
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
import { join } from 'node:path'
import t from 'tap'
import { bash, freePorts, holdSteps, readSteps, takeTime, typeSteps } from './typed-page.ts'

const root = join(import.meta.dirname, '..', '..')
const steps = readSteps(readFileSync(join(root, 'docs/operations.md'), 'utf8'))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const MACHINES = ['alpha', 'beta', 'gamma', 'delta']

/** A block of the README, which the page goes on from. */
const ofReadme = (mark: string): string =>
  new RegExp(`<!-- test: ${mark} -->\n\`\`\`[a-z]+\n([^]*?)\`\`\``).exec(readme)?.[1] ?? ''

// Short: unix sockets lie in it.
const directory = mkdtempSync(join(tmpdir(), 'mesh-ops-'))
const work = join(directory, 'work')
const fleet = join(directory, 'fleet')
const bin = join(directory, 'bin')
for (const path of [work, fleet, bin, join(fleet, 'there')]) mkdirSync(path)

const tools = join(import.meta.dirname, 'fleet')
symlinkSync(join(root, 'bin/mesh'), join(bin, 'mesh'))
for (const name of ['ssh', 'scp']) symlinkSync(join(tools, name), join(bin, name))
for (const name of ['mesh', 'systemctl']) {
  symlinkSync(join(tools, `there-${name}`), join(fleet, 'there', name))
}

const ports = await freePorts(MACHINES.length * 2)
writeFileSync(
  join(fleet, 'ports'),
  MACHINES.map((name, at) => `${name} ${ports[at * 2]} ${ports[at * 2 + 1]}\n`).join(''),
)
for (const name of MACHINES) mkdirSync(join(fleet, name, 'etc'), { recursive: true })

const { MESH_SOCKET, MESH_URL, MESH_CONFIG, ...clean } = process.env
const env = {
  ...clean,
  PATH: `${bin}:${clean.PATH}`,
  MESH_FLEET: fleet,
  MESH_PROGRAM: join(root, 'bin/mesh'),
  COLUMNS: '100',
}

/** The machines as the README leaves them. */
const setUp = async (): Promise<string> => {
  const keys = await bash(`set -eu\n${ofReadme('keys')}\necho "$NETWORK" > id`, { cwd: work, env })
  const read = (name: string): string => readFileSync(join(work, name), 'utf8').trim()
  const alpha = (await bash('mesh peer id --key alpha.key', { cwd: work, env })).out
  const configuration = ofReadme('configuration')
    .replace('mesh-7c3k…', read('id'))
    .replace('ssh-ed25519 AAAA…', read('network.key.pub'))
    .replace('ssh-ed25519 AAAA…', read('admin.key.pub'))
    .replace('12D3KooW…', alpha.trim())
    // What is said of a line does not belong to the value of it.
    .replaceAll(/ +#.*$/gm, '')
  const starts = MACHINES.slice(0, 3).map((name) => {
    writeFileSync(join(fleet, name, 'etc/dm.toml'), configuration)
    return `scp network.psk ${name}:/etc/mesh/network.psk
scp ${name}.key ${name}:/etc/mesh/identity.key
scp ${name}.cert ${name}:/etc/mesh/node.cert
ssh ${name} systemctl start mesh`
  })
  const everybody = `until ssh alpha mesh status | grep '^peers  *2 connected'; do sleep 1; done`
  const started = await bash(['set -eu', ...starts, everybody].join('\n'), { cwd: work, env })
  return `${keys.err}${started.out}${started.err}`
}

const pidOf = (machine: string): number => {
  const path = join(fleet, machine, 'pid')
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
}

t.teardown(() => {
  for (const pid of MACHINES.map(pidOf)) {
    const line = `/proc/${pid}/cmdline`
    if (pid > 0 && existsSync(line) && readFileSync(line, 'utf8').includes(fleet)) {
      process.kill(pid, 'SIGKILL')
    }
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

takeTime(t)
t.comment(await setUp())
const result = await typeSteps(steps, { cwd: work, env })
if (process.env.MESH_TEST_SHOW !== undefined) t.comment(result.all)

t.test('speaks of everything that it promises', async (t) => {
  const headings = [...new Set(steps.map(({ heading }) => heading))].join('\n')
  for (const word of ['come and go', 'Trust', 'Backup', 'disk is lost', 'key is lost', 'Upgrade']) {
    t.match(headings, new RegExp(word))
  }
})

holdSteps(t, steps, result)

t.test('every stand-in is used', async (t) => {
  const typed = steps.map(({ typed, happened }) => `${happened}\n${typed}`).join('\n')
  for (const name of readdirSync(tools).filter((name) => name !== 'common.sh')) {
    t.match(typed, new RegExp(`\\b${name.replace('there-', '')} `), name)
  }
})
