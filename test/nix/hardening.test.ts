/** What the units may do, as `systemd-analyze security` scores it: below 2.0, and nothing runs for it. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { publicText } from '../cli/harness.ts'
import { evaluate, nixMissing, run, takeTime } from './support.ts'
import type { TestOptions } from './support.ts'

takeTime(t)

/** In tenths. */
const THRESHOLD = 20

const missing = (): TestOptions | { readonly skip?: string } => {
  const { status } = spawnSync('systemd-analyze', ['security', '--help'], { stdio: 'ignore' })
  return status === 0 ? nixMissing() : { skip: 'systemd-analyze is not installed' }
}

t.test('every unit of the module scores below 2.0', missing(), async (t) => {
  const units = await evaluate(
    `(system { files.motd = { signers = [ "${publicText(1)}" ]; restartUnits = [ "x.service" ]; }; }).units`,
  )
  const directory = t.testdir()
  const services = Object.entries(Object(units)).filter(([name]) => name.endsWith('.service'))
  t.same(services.map(([name]) => name).sort(), [
    'mesh-changed-motd.service',
    'mesh-file@.service',
    'mesh.service',
  ])
  const score = async (name: string, text: string) => {
    const file = join(directory, name)
    writeFileSync(file, text)
    const gate = ['security', '--offline=true', `--threshold=${THRESHOLD}`, '--no-pager', file]
    return run('systemd-analyze', gate)
  }
  for (const [name, text] of services) {
    const { code, stdout, stderr } = await score(name, String(text))
    t.equal(code, 0, `${name}: ${stdout.trim().split('\n').at(-1)} ${stderr}`)
  }
  t.comment('and the gate can close')
  const [, text] = services.find(([name]) => name === 'mesh.service') ?? []
  const open = await score('mesh.service', String(text).replace(/^(SystemCall|Protect).*\n/gm, ''))
  t.not(open.code, 0)
})
