import t from 'tap'
import {
  createDigester,
  digestFromBytes,
  digestToBytes,
  parseDigest,
  PLACE_BYTES,
  placedId,
  sha256,
  utf8,
} from '../../src/util/index.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

t.test('digests are SHA-256 in lower-case hex', async (t) => {
  t.equal(sha256(''), EMPTY)
  const digester = createDigester()
  digester.update(utf8('mesh '))
  digester.update(utf8('network'))
  t.equal(digester.digest(), sha256('mesh network'))
  t.equal(digestFromBytes(digestToBytes(sha256('x'))), sha256('x'))
})

t.test('only 64 lower-case digits are a digest', async (t) => {
  t.equal(parseDigest(EMPTY), EMPTY)
  t.equal(parseDigest(EMPTY.toUpperCase()), undefined)
  t.equal(parseDigest(`${EMPTY}\n`), undefined)
  t.equal(parseDigest(EMPTY.slice(1)), undefined)
  t.throws(() => digestFromBytes(new Uint8Array(31)), RangeError)
})

t.test('a placed id has its first bytes of the place, the others of what lies there', async (t) => {
  const [first, second] = [placedId('here', 'one'), placedId('here', 'two')]
  t.equal(parseDigest(first), first)
  t.equal(first.slice(0, 2 * PLACE_BYTES), sha256('here').slice(0, 16))
  t.equal(first.slice(2 * PLACE_BYTES), sha256('one').slice(16))
  t.equal(second.slice(0, 16), first.slice(0, 16))
  t.not(second, first)
  t.not(placedId('there', 'one').slice(0, 16), first.slice(0, 16))
})
