import { readFileSync } from 'node:fs'
import t from 'tap'
import { decodeHandled, encodeHandled } from '../../src/hooks/handled.ts'
import { fromHex, toHex } from '../../src/util/index.ts'

t.test('stored bytes are those of the vectors', async (t) => {
  const path = new URL('../vectors/store.json', import.meta.url)
  const { handled } = JSON.parse(readFileSync(path, 'utf8'))
  t.equal(toHex(encodeHandled(handled.statement)), handled.value)
  t.equal(toHex(encodeHandled('absent')), handled.absent)
  t.equal(decodeHandled(fromHex(handled.value) ?? new Uint8Array()), handled.statement)
  t.equal(decodeHandled(fromHex(handled.absent) ?? new Uint8Array()), 'absent')
})
