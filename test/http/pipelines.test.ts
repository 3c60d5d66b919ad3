import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { limitPipelines } from '../../src/http/pipelines.ts'
import type { RequestListener, ServerResponse } from 'node:http'
import type { Test } from 'tap'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

const startServer = async (t: Test, handle: RequestListener): Promise<number> => {
  const server = createServer()
  server.on('request', limitPipelines(handle, { maxUnanswered: 3 }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** All that comes back until the connection closes. */
const exchange = async (port: number, sent: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  socket.write(sent)
  return (await socket.setEncoding('utf8').toArray()).join('')
}

t.test(
  'of many requests sent ahead the first are answered, in order, and no other is worked on',
  async (t) => {
    const asked: string[] = []
    const port = await startServer(t, ({ url = '' }, response) => {
      asked.push(url)
      setImmediate(() => response.end(`answer to ${url}`))
    })
    const paths = Array.from({ length: 200 }, (_, index) => `/${index}`)
    const answers = await exchange(port, paths.map(get).join(''))
    t.same(asked, ['/0', '/1', '/2'])
    t.same(answers.match(/answer to \/\d+/g), ['answer to /0', 'answer to /1', 'answer to /2'])
    t.same(answers.match(/Connection: [a-z-]+/gi)?.at(-1), 'Connection: close')
  },
)

t.test('answers make room for further requests', async (t) => {
  let count = 0
  const port = await startServer(t, (_, response) => {
    count++
    response.end('done')
  })
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  for (let turn = 0; turn < 3; turn++) {
    socket.write(get('/a') + get('/b'))
    let answers = 0
    while (answers < 2) {
      const [piece] = await once(socket, 'data')
      answers += `${piece}`.match(/HTTP\/1.1 200/g)?.length ?? 0
    }
  }
  t.equal(count, 6)
})

t.test('who sends ahead waits for its own answers, and nobody else does', async (t) => {
  const asked: string[] = []
  const held: ServerResponse[] = []
  const port = await startServer(t, ({ url = '' }, response) => {
    asked.push(url)
    if (url === '/other') response.end('answer to /other')
    else held.push(response)
  })
  const ahead = exchange(port, ['/1', '/2', '/3'].map(get).join(''))
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const one = 'GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  t.match(await exchange(port, one), /answer to \/other/)
  t.same(asked, ['/1', '/other'])
  for (const path of ['/1', '/2', '/3']) {
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    held.shift()?.end(`answer to ${path}`)
  }
  t.same((await ahead).match(/answer to \/\d/g), ['answer to /1', 'answer to /2', 'answer to /3'])
})

t.test('nothing is worked on for a connection that is gone', async (t) => {
  const asked: string[] = []
  const gone = Promise.withResolvers<void>()
  const port = await startServer(t, ({ url = '', socket }, response) => {
    asked.push(url)
    if (url === '/other') return void response.end()
    socket.once('close', () => gone.resolve())
    client.destroy()
  })
  const client = connect(port, '127.0.0.1').on('error', () => {})
  client.write(['/1', '/2', '/3'].map(get).join(''))
  await gone.promise
  const one = 'GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  await exchange(port, one)
  t.same(asked, ['/1', '/other'])
})

t.test(
  'what is left of a connection that sent too much ahead is ended without stacks',
  async (t) => {
    const errors: Error[] = []
    const port = await startServer(t, (request) => {
      request.on('error', (error) => errors.push(error))
    })
    const limit = Error.stackTraceLimit
    for (const count of [1, 200]) {
      const socket = connect(port, '127.0.0.1')
      socket.write(get('/').repeat(count))
      while (errors.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        socket.destroy()
      }
      const [error] = errors.splice(0)
      t.match(error, { code: 'ECONNRESET' })
      t.equal(/\n {4}at /.test(error?.stack ?? ''), count === 1, `of ${count} requests`)
      t.equal(Error.stackTraceLimit, limit, 'and others have theirs')
    }
  },
)
