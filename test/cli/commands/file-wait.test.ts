/** `mesh file wait`: for whatever must not start before a file is there. */
import t from 'tap'
import { answer, file, serve, version } from '../../client/fixtures.ts'
import { mesh } from '../harness.ts'
import { shortDirectory } from '../../support/short-directory.ts'
import type { Test } from 'tap'
import type { FileBody } from '../../../src/api/index.ts'

const body = (each: FileBody) => ({ networkId: 'local', files: [each] })
const nothing: FileBody = { ...file, state: 'none', current: null, shownAt: null }
const at = (number: number, state: FileBody['state'] = 'shown'): FileBody => ({
  ...file,
  state,
  current: { ...version, version: number },
})

/**
 * A daemon that gives these answers one after the other, and the last one for ever. It tells of each
 * change on an event stream, once with the file and once without.
 */
const says = (t: Test, ...answers: readonly FileBody[]): Promise<string> => {
  let asked = 0
  const next = (): FileBody => answers[Math.min(asked++, answers.length - 1)] ?? nothing
  return serve(t, ({ url = '' }, response) => {
    if (!url.startsWith('/events')) return answer(response, 200, body(next()))
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const tell = (event: Readonly<Record<string, unknown>>): void => {
      const data = JSON.stringify({ cursor: 'c', at: version.time, ...event })
      response.write(`id: c\nevent: ${event.type}\ndata: ${data}\n\n`)
    }
    tell({ type: 'start', networkId: 'local' })
    while (asked < answers.length - 1) tell({ type: 'file-changed', name: 'x', file: next() })
    tell({ type: 'gap', missed: null })
  })
}

t.test('ends when the file is there', async (t) => {
  const url = await says(t, nothing, nothing, at(3))
  const { code, stdout } = await mesh(['file', 'wait', 'x', '--url', url])
  t.equal(code, 0)
  t.equal(stdout, 'x version 3 shown\n')
})

t.test('takes an older version that is shown, where none is asked for', async (t) => {
  const url = await says(t, at(4, 'missing'))
  t.match(await mesh(['file', 'wait', 'x', '--url', url]), { code: 0 })
})

t.test('waits for a version, or a later one, to be shown', async (t) => {
  const url = await says(t, at(3), at(4, 'missing'), at(5))
  const { code, stdout } = await mesh(['file', 'wait', 'x', '--version', '4', '--url', url])
  t.equal(code, 0)
  t.equal(stdout, 'x version 5 shown\n')
})

t.test('takes a deletion for a version', async (t) => {
  const deleted = { ...at(4, 'deleted'), shownAt: null }
  const url = await says(t, deleted)
  t.match(await mesh(['file', 'wait', 'x', '--version', '4', '--url', url]), { code: 0 })
  const { code, stderr } = await mesh(['file', 'wait', 'x', '--timeout', '1ms', '--url', url])
  t.equal(code, 5, 'but there is no content')
  t.match(stderr, /x was not delivered within 1 ms: version 4 is deleted/)
})

t.test('gives up after the timeout and says what was there', async (t) => {
  const url = await says(t, nothing)
  const early = await mesh(['file', 'wait', 'x', '--timeout', '150ms', '--url', url])
  t.equal(early.code, 5)
  t.match(early.stderr, /x was not delivered within 150 ms: nothing was published yet/)
  const old = await says(t, at(3))
  const late = await mesh(['file', 'wait', 'x', '--version', '9', '--timeout', '1ms', '--url', old])
  t.match(late.stderr, /x has no version 9 within 1 ms: version 3 is shown/)
})

t.test('goes on where the stream broke off', async (t) => {
  let streams = 0
  const url = await serve(t, (request, response) => {
    if (request.url?.startsWith('/events') !== true) return answer(response, 200, body(nothing))
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    if (streams++ === 0) {
      const start = { cursor: 'c7', at: version.time, type: 'start', networkId: 'local' }
      return response.end(`id: c7\nevent: start\ndata: ${JSON.stringify(start)}\n\n`)
    }
    t.match(request.url, /cursor=c7/)
    const event = { cursor: 'c8', at: version.time, type: 'file-shown', name: 'x', file: at(3) }
    response.write(`id: c8\nevent: file-shown\ndata: ${JSON.stringify(event)}\n\n`)
  })
  t.match(await mesh(['file', 'wait', 'x', '--url', url]), {
    code: 0,
    stdout: 'x version 3 shown\n',
  })
  t.equal(streams, 2)
})

t.test('waits for a daemon that does not answer yet', async (t) => {
  const args = [
    'file',
    'wait',
    'x',
    '--timeout',
    '1ms',
    '--socket',
    `${shortDirectory(t)}/mesh.sock`,
  ]
  const { code, stderr } = await mesh(args)
  t.equal(code, 5)
  t.match(stderr, /within 1 ms: .*mesh\.sock/)
})

t.test('fails at once for a file that the daemon is not configured for', async (t) => {
  const url = await serve(t, (_, response) =>
    answer(response, 200, { networkId: 'local', files: [] }),
  )
  const { code, stderr } = await mesh(['file', 'wait', 'x', '--url', url])
  t.equal(code, 3)
  t.match(stderr, /is not configured for x/)
})

t.test('refuses what is no duration or version', async (t) => {
  t.match(await mesh(['file', 'wait', 'x', '--timeout', 'soon']), { code: 2 })
  t.match(await mesh(['file', 'wait', 'x', '--version', '0']), { code: 2 })
})

t.test('prints the file for programs', async (t) => {
  const url = await says(t, at(3))
  const { stdout } = await mesh(['file', 'wait', 'x', '--json', '--url', url])
  t.match(JSON.parse(stdout), { schema: 'mesh-file/1', name: 'x', current: { version: 3 } })
})
