import { generateKey } from '@libp2p/pnet'
import fc from 'fast-check'
import t from 'tap'
import { generatePsk, parsePsk } from '../../src/keys/index.ts'
import { systemRandom, toHex } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { codeOf } from './vectors.ts'

const HEX = '0123456789abcdef'.repeat(4)
const text = `/key/swarm/psk/1.0.0/\n/base16/\n${HEX}\n`

t.test('makes a swarm key of three lines from the randomness it is given', async (t) => {
  const psk = generatePsk(createSeededRandom(1))
  t.match(psk, /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}\n$/)
  t.equal(psk, generatePsk(createSeededRandom(1)))
  t.not(generatePsk(systemRandom), generatePsk(systemRandom))
  t.equal(parsePsk(psk).length, 32)
})

t.test('reads the swarm keys that libp2p makes', async (t) => {
  const bytes = new Uint8Array(95)
  generateKey(bytes)
  const theirs = Buffer.from(bytes).toString()
  t.equal(toHex(parsePsk(theirs)), theirs.split('\n')[2])
})

t.test('takes other line ends', async (t) => {
  for (const each of [text, text.trim(), text.replaceAll('\n', '\r\n')]) {
    t.equal(toHex(parsePsk(each)), HEX)
  }
})

t.test('says which line is wrong, and never quotes the key', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /line 1 is not/],
    [text.replace('1.0.0', '2.0.0'), /line 1 is not "\/key\/swarm\/psk\/1\.0\.0\/"/],
    [text.replace('base16', 'base64'), /line 2 is not "\/base16\/"/],
    [HEX, /line 1/],
    [`\n${text}`, /line 1/],
    [text.replace(HEX, HEX.toUpperCase()), /line 3/],
    [text.replace(HEX, HEX.slice(2)), /line 3/],
    [text.replace(HEX, `${HEX}00`), /line 3/],
    [text.replace(HEX, ''), /line 3/],
    [`${text}more\n`, /more lines/],
    [`${text}\n`, /more lines/],
    [`${text}${'\n'.repeat(1000)}`, /more lines/],
  ]
  for (const [each, message] of cases) {
    t.throws(() => parsePsk(each), { code: 'ERR_PSK_MALFORMED', message })
    try {
      parsePsk(each)
    } catch (error) {
      t.notMatch(String(error), /0123456789/)
    }
  }
})

t.test('takes any text and throws nothing but its own error', async (t) => {
  const near = fc
    .tuple(fc.nat(100), fc.string({ maxLength: 3, unit: 'binary' }), fc.nat(2))
    .map(([at, insert, cut]) => text.slice(0, at) + insert + text.slice(at + cut))
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (each) => {
      const code = codeOf(() => parsePsk(each))
      return code === undefined || code === 'ERR_PSK_MALFORMED'
    }),
    { numRuns: 500 },
  )
  t.pass()
})
