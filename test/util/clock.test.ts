import t from 'tap'
import { systemClock } from '../../src/util/index.ts'

t.test('a scheduled call comes once, a cancelled one never, a far one not at once', async (t) => {
  const trace: string[] = []
  const keepAlive = setTimeout(() => undefined, 1000)
  const cancel = systemClock.schedule(1, () => trace.push('cancelled'))
  const far = systemClock.schedule(2 ** 40, () => trace.push('far'))
  cancel()
  await new Promise<void>((resolve) => systemClock.schedule(20, resolve))
  clearTimeout(keepAlive)
  far()
  t.same(trace, [])
})
