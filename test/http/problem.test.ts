import t from 'tap'
import { errorTable, MeshError } from '../../src/errors/index.ts'
import { problemStatus } from '../../src/http/index.ts'
import { rawProblem, toProblem } from '../../src/http/problem.ts'

t.test(
  'every error code has a status of a client or a server error, and no other has',
  async (t) => {
    t.same(Object.keys(problemStatus).sort(), Object.keys(errorTable).sort())
    for (const [code, status] of Object.entries(problemStatus)) {
      t.ok(status >= 400 && status < 600, `${code} is ${status}`)
    }
  },
)

t.test('a problem says type, title, status, detail, code and the facts', async (t) => {
  const error = new MeshError('ERR_FILE_NOT_FOUND', 'a has gone', { data: { name: 'a' } })
  t.same(toProblem(error, 'r1', { current: null }).body, {
    type: 'urn:mesh:error:ERR_FILE_NOT_FOUND',
    title: errorTable.ERR_FILE_NOT_FOUND,
    status: 404,
    detail: 'a has gone',
    code: 'ERR_FILE_NOT_FOUND',
    name: 'a',
    current: null,
  })
})

t.test('facts cannot pass for the members of a problem', async (t) => {
  const data = { status: 200, code: 'ok', type: 'x', title: 'x', detail: 'x' }
  const { body } = toProblem(new MeshError('ERR_TIMEOUT', 'late', { data }), 'r1')
  t.match(body, { status: 504, code: 'ERR_TIMEOUT', detail: 'late' })
})

t.test('an unexpected error tells its request id and nothing else', async (t) => {
  for (const error of [
    new TypeError('password is hunter2'),
    'password is hunter2',
    new MeshError('ERR_INTERNAL', 'password is hunter2', { data: { password: 'hunter2' } }),
  ]) {
    const { body } = toProblem(error, 'r7')
    t.match(body, { status: 500, code: 'ERR_INTERNAL', detail: /r7/ })
    t.notMatch(JSON.stringify(body), /hunter2/)
  }
})

t.test('what the framework refuses is a malformed request', async (t) => {
  const error = Object.assign(new Error('bad media type'), { statusCode: 415 })
  t.match(toProblem(error, 'r1').body, { status: 400, code: 'ERR_REQUEST_MALFORMED' })
  const broken = Object.assign(new Error('secret'), { statusCode: 500 })
  t.equal(toProblem(broken, 'r1').body.code, 'ERR_INTERNAL')
})

t.test('a raw answer is complete and closes', async (t) => {
  const text = rawProblem(new MeshError('ERR_REQUEST_TOO_LARGE', 'long'))
  const [head = '', body = ''] = text.split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 431 /)
  t.match(head, /\r\nConnection: close\r\n/)
  t.match(head, `Content-Length: ${body.length}`)
  t.match(JSON.parse(body), { code: 'ERR_REQUEST_TOO_LARGE' })
})
