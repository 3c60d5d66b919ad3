import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import type { Test } from 'tap'

const door = new URL('../../src/observe/index.ts', import.meta.url).href

/** A process that logs, and says on standard error how far it is. */
const startLogging = (t: Test, stdout: 'pipe' | number, work: string) => {
  const program = `
    import { createLogger } from ${JSON.stringify(door)}
    const log = createLogger({ level: 'info' })
    const told = (text) => new Promise((resolve) => process.stderr.write(text, resolve))
    const asked = () => new Promise((resolve) => process.stdin.once('data', resolve))
    ${work}
    process.exit(7)`
  const args = ['--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', stdout, 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  t.teardown(() => {
    clearTimeout(timer)
    child.kill('SIGKILL')
  })
  return child
}

t.test('every line is there when the process ends', async (t) => {
  const work = `for (let line = 0; line < 5000; line++) log.info({ line }, 'hello')`
  const child = startLogging(t, 'pipe', work)
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (piece) => {
    text += piece
  })
  t.same(await once(child, 'close'), [7, null])
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).line)
  t.same(new Set(numbers).size, 5000)
})

t.test('a reader that is gone does not keep the process from ending', async (t) => {
  const work = `
    await told('ready')
    await asked()
    for (let line = 0; line < 100; line++) log.info({ line }, 'hello')`
  const child = startLogging(t, 'pipe', work)
  await once(child.stderr ?? child, 'data')
  child.stdout?.destroy()
  await once(child.stdout ?? child, 'close')
  child.stdin?.write('go')
  t.same(await once(child, 'exit'), [7, null])
})

t.test('a full disk costs lines and nothing else', async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const work = `
    log.info({}, 'lost')
    await told('ready')
    await asked()
    log.info({}, 'lost too')`
  const child = startLogging(t, full, work)
  await once(child.stderr ?? child, 'data')
  child.stdin?.write('go')
  t.same(await once(child, 'exit'), [7, null])
})
