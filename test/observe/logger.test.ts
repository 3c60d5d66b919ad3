import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createLogger } from '../../src/observe/index.ts'

t.test('lines carry component, data, and errors with their code and cause', async (t) => {
  const lines: string[] = []
  const log = createLogger({
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const child = log.child('sync')
  child.debug({}, 'not written')
  const cause = new Error('the wire broke')
  const error = new MeshError('ERR_STREAM_CLOSED', 'no more', { data: { peer: 'p' }, cause })
  child.warn({ error, count: 3 }, 'a stream ended')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), {
    component: 'sync',
    count: 3,
    msg: 'a stream ended',
    error: {
      code: 'ERR_STREAM_CLOSED',
      data: { peer: 'p' },
      message: 'no more',
      cause: { message: 'the wire broke' },
    },
  })
})

t.test('only a defect is written with its stack', async (t) => {
  const lines: string[] = []
  const log = createLogger({
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const cause = Object.assign(new Error('ENOENT: no such file'), { syscall: 'open' })
  log.error({ error: new MeshError('ERR_KEY_UNREADABLE', 'no key', { cause }) }, '')
  log.error({ error: new TypeError('a defect') }, '')
  log.error({ error: new MeshError('ERR_TIMEOUT', 'late', { cause: new TypeError('x') }) }, '')
  log.error({ error: 'thrown' }, '')
  const [expected, defect, below, other] = lines.map((line) => JSON.parse(line).error)
  t.same(expected, {
    code: 'ERR_KEY_UNREADABLE',
    message: 'no key',
    data: {},
    cause: 'ENOENT: no such file',
  })
  t.match(defect, { type: 'TypeError', stack: /logger\.test/ })
  t.match(below, { code: 'ERR_TIMEOUT', stack: undefined, cause: { stack: /logger\.test/ } })
  t.equal(other, 'thrown')
})

t.test('the level changes for a logger and the children it has', async (t) => {
  const lines: string[] = []
  const log = createLogger({
    level: 'error',
    destination: { write: (line) => void lines.push(line) },
  })
  const child = log.child('files')
  child.info({}, 'before')
  log.setLevel('info')
  child.info({}, 'after')
  log.child('http').info({}, 'later')
  t.same(
    lines.map((line) => JSON.parse(line).msg),
    ['after', 'later'],
  )
})
