/** Block lists that do not make the content that was signed with them. */
import t from 'tap'
import { encodeBlockList } from '../../src/chunk/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { bytesOf, contentOf, memoryGround, owner, startBlocks } from './fixture.ts'
import type { Test } from 'tap'

const content = contentOf(bytesOf('c', 300_000))
const list = sha256(encodeBlockList(content.list))
const right = { list, digest: content.digest, sizeBytes: content.bytes.length }

const play = async (t: Test) => {
  const ground = await memoryGround()
  const { blocks, damages } = await startBlocks(ground)
  t.teardown(() => blocks.stop())
  const misfits: string[] = []
  blocks.events.on('misfit', (owner) => misfits.push(owner))
  const staged = await ground.disk.stage()
  await staged.write(content.bytes)
  await staged.commit('files/c', { mode: 0o644 })
  return { blocks, damages, misfits, store: ground.store }
}

t.test('what is known of one size says nothing of the same content of another', async (t) => {
  const { blocks } = await play(t)
  await blocks.noteMisfit(owner('file c'), { ...right, sizeBytes: right.sizeBytes + 1 })
  t.ok(blocks.isMisfit({ ...right, sizeBytes: right.sizeBytes + 1 }))
  t.notOk(blocks.isMisfit(right))
})

t.test('a misfit of what is not kept is no damage', async (t) => {
  const { blocks, damages, misfits } = await play(t)
  await blocks.noteMisfit(owner('file c'), right)
  t.same(misfits, ['file c'])
  t.same(damages, [])
})

t.test('a check forgets a misfit that the content disproves', async (t) => {
  const { blocks, misfits } = await play(t)
  await blocks.addContent(owner('file c'), content)
  await blocks.noteMisfit(owner('file x'), right)
  const report = await blocks.verify()
  t.equal(report.damagedBlocks, 0)
  t.notOk(blocks.isMisfit(right))
  t.same(misfits, ['file x', 'file c'])
})

t.test('a check finds a misfit, and it stays one', async (t) => {
  const { blocks, misfits } = await play(t)
  const wrong = { ...right, digest: sha256('something else') }
  await blocks.addContent(owner('file c'), { list: content.list, digest: wrong.digest })
  for (let times = 0; times < 2; times++) {
    await blocks.verify()
    t.ok(blocks.isMisfit(wrong))
  }
  t.same(misfits, ['file c'], 'told once')
  t.notOk(blocks.isMisfit(right))
})
