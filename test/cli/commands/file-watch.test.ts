/** `mesh file watch`: what happens, a line each, and a command for it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answer, file, serve, version } from '../../client/fixtures.ts'
import { shortDirectory } from '../../support/short-directory.ts'
import { mesh } from '../harness.ts'
import type { Test } from 'tap'

const start = { type: 'start', networkId: 'local' }
const shown = { type: 'file-shown', name: 'x', file }

/** A daemon that tells these events, and then refuses, which ends the command. */
const tells = (t: Test, events: readonly Readonly<Record<string, unknown>>[]): Promise<string> => {
  let streams = 0
  return serve(t, ({ url = '' }, response) => {
    if (!url.startsWith('/events'))
      return answer(response, 200, { networkId: 'local', files: [file] })
    if (streams++ > 0) return answer(response, 400, { code: 'ERR_REQUEST_MALFORMED', detail: url })
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    for (const event of events) {
      const data = JSON.stringify({ cursor: 'c', at: version.time, ...event })
      response.write(`id: c\nevent: ${event.type}\ndata: ${data}\n\n`)
    }
    response.end()
  })
}

t.test('prints a line for each event', async (t) => {
  const refused = {
    ...{ type: 'file-refused', name: 'y', version: 4, code: 'ERR_X', message: 'it is old' },
    ...{ signers: [], from: 'upload', suppressed: 0 },
  }
  const deleted = { ...file, state: 'deleted', current: { ...version, content: null } }
  const events = [
    ...[start, shown, { type: 'file-changed', name: 'x', file: { ...file, state: 'missing' } }],
    ...[{ type: 'gap', missed: 7 }, refused, { type: 'later-kind', name: 'z' }],
    ...[{ type: 'file-deleted', name: 'x', file: deleted }],
    ...[{ type: 'file-withdrawn', name: 'x', file: null }],
  ]
  const url = await tells(t, events)
  const { stdout, stderr } = await mesh(['file', 'watch', 'x', 'certs/*', '--url', url])
  const at = '2026-01-01 00:00:00'
  t.same(stdout.split('\n'), [
    `${at}  file-shown  x  version 3 5 B`,
    `${at}  file-changed  x  version 3 5 B  missing`,
    `${at}  gap  7 events are missing; see mesh file list`,
    `${at}  file-refused  y  version 4 from upload: it is old`,
    `${at}  file-deleted  x  version 3 deleted`,
    `${at}  file-withdrawn  x`,
    '',
  ])
  t.match(stderr, /the stream of events ended; trying again/)
  t.match(stderr, /name=x&name=certs%2F\*&type=file&cursor=c/, 'it goes on where it was')
})

t.test('prints an object a line for programs', async (t) => {
  const url = await tells(t, [start, shown, shown])
  const { stdout } = await mesh(['file', 'watch', '--json', '--url', url])
  const lines = stdout.trim().split('\n')
  t.equal(lines.length, 2)
  t.match(JSON.parse(lines[0] ?? ''), { schema: 'mesh-event/1', type: 'file-shown', name: 'x' })
})

t.test('runs a command for what is to be seen in another way, once for the latest', async (t) => {
  const log = join(t.testdir(), 'log')
  const many = Array.from({ length: 50 }, (_, index) => ({
    ...shown,
    file: { ...file, current: { ...version, version: index + 1 } },
  }))
  const missing = { type: 'file-changed', name: 'other', file: { ...file, state: 'missing' } }
  const url = await tells(t, [start, missing, ...many])
  const command = `echo "$1 $2 $3 $MESH_FILE_NAME $MESH_FILE_VERSION $MESH_FILE_STATE" >>'${log}'; exit 3`
  const { stderr } = await mesh(['file', 'watch', '--url', url, '--exec', command])
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  t.ok(lines.length < 10, `${lines.length} runs for 50 events`)
  t.match(lines[0], /^x 1 shown x 1 shown$/)
  t.match(stderr, /the command for x ended with 3/)
})

t.test('runs the command for everything that is there after a gap', async (t) => {
  const log = join(t.testdir(), 'log')
  const url = await tells(t, [start, { type: 'gap', missed: null }])
  await mesh(['file', 'watch', '--url', url, '--exec', `echo "$1 $2 $3" >>'${log}'`])
  t.equal(readFileSync(log, 'utf8'), 'x 3 shown\n')
})

t.test('refuses what is no name or pattern, and a daemon that is not there', async (t) => {
  t.match(await mesh(['file', 'watch', '../x']), { code: 2 })
  t.match(await mesh(['file', 'watch', '--socket', join(shortDirectory(t), 'none')]), { code: 5 })
})
