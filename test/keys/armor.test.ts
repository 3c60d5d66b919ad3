import fc from 'fast-check'
import t from 'tap'
import { armor, dearmor } from '../../src/keys/armor.ts'
import { toBase64 } from '../../src/util/index.ts'

const fail = (why: string): Error => new Error(why)

t.test('reads back any bytes at any width', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1 }),
      fc.integer({ min: 1, max: 80 }),
      (bytes, width) => {
        const text = armor(bytes, 'THING', width)
        const back = dearmor(text, 'THING', fail)
        return toBase64(back) === toBase64(bytes)
      },
    ),
  )
  t.equal(
    armor(Uint8Array.of(1, 2, 3, 4), 'THING', 4),
    '-----BEGIN THING-----\nAQID\nBA==\n-----END THING-----\n',
  )
})

t.test('takes CRLF and a missing last line end', async (t) => {
  const text = armor(new Uint8Array(100), 'THING', 70)
  for (const each of [text.replaceAll('\n', '\r\n'), text.trim(), `${text.trim()}\r\n`]) {
    t.equal(dearmor(each, 'THING', fail).length, 100)
  }
})

t.test('says what is wrong with a block', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /BEGIN THING-----" first/],
    ['-----BEGIN OTHER-----\nAAAA\n-----END OTHER-----', /BEGIN THING-----" first/],
    [' -----BEGIN THING-----\nAAAA\n-----END THING-----', /first/],
    ['-----BEGIN THING-----\nAAAA', /END THING-----" last/],
    ['-----BEGIN THING-----', /last/],
    ['-----BEGIN THING-----\nAAAA\n-----END THING-----\n\n', /last/],
    ['-----BEGIN THING-----\n-----END THING-----', /the block is empty/],
    ['-----BEGIN THING-----\n\nAAAA\n-----END THING-----', /empty line/],
    ['-----BEGIN THING-----\nAA AA\n-----END THING-----', /canonical/],
    ['-----BEGIN THING-----\nAAA\n-----END THING-----', /canonical/],
    ['-----BEGIN THING-----\nAAB=\n-----END THING-----', /canonical/],
    ['-----BEGIN THING-----\nProc-Type: 4,ENCRYPTED\n-----END THING-----', /canonical/],
  ]
  for (const [text, message] of cases) t.throws(() => dearmor(text, 'THING', fail), { message })
})
