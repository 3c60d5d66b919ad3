/**
 * Runs every test of nix/tests in containers (nix/ci/run), each as a subtest: the scripts that users with
 * KVM run in VMs, and the units that the module makes.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { project } from './support.ts'

/** For the whole file on a machine that is slower by far; the runner's own limit ends none before. */
const FILE_TIMEOUT_MS = 3_600_000
const AT_ONCE = 2
/** Of what a test that failed has said; the reason stands at the end. */
const MAX_SHOWN = 20_000

interface Outcome {
  readonly code: number | null
  readonly output: string
}

const run = (...args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const program = join(project, 'nix', 'ci', 'run')
    const env = { ...process.env, MESH_STANDIN_NODE: process.execPath }
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })

/** Why no container can run here; `false` where they can. */
const whyNot = async (): Promise<string | false> => {
  const { code, output } = await run('--missing')
  if (code === 0) return output.trim() || false
  return `nix/ci/run does not start; it needs python3: ${output.trim().slice(-500)}`
}

const names = readdirSync(join(project, 'nix', 'tests'))
  .filter((file) => file.endsWith('.nix') && file !== 'default.nix' && file !== 'lib.nix')
  .map((file) => basename(file, '.nix'))
  .sort()

t.setTimeout(FILE_TIMEOUT_MS)
// For tap in the process above.
t.comment(`timeout=${FILE_TIMEOUT_MS}`)

const skip = await whyNot()
let built = false

t.test('nix/tests/default.nix names every test', { skip }, async (t) => {
  const { code, output } = await run('--list')
  t.equal(code, 0, output)
  t.same(output.trim().split('\n').sort(), names)
})

t.test('everything that the nodes are made of is built', { skip }, async (t) => {
  t.setTimeout(FILE_TIMEOUT_MS)
  const { code, output } = await run('--build')
  built = code === 0
  t.ok(built, built ? 'built' : output.slice(-MAX_SHOWN))
})

t.test('in containers', { skip, jobs: AT_ONCE }, async (t) => {
  t.setTimeout(FILE_TIMEOUT_MS)
  if (!built) {
    t.fail('there is nothing to run; see above')
    return
  }
  for (const name of names) {
    void t.test(name, { buffered: true, timeout: FILE_TIMEOUT_MS }, async (t) => {
      const { code, output } = await run(name)
      t.equal(code, 0, code === 0 ? 'passes' : `passes\n${output.slice(-MAX_SHOWN)}`)
    })
  }
})
