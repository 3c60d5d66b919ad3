/** Types what the pages of protocols show with nothing but ssh-keygen, and has mesh judge what comes of it. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { bash, holdSteps, readSteps, takeTime, typeSteps } from './typed-page.ts'

const root = join(import.meta.dirname, '..', '..')
const directory = mkdtempSync(join(tmpdir(), 'mesh-stock-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
symlinkSync(join(root, 'bin/mesh'), join(directory, 'mesh'))
const at = { cwd: directory, env: { ...process.env, PATH: `${directory}:${process.env.PATH}` } }
takeTime(t)

for (const page of ['statement.md', 'certificate.md']) {
  const steps = readSteps(readFileSync(join(root, 'docs/protocols', page), 'utf8'))
  holdSteps(t, steps, await typeSteps(steps, at))
}

t.test('mesh takes the statement, and for no other content', async (t) => {
  const verify = 'mesh file verify motd --statement motd.stmt --signer alice.pub'
  const right = await bash(verify, at)
  t.equal(right.code, 0, right.err)
  const wrong = await bash(`echo more >> motd; ${verify}`, at)
  t.equal(wrong.code, 6, wrong.err)
})

t.test('mesh takes the certificate, and by no other network key', async (t) => {
  const verify = 'mesh certificate verify node-1.certificate --network example --network-key'
  const right = await bash(`${verify} network-key.pub`, at)
  t.equal(right.code, 0, right.err)
  const wrong = await bash(`${verify} alice.pub`, at)
  t.equal(wrong.code, 6, wrong.err)
})
