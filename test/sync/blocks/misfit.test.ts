/** Statements whose block list does not make the content that was signed with it. */
import t from 'tap'
import { blockListDigest } from '../../../src/chunk/index.ts'
import { formatPublicKey } from '../../../src/keys/index.ts'
import { parseFileName, signStatement } from '../../../src/statement/index.ts'
import { sha256 } from '../../../src/util/index.ts'
import { blockAnswers, createContent, listAnswer, playHolder } from '../../support/block-holder.ts'
import { createFilesMesh, network, policyOf, shownAt } from '../../support/files-mesh.ts'
import { signers, upload } from '../../support/files-mesh.ts'
import type { Test } from 'tap'
import type { ContentRef } from '../../../src/sync/collection.ts'
import type { Timestamp } from '../../../src/util/index.ts'

const HOUR_MS = 3_600_000
const bad = createContent('big', 3 * 2 ** 20)
const good = createContent('big', 2 ** 20)

/** A node that was told of a statement with the list of `bad`, by a holder that has its blocks. */
const play = async (t: Test, content: ContentRef) => {
  const mesh = await createFilesMesh({
    count: 1,
    policies: [policyOf('big'), policyOf('other')],
  })
  t.teardown(() => mesh.stop())
  const reader = mesh.node(0)
  let opened = 0
  const holder = await playHolder(mesh, reader, 'origin', async (request, say) => {
    const { type, id } = request
    if (type === 'open') opened++
    if (type === 'open') await say({ type: 'all', id })
    else if (type === 'ask-list') await say(listAnswer(id, bad))
    else if (type === 'ask') {
      for (const index of request.indexes) await say(...blockAnswers(id, bad, index))
    }
  })
  const from = { kind: 'peer', peer: holder.peerId } as const
  const time = Date.UTC(2026, 0, 1) as Timestamp
  /** Tells the reader of a statement with the list of `bad`. */
  const accept = async (draft: { name: string; version: number; content: ContentRef }) => {
    const { version, content } = draft
    const named = { network, name: parseFileName(draft.name), version, time }
    const rest = { expires: 'never', replaces: 'none', blocks: blockListDigest(bad.list) } as const
    const signed = await signStatement({ ...named, ...rest, content }, [signers.anna])
    await mesh.run(reader.state.files.accept(signed, undefined, from))
  }
  await accept({ name: 'big', version: 1, content })
  const isFaulty = (): boolean =>
    reader.health.list().some(({ code, subject }) => code === 'content-faulty' && subject === 'big')
  return { mesh, reader, opened: () => opened, isFaulty, accept }
}

const staysAway = async (
  t: Test,
  { mesh, reader, opened, isFaulty }: Awaited<ReturnType<typeof play>>,
) => {
  t.type(await mesh.until(isFaulty, HOUR_MS), 'number')
  t.equal(shownAt(reader, 'big'), 'missing')
  await mesh.clock.advance(1_000)
  const before = opened()
  await mesh.clock.advance(2 * HOUR_MS)
  t.equal(opened(), before, 'nobody is asked for it again')
  t.equal(shownAt(reader, 'big'), 'missing')
  const told = reader.health.list().find(({ code }) => code === 'content-faulty')?.message ?? ''
  const anna = formatPublicKey(signers.anna.publicKey, 'openssh')
  t.ok(told.includes('version 1 of big') && told.includes(anna), 'it says whose statement it was')
  t.same(reader.blamed, [], 'no holder is to blame')
  t.same(reader.state.blocks.assemblies(), [], 'nothing is left of it')
  await upload(mesh, reader, { name: 'big', version: 2, content: good.bytes, listed: true })
  t.type(await mesh.until(() => shownAt(reader, 'big').startsWith('2 ')), 'number')
  t.type(await mesh.until(() => !isFaulty(), HOUR_MS), 'number')
}

t.test('content whose blocks are right and make something else is fetched once', async (t) => {
  const played = await play(t, { digest: sha256('something else'), sizeBytes: bad.bytes.length })
  const { mesh, reader } = played
  t.type(await mesh.until(() => shownAt(reader, 'big').startsWith('1 ')), 'number')
  await mesh.run(reader.state.blocks.verify())
  await staysAway(t, played)
})

t.test('a list of another size than its content is not looked at twice', async (t) => {
  const played = await play(t, { digest: sha256(bad.bytes), sizeBytes: bad.bytes.length + 1 })
  await staysAway(t, played)
})

/** What the holder has is told of by statements that are right; how long it takes to be shown. */
const poison = async (t: Test) => {
  const content = { digest: sha256(bad.bytes), sizeBytes: bad.bytes.length + 1 }
  const played = await play(t, content)
  t.type(await played.mesh.until(played.isFaulty, HOUR_MS), 'number')
  return played
}

t.test('the same content with its right size is fetched under the next version', async (t) => {
  const { mesh, reader, accept, isFaulty } = await poison(t)
  const content = { digest: sha256(bad.bytes), sizeBytes: bad.bytes.length }
  await accept({ name: 'big', version: 2, content })
  t.type(await mesh.until(() => shownAt(reader, 'big').startsWith('2 '), HOUR_MS), 'number')
  t.type(await mesh.until(() => !isFaulty(), HOUR_MS), 'number')
})

t.test('the same content with its right size is fetched under another name', async (t) => {
  const { mesh, reader, accept } = await poison(t)
  const content = { digest: sha256(bad.bytes), sizeBytes: bad.bytes.length }
  await accept({ name: 'other', version: 1, content })
  t.type(await mesh.until(() => shownAt(reader, 'other').startsWith('1 '), HOUR_MS), 'number')
  t.equal(shownAt(reader, 'big'), 'missing')
})
