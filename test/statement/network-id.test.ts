import t from 'tap'
import { generateNetworkId, parseNetworkId } from '../../src/statement/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'

t.test('takes 1 to 64 of a-z, 0-9 and inner dashes', async (t) => {
  for (const id of ['a', '0', 'local', 'a-b', 'a--b', 'mesh-0123456789abcdef', 'n'.repeat(64)]) {
    t.equal(parseNetworkId(id), id)
  }
  for (const id of ['', '-', '-a', 'a-', 'A', 'a_b', 'a.b', 'a b', 'a\n', 'é', 'n'.repeat(65)]) {
    t.throws(() => parseNetworkId(id), {
      code: 'ERR_NETWORK_ID_INVALID',
      message: /is not a network id: 1 to 64 of a-z 0-9/,
    })
  }
})

t.test('generates ids from the randomness it is given', async (t) => {
  const id = generateNetworkId(createSeededRandom(1))
  t.equal(id, generateNetworkId(createSeededRandom(1)))
  t.match(id, /^mesh-[0-9a-f]{32}$/)
  t.not(generateNetworkId(systemRandom), generateNetworkId(systemRandom))
})
