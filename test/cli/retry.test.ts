import t from 'tap'
import { RETRY_WAITS_MS, withRetries } from '../../src/cli/retry.ts'
import { MeshError } from '../../src/errors/index.ts'
import type { Context } from '../../src/cli/context.ts'
import type { ErrorCode, ErrorData } from '../../src/errors/index.ts'

/** What a command says and how long it waits, while `failures` attempts fail. */
const attempt = async (failures: number, code: ErrorCode, data: ErrorData = {}) => {
  const waits: number[] = []
  const said: string[] = []
  const context = {
    err: {
      line: async (text: string) => void said.push(text),
      style: (_: string, text: string) => text,
    },
    sleep: async (ms: number) => void waits.push(ms),
    signal: new AbortController().signal,
  } as unknown as Context
  let left = failures
  const task = async (): Promise<string> => {
    if (left-- > 0) throw new MeshError(code, 'no place', { data })
    return 'done'
  }
  const result = await withRetries(context, task).catch((error: MeshError) => error.code)
  return { result, waits, said }
}

t.test('a daemon that cannot be reached is asked again, a few times', async (t) => {
  t.match(await attempt(2, 'ERR_DAEMON_UNREACHABLE'), { result: 'done', waits: [250, 750] })
  const { result, waits } = await attempt(9, 'ERR_DAEMON_UNREACHABLE')
  t.same([result, waits], ['ERR_DAEMON_UNREACHABLE', RETRY_WAITS_MS])
})

t.test('a daemon without a place is asked again when it says, and not much later', async (t) => {
  const asked = await attempt(1, 'ERR_DAEMON_BUSY', { retryAfterSeconds: 5 })
  t.match(asked, { result: 'done', waits: [5_000], said: [/no place; trying again in 5 s/] })
  t.match(await attempt(1, 'ERR_DAEMON_BUSY', { retryAfterSeconds: 1e9 }), { waits: [10_000] })
  t.match(await attempt(1, 'ERR_DAEMON_BUSY', { retryAfterSeconds: -5 }), { waits: [250] })
  t.match(await attempt(1, 'ERR_DAEMON_BUSY'), { waits: [250] })
})

t.test('what another attempt would not mend is told at once', async (t) => {
  t.same(await attempt(1, 'ERR_FILE_NOT_NEWER'), {
    result: 'ERR_FILE_NOT_NEWER',
    waits: [],
    said: [],
  })
})
