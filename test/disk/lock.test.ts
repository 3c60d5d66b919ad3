import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockStateDirectory } from '../../src/disk/index.ts'

const door = new URL('../../src/disk/index.ts', import.meta.url).href

t.test('locks a directory once in one process', async (t) => {
  const dir = t.testdir({})
  const lock = await lockStateDirectory(dir)
  await t.rejects(lockStateDirectory(dir), {
    code: 'ERR_STATE_LOCKED',
    message: new RegExp(`process ${process.pid}`),
  })
  await lock.release()
  await lock.release()
  await (await lockStateDirectory(dir)).release()
})

t.test(
  'names the process that holds the lock, and takes it over when that was killed',
  async (t) => {
    const dir = t.testdir({})
    const program = `
    import { lockStateDirectory } from ${JSON.stringify(door)}
    await lockStateDirectory(${JSON.stringify(dir)})
    console.log('locked')
    setTimeout(() => {}, 60_000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    await t.rejects(lockStateDirectory(dir), {
      code: 'ERR_STATE_LOCKED',
      message: new RegExp(`process ${holder.pid}`),
    })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await (await lockStateDirectory(dir)).release()
  },
)

t.test(
  'is a clear error on a directory that is not there or a file that is not a lock',
  async (t) => {
    const dir = t.testdir({})
    await t.rejects(lockStateDirectory(join(dir, 'none')), { code: 'ERR_STATE_UNUSABLE' })
    writeFileSync(join(dir, 'lock'), 'x'.repeat(5000))
    await t.rejects(lockStateDirectory(dir), { code: 'ERR_STATE_UNUSABLE', message: /lock/ })
  },
)
