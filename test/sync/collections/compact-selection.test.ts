import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { createSelection, parseSelector } from '../../../src/statement/index.ts'
import { createCompactSelection } from '../../../src/sync/collections/compact-selection.ts'
import { MAX_LIST_PATTERNS } from '../../../src/sync/limits.ts'
import type { Selection } from '../../../src/sync/collection.ts'

const salt = Buffer.from('salt')
const part = fc.constantFrom('a', 'b', 'ab', 'web', 'web-1')
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const selector = fc.oneof(
  name,
  name.map((text) => `${text}*`),
  name.map((text) => `${text}/*`),
)

t.test('says of every name what the selectors say', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(selector, { maxLength: 12 }), name, (unsorted, asked) => {
      const selectors = unsorted.toSorted()
      const builder = createCompactSelection(salt)
      for (const each of selectors) builder.add(each)
      return (
        builder.finish().has(asked) === createSelection(selectors.map(parseSelector)).has(asked)
      )
    }),
    { numRuns: 3000 },
  )
  t.pass('for 3000 lists')
})

t.test('180,000 names take less than 4 MB', async (t) => {
  const builder = createCompactSelection(salt)
  for (let index = 0; index < 180_000; index++) {
    builder.add(`certs/${String(index).padStart(8, '0')}.pem`)
  }
  const selection = builder.finish()
  t.ok(selection.sizeBytes < 4e6, `${selection.sizeBytes} bytes`)
  t.ok(selection.has('certs/00012345.pem'))
  t.notOk(selection.has('certs/99912345.pem'))
  t.notOk(selection.hasPatterns)
})

t.test('holds no more memory than it says', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  /** Just more than fits before what holds them is doubled. */
  const NAMES = 4_100
  const arrayBytes = async (): Promise<number> => {
    collectGarbage()
    // What a collection has found is freed by another thread.
    await setTimeout(100)
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const select = (list: number): Selection => {
    const builder = createCompactSelection(salt)
    for (let index = 0; index < NAMES; index++) builder.add(`${list}/${10_000 + index}`)
    return builder.finish()
  }
  const beforeBytes = await arrayBytes()
  const selections = Array.from({ length: 100 }, (_, list) => select(list))
  const tookBytes = (await arrayBytes()) - beforeBytes
  const saidBytes = selections.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  t.ok(tookBytes < 1.1 * saidBytes, `${tookBytes} bytes taken, ${saidBytes} said`)
  t.ok(tookBytes > 0.9 * saidBytes, 'and they are still there')
})

t.test('refuses what is no selector, and more patterns than may be', async (t) => {
  t.throws(() => createCompactSelection(salt).add('../x'), { code: 'ERR_FILE_NAME_INVALID' })
  const builder = createCompactSelection(salt)
  for (let count = 0; count < MAX_LIST_PATTERNS; count++) builder.add(`${count}*`)
  t.throws(() => builder.add('x*'), { code: 'ERR_PROTOCOL_MALFORMED' })
})
