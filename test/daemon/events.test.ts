/** What a whole daemon tells of what happens on it, and what it runs for it. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { keyOf, other, publish, signer, start } from './harness.ts'
import type { Test } from 'tap'
import type { Client, ClientEvent } from '../../src/client/index.ts'

/** Collects what a client is told, until it is left. */
const listen = async (t: Test, client: Client, cursor?: string) => {
  const controller = new AbortController()
  const events: ClientEvent[] = []
  const watchers = new Set<() => void>()
  const reading = (async () => {
    for await (const event of client.events({ signal: controller.signal, cursor, sleep: soon })) {
      events.push(event)
      for (const look of watchers) look()
    }
  })().catch(() => {})
  t.teardown(async () => {
    controller.abort()
    await reading
  })
  const until = (fits: (event: ClientEvent) => boolean): Promise<ClientEvent> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.find(fits)
        if (found === undefined) return
        watchers.delete(look)
        resolve(found)
      }
      watchers.add(look)
      look()
    })
  await until(({ type }) => type === 'start')
  return { events, until }
}

const soon = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve))
}

const ofFile =
  (type: string, name: string, version: number) =>
  (event: ClientEvent): boolean =>
    event.type === type &&
    'file' in event &&
    event.name === name &&
    event.file?.current?.version === version

t.test('tells what happens to files, by upload, clock, refusal and reload', async (t) => {
  const both = `[${keyOf(signer)}, ${keyOf(other)}]`
  const open = `"open" = ${both}`
  const secret = `"secret" = { signers = ${both}, mode = "0600" }`
  const daemon = await start(t, [open, secret])
  const { client } = daemon
  const local = await listen(t, client)
  const remote = await listen(t, createClient({ url: daemon.url }))

  await publish(client, 'secret', { version: 1, content: 'one' })
  await publish(client, 'open', { version: 1, content: 'one' })
  const shown = await local.until(ofFile('file-shown', 'open', 1))
  t.match(shown, { file: { state: 'shown', conflict: false, current: { signers: { length: 1 } } } })
  await local.until(ofFile('file-shown', 'secret', 1))
  await remote.until(ofFile('file-shown', 'open', 1))

  await t.rejects(publish(client, 'open', { version: 1, content: 'two', by: other }), {
    code: 'ERR_FILE_NOT_NEWER',
  })
  t.match(await local.until(({ type }) => type === 'file-refused'), {
    ...{ name: 'open', version: 1, code: 'ERR_FILE_NOT_NEWER', from: 'upload' },
  })
  await publish(client, 'open', { version: 2, content: 'two', expiresMs: Date.now() + 8_000 })
  await local.until(ofFile('file-expired', 'open', 2))
  await publish(client, 'open', { version: 3, content: 'three' })
  await publish(client, 'open', { version: 4 })
  t.match(await local.until(ofFile('file-deleted', 'open', 4)), { file: { state: 'deleted' } })

  await publish(client, 'open', { version: 5, content: 'five' })
  await remote.until(ofFile('file-shown', 'open', 5))
  t.match(await daemon.reload([`"open" = { signers = ${both}, mode = "0600" }`, secret]), {
    applied: true,
  })
  t.match(await local.until(({ type }) => type === 'configuration-reloaded'), { applied: true })
  await local.until(ofFile('file-changed', 'open', 5))
  t.match(await remote.until(({ type }) => type === 'file-withdrawn'), { name: 'open', file: null })
  await daemon.reload([secret])
  await local.until((event) => event.type === 'file-withdrawn' && event.name === 'open')

  const names = remote.events.map((event) => ('name' in event ? event.name : undefined))
  t.notOk(names.includes('secret'), 'TCP hears of world-readable files only')
  t.notOk(remote.events.some(({ type }) => type === 'file-refused' || type.startsWith('conf')))
  const cursors = remote.events.map(({ cursor }) => Number(cursor.split('-')[1]))
  t.same(
    cursors,
    Array.from(cursors, (_, index) => index),
    'and cannot count what it is not told',
  )
})

t.test('after a restart a stream goes on, with a gap', async (t) => {
  const daemon = await start(t, [`"x" = [${keyOf(signer)}]`])
  const { events, until } = await listen(t, daemon.client)
  await publish(daemon.client, 'x', { version: 1, content: 'one' })
  await until(ofFile('file-shown', 'x', 1))
  await daemon.restart()
  t.match(await until(({ type }) => type === 'gap'), { missed: null })
  await publish(daemon.client, 'x', { version: 2, content: 'two' })
  await until(ofFile('file-shown', 'x', 2))
  t.equal(events.filter(({ type }) => type === 'start').length, 2)
})

t.test('runs the hooks of its configuration, and takes over new ones', async (t) => {
  const home = t.testdir()
  const log = join(home, 'log')
  const program = join(home, 'hook')
  writeFileSync(program, `#!/bin/sh\necho "$* $(cat "$5" 2>/dev/null)" >>'${log}'\n`)
  chmodSync(program, 0o755)
  const lines = (): string[] =>
    existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
  const until = async (count: number): Promise<void> => {
    while (lines().length < count) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const plain = `"x" = [${keyOf(signer)}]`
  const hooked = (word: string) =>
    `"x" = { signers = [${keyOf(signer)}], on_change = ["${program}", "${word}"] }`
  const daemon = await start(t, [plain])
  await publish(daemon.client, 'x', { version: 1, content: 'one' })
  await daemon.reload([hooked('a')])
  await until(1)
  const path = join(daemon.home, 'state/files/x')
  t.same(lines(), [`a x 1 shown ${path} one`], 'a new hook runs for what is there')
  await publish(daemon.client, 'x', { version: 2, content: 'two' })
  await until(2)
  await daemon.reload([hooked('b')])
  await publish(daemon.client, 'x', { version: 3 })
  await until(3)
  t.same(lines().slice(1), [`a x 2 shown ${path} two`, `b x 3 deleted ${path} `.trimEnd()])
})

t.test('reads its bearer tokens again when it is told to', async (t) => {
  const home = t.testdir()
  const tokens = join(home, 'tokens')
  const [one, two] = ['1'.repeat(40), '2'.repeat(40)]
  writeFileSync(tokens, `${one}\n`, { mode: 0o600 })
  const daemon = await start(t, [], [`token_file = "${tokens}"`])
  const ask = async (token: string) =>
    (await fetch(`${daemon.url}/peers`, { headers: { Authorization: `Bearer ${token}` } })).status
  t.same([await ask(one), await ask(two)], [200, 401])
  writeFileSync(tokens, `${one}\n${two}\n`)
  t.match(await daemon.reload([]), { applied: true })
  t.same([await ask(one), await ask(two)], [200, 200])
  chmodSync(tokens, 0o644)
  t.match(await daemon.reload([]), { applied: false }, 'not one that everybody can read')
  chmodSync(tokens, 0o600)
  writeFileSync(tokens, 'short\n')
  t.match(await daemon.reload([]), { applied: false })
  t.same([await ask(one), await ask(two)], [200, 200], 'the old ones stay')
  writeFileSync(tokens, `${two}\n`)
  await daemon.reload([])
  t.same([await ask(one), await ask(two)], [401, 200])
})
