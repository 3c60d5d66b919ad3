import t from 'tap'
import { formatFields, formatTable } from '../../src/cli/table.ts'
import { clean, createTerminal } from '../../src/cli/terminal.ts'
import { Writable } from 'node:stream'

const plain = { columns: 30, style: (_: string, text: string) => text }

t.test('aligns columns and cuts the flexible one to fit', async (t) => {
  const columns = [
    { title: 'NAME', flexible: true },
    { title: 'N', align: 'right' },
    { title: 'STATE' },
  ] as const
  t.same(
    formatTable(plain, columns, [
      ['a', '1', 'shown'],
      ['b'.repeat(40), '10', 'x'],
    ]),
    [
      'NAME                  N  STATE',
      'a                     1  shown',
      'bbbbbbbbbbbbbbbbbb…  10  x',
    ],
  )
})

t.test('cuts nothing for a program', async (t) => {
  const wide = { ...plain, columns: Number.POSITIVE_INFINITY }
  const [, row] = formatTable(wide, [{ title: 'A', flexible: true }], [['x'.repeat(500)]])
  t.equal(row?.length, 500)
})

t.test('puts labels below each other', async (t) => {
  t.same(
    formatFields(plain, [
      ['a', '1'],
      ['long', '2'],
      ['', '3'],
    ]),
    ['a     1', 'long  2', '      3'],
  )
})

t.test('obeys no text from elsewhere', async (t) => {
  t.equal(clean('a\x1b[2Jb\rc\u202ed\ne'), 'a\uFFFD[2Jb\uFFFDc\uFFFDd\ne')
  t.same(formatTable(plain, [{ title: 'A' }], [['x\ny\x07']]), ['A', 'x y\uFFFD'])
})

t.test('colours are for people who want them', async (t) => {
  const stream = (isTTY: boolean) => Object.assign(new Writable({ write: () => {} }), { isTTY })
  t.equal(createTerminal(stream(true), {}).style('red', 'x'), '\x1b[31mx\x1b[39m')
  t.equal(createTerminal(stream(true), { NO_COLOR: '1' }).style('red', 'x'), 'x')
  t.equal(createTerminal(stream(true), { TERM: 'dumb' }).style('red', 'x'), 'x')
  t.equal(createTerminal(stream(false), {}).style('red', 'x'), 'x')
  t.equal(createTerminal(stream(true), {}).columns, 80)
  t.equal(createTerminal(stream(false), {}).columns, Number.POSITIVE_INFINITY)
  t.equal(createTerminal(stream(false), { COLUMNS: '60' }).columns, 60)
})
