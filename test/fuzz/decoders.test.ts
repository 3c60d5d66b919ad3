/** Every decoder of what comes from outside, with anything and with what is almost right. */
import t from 'tap'
import { decoders } from './decoders.ts'
import { fuzz, inputOf, largeInputs, savedInputs, tryInput } from './engine.ts'

const { MESH_FUZZ_ONLY, MESH_FUZZ_WAY } = process.env
const chosen = decoders.filter(({ name }) => name.includes(MESH_FUZZ_ONLY ?? ''))
t.setTimeout(60 * 60_000)

t.test('takes what is right', async (t) => {
  for (const decoder of chosen) {
    for (const seed of decoder.seeds) {
      const result = await tryInput(decoder, inputOf(seed)).catch(String)
      if (result !== 'taken' && !(decoder.anySeeds === true && result === 'refused'))
        t.fail(`${decoder.name}: ${result}: ${inputOf(seed).text.slice(0, 200)}`)
    }
    t.pass(decoder.name)
  }
})

t.test('holds against all that was ever too much', async (t) => {
  for (const decoder of chosen) {
    for (const { file, input } of savedInputs(decoder)) {
      await t.resolves(tryInput(decoder, input), `${decoder.name}: ${file}`)
    }
  }
  t.pass('held')
})

for (const way of ['anything', 'almost right'] as const) {
  if (MESH_FUZZ_WAY !== undefined && MESH_FUZZ_WAY !== way) continue
  t.test(
    `throws nothing but its own errors, and decodes only what it encodes: ${way}`,
    async (t) => {
      for (const decoder of chosen) {
        try {
          const { taken, runs } = await fuzz(decoder, way)
          t.pass(`${decoder.name}: took ${taken} of ${runs}`)
        } catch (error) {
          t.fail(`${decoder.name} fails`, { found: String(error) })
          process.stderr.write(`${String(error)}\n`)
        }
      }
    },
  )
}

t.test('spends little on what is large', async (t) => {
  for (const decoder of chosen) {
    for (const [index, input] of largeInputs(decoder).entries()) {
      try {
        await tryInput(decoder, input)
      } catch (error) {
        t.fail(`${decoder.name}, large input ${index}: ${String(error)}`)
      }
    }
    t.pass(decoder.name)
  }
})
