/** A holder that earns most of what may be asked for at once, and then keeps it. */
import t from 'tap'
import { MAX_WINDOW_BYTES, MIN_RATE_WINDOW_MS } from '../../../src/sync/limits.ts'
import { blockAnswers, createContent, listAnswer, playHolder } from '../../support/block-holder.ts'
import { createFilesMesh, policyOf, shownAt, upload } from '../../support/files-mesh.ts'

const MEBIBYTE = 2 ** 20
/** What it gives at once, to be taken for fast. */
const BAIT_BYTES = 20 * MEBIBYTE
const content = createContent('big', 60 * MEBIBYTE)

t.test('a holder that is fast at first and then stalls keeps nobody from the rest', async (t) => {
  const mesh = await createFilesMesh({
    count: 2,
    network: { latencyMs: 1 },
    policies: [policyOf('big')],
  })
  t.teardown(() => mesh.stop())
  const [origin, reader] = [mesh.node(0), mesh.node(1)]
  let askedBytes = 0
  let givenBytes = 0
  const hog = await playHolder(mesh, reader, 'hog', async (request, say) => {
    const { type, id } = request
    if (type === 'open') await say({ type: 'all', id })
    else if (type === 'ask-list') await say(listAnswer(id, content))
    if (type !== 'ask') return
    for (const index of request.indexes) {
      const { sizeBytes = 0 } = content.list.blocks[index] ?? {}
      askedBytes += sizeBytes
      if (givenBytes >= BAIT_BYTES) continue
      givenBytes += sizeBytes
      await say(...blockAnswers(id, content, index))
    }
  })
  await hog.publish(content)
  t.type(await mesh.until(() => givenBytes >= BAIT_BYTES, 60_000), 'number')
  await mesh.clock.advance(200)
  const heldBytes = askedBytes - givenBytes
  t.comment(`it holds ${(heldBytes / MEBIBYTE).toFixed(1)} MiB`)
  t.ok(heldBytes > MAX_WINDOW_BYTES - 2 * MEBIBYTE, 'nearly all that may be owed')

  await upload(mesh, origin, { name: 'big', content: content.bytes, listed: true })
  await mesh.link([[1, 0]])
  const tookMs = await mesh.until(() => shownAt(reader, 'big').startsWith('1 '), 3 * 60_000)
  t.comment(`the rest took ${tookMs?.toFixed(0)} ms`)
  t.ok((tookMs ?? Infinity) < MIN_RATE_WINDOW_MS / 2, 'long before it is left for its rate')
})
