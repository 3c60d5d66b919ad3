/** Holds docs/metrics.md against what a running daemon tells, both ways. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run, startCluster } from './integration/cluster.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/metrics.md'), 'utf8')
const cluster = await startCluster()
t.teardown(cluster.stop)
const [node] = cluster.nodes
const { out } = await run('curl', ['-sS', '--unix-socket', node.socketPath, 'http://mesh/metrics'])

/** Name, type and help of each metric of ours. */
const told = [...out.matchAll(/^# HELP (mesh_\w+) (.*)\n# TYPE \1 (\w+)$/gm)]
  .map(([, name, help, type]) => `${name} | ${type} | ${help}`)
  .sort()
const written = [...page.matchAll(/^\| `(mesh_\w+)` \| (\w+) \| (.*?) \|/gm)]
  .map(([, name, type, help]) => `${name} | ${type} | ${help}`)
  .sort()

t.test('the page lists what a daemon tells, and nothing else', async (t) => {
  t.ok(told.length > 15, 'something is told')
  t.strictSame(written, told)
})

t.test('a daemon tells how many peers it has and what it holds', async (t) => {
  t.match(out, /^mesh_peers_connected [12]$/m)
  t.match(out, /^mesh_files\{state="none"\} 2$/m)
  t.match(out, /^mesh_build_info\{version="[0-9.]+"\} 1$/m)
  t.match(out, /^mesh_worker_runs_total\{worker="[a-z-]+"\} \d+$/m)
  const inDays =
    (Number(/^mesh_certificate_expiry\S+ (\S+)$/m.exec(out)?.[1]) * 1000 - Date.now()) / 86_400_000
  t.ok(inDays > 89 && inDays < 91, `the certificate ends in ${inDays} days`)
})
