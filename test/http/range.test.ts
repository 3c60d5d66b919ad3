import t from 'tap'
import { matchesTag, parseRange } from '../../src/http/range.ts'

t.test('one range is read, and cut to the file', async (t) => {
  t.same(parseRange('bytes=0-4', 10), { start: 0, end: 5 })
  t.same(parseRange('bytes=9-', 10), { start: 9, end: 10 })
  t.same(parseRange('bytes=-3', 10), { start: 7, end: 10 })
  t.same(parseRange('bytes=-30', 10), { start: 0, end: 10 })
  t.same(parseRange('bytes=2-999999999999999', 10), { start: 2, end: 10 })
})

t.test('a range outside the file cannot be satisfied', async (t) => {
  for (const field of ['bytes=10-', 'bytes=10-12', 'bytes=-0']) {
    t.equal(parseRange(field, 10), 'unsatisfiable', field)
  }
  t.equal(parseRange('bytes=0-', 0), 'unsatisfiable')
  t.equal(parseRange('bytes=-1', 0), 'unsatisfiable')
})

t.test('anything else is answered with the whole file', async (t) => {
  for (const field of [
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes=a-b',
    'bytes=0x1-2',
    'bytes=99999999999999999999-',
  ]) {
    t.equal(parseRange(field, 10), 'whole', String(field))
  }
})

t.test(
  'an entity tag matches itself, a weak spelling of itself, a list with it, and a star',
  async (t) => {
    const tag = '"abc"'
    for (const field of ['"abc"', 'W/"abc"', '"x", "abc"', '*', ' * ']) {
      t.ok(matchesTag(field, tag), String(field))
    }
    for (const field of [undefined, '', 'abc', '"ab"', '"x"'])
      t.notOk(matchesTag(field, tag), String(field))
  },
)
