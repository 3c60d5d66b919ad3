import t from 'tap'
import { hashed } from '../../src/unpack/hashed.ts'
import { sha256, utf8 } from '../../src/util/index.ts'

t.test('knows the digest of the whole, however much of it was read', async (t) => {
  for (const count of [0, 1, 3]) {
    let closed = 0
    const source = hashed(
      (async function* () {
        try {
          for (const piece of ['a', 'b', 'c']) yield utf8(piece)
        } finally {
          closed++
        }
      })(),
    )
    let read = 0
    if (count > 0) {
      for await (const _ of source.content) if (++read === count) break
    }
    t.equal(await source.digest(), sha256('abc'))
    await source.close()
    t.equal(closed, 1)
  }
})
