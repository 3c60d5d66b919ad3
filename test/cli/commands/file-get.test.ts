import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startFakeDaemon } from '../fake-daemon.ts'
import { mesh, publicText, writeKey } from '../harness.ts'
import type { Test } from 'tap'

const begin = async (t: Test, content: Buffer | string = 'hello\n') => {
  const daemon = await startFakeDaemon(t, ['x', 'y'])
  const directory = t.testdir({})
  const path = join(directory, 'x')
  writeFileSync(path, content)
  const key = writeKey(directory, 1)
  await mesh(['file', 'update', path, '--url', daemon.url, '--key', key])
  const get = (...args: string[]) => mesh(['file', 'get', 'x', '--url', daemon.url, ...args])
  return { daemon, directory, get }
}

t.test('prints the content and nothing else', async (t) => {
  const { get } = await begin(t)
  t.same(await get(), { code: 0, stdout: 'hello\n', stderr: '' })
  t.same(await get('-o', '-'), { code: 0, stdout: 'hello\n', stderr: '' })
})

t.test('writes a file, replacing what is there', async (t) => {
  const { get, directory } = await begin(t, Buffer.alloc(3_000_000, 'x'))
  const path = join(directory, 'out')
  writeFileSync(path, 'old')
  t.match(await get('--output', path), { code: 0, stdout: '', stderr: /x version 1, sha256/ })
  t.equal(readFileSync(path).length, 3_000_000)
})

t.test('wants one of the signers it is told', async (t) => {
  const { get, directory } = await begin(t)
  const file = join(directory, 'signer.pub')
  writeFileSync(file, `${publicText(1)} alice\n`)
  t.match(await get('--signer', publicText(2), '--signer', file), { code: 0, stdout: 'hello\n' })
  const { code, stdout, stderr } = await get('--signer', publicText(2))
  t.same({ code, stdout }, { code: 4, stdout: '' })
  t.match(stderr, /ERR_FILE_SIGNER_NOT_ALLOWED/)
  t.match(await get('--signer', 'nonsense'), { code: 8, stderr: /ERR_KEY_MALFORMED/ })
  t.match(await get('--signer', '/nonexistent.pub'), { code: 2, stderr: /cannot be read/ })
})

t.test('gives out nothing of content that is not what was signed', async (t) => {
  const { daemon, directory, get } = await begin(t)
  const held = daemon.held.get('x')?.at(-1)
  for (const content of ['hellO\n', 'hello', 'hello\nmore', '']) {
    daemon.before = (_, response) => {
      response.setHeader('Mesh-Statement', held?.headers.statement ?? '')
      response.setHeader('Mesh-Signature', [...(held?.headers.signatures ?? [])])
      response.end(content)
      return true
    }
    t.match(await get(), { code: 6, stdout: '', stderr: /ERR_FILE_CONTENT_MISMATCH/ })
    const path = join(directory, 'out')
    t.match(await get('-o', path), { code: 6 })
    t.notOk(existsSync(path))
  }
  t.same(readdirSync(directory).sort(), ['1.key', 'x'], 'nothing half is left')
})

t.test('refuses another file, a changed statement and no statement', async (t) => {
  const { daemon, get } = await begin(t)
  const held = daemon.held.get('x')?.at(-1)
  const { statement = '', signatures = [] } = held?.headers ?? {}
  const text = Buffer.from(statement, 'base64').toString()
  const send = (changed: string, list = signatures): void => {
    daemon.before = (_, response) => {
      response.setHeader('Mesh-Statement', Buffer.from(changed).toString('base64'))
      response.setHeader('Mesh-Signature', [...list])
      response.end('hello\n')
      return true
    }
  }
  send(text.replace('name x', 'name y'))
  t.match(await get(), { code: 6, stdout: '', stderr: /about y, not x/ })
  send(text.replace('version 1', 'version 2'))
  t.match(await get(), { code: 6, stdout: '', stderr: /ERR_SIGNATURE_INVALID/ })
  send(text, [])
  t.match(await get(), { code: 6, stdout: '' })
  send('')
  t.match(await get(), { code: 5, stdout: '', stderr: /ERR_RESPONSE_MALFORMED/ })
})

t.test('exits 3 for a file that is not there', async (t) => {
  const { daemon } = await begin(t)
  t.match(await mesh(['file', 'get', 'y', '--url', daemon.url]), { code: 3, stdout: '' })
})
