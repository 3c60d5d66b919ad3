import t from 'tap'
import { createHealth } from '../../src/observe/index.ts'

const setUp = () => {
  let nowMs = 0
  const health = createHealth({ clock: { nowMs: () => nowMs } })
  const raise = (code: string, subject: string, severity: 'warning' | 'error', atMs: number) => {
    nowMs = atMs
    health.raise({ code, subject, severity, message: `${code} at ${atMs}` })
  }
  return { health, raise }
}

t.test('errors come before warnings, older before newer', async (t) => {
  const { health, raise } = setUp()
  raise('a', '', 'warning', 1)
  raise('b', '', 'error', 3)
  raise('c', '', 'error', 2)
  t.same(
    health.list().map(({ code }) => code),
    ['c', 'b', 'a'],
  )
})

t.test('raised again, a warning keeps its age and takes the new message', async (t) => {
  const { health, raise } = setUp()
  raise('a', 'x', 'warning', 1)
  raise('a', 'x', 'warning', 5)
  t.match(health.list(), [{ sinceMs: 1, message: 'a at 5' }])
})

t.test('a warning is cleared by code and subject', async (t) => {
  const { health, raise } = setUp()
  raise('a', 'x', 'warning', 1)
  raise('a', 'y', 'warning', 1)
  health.clear('a', 'x')
  health.clear('a')
  t.same(
    health.list().map(({ subject }) => subject),
    ['y'],
  )
})

t.test('what begins and what ends is logged once, by its severity', async (t) => {
  const lines: unknown[] = []
  const log = (level: string) => (data: object, message: string) =>
    void lines.push([level, data, message])
  const health = createHealth({
    clock: { nowMs: () => 0 },
    logger: { error: log('error'), warn: log('warn'), info: log('info') },
  })
  const about = { code: 'a', subject: 'x' }
  health.clear('a', 'x')
  health.raise({ ...about, severity: 'warning', message: 'soon' })
  health.raise({ ...about, severity: 'warning', message: 'very soon' })
  health.raise({ ...about, severity: 'error', message: 'now' })
  health.clear('a', 'x')
  health.clear('a', 'x')
  t.same(lines, [
    ['warn', about, 'soon'],
    ['error', about, 'now'],
    ['info', about, 'no longer wrong'],
  ])
})

t.test('what the caller has logged is not logged twice, and its end is', (t) => {
  const lines: string[] = []
  const log = (_: object, message: string): void => void lines.push(message)
  const health = createHealth({
    clock: { nowMs: () => 1 },
    logger: { error: log, warn: log, info: log },
  })
  const stalled = { code: 'stalled', subject: '', severity: 'warning', message: 'stalled' } as const
  health.raise(stalled, { isLogged: true })
  t.same(lines, [])
  t.equal(health.list().length, 1)
  health.clear('stalled')
  t.same(lines, ['no longer wrong'])
  t.end()
})
