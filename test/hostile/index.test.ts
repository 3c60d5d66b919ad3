/** Holds README.md of this folder against what must hold, and against the tests that it names. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')

/** What the product promises; each has a row of this name. */
const MUST_HOLD: readonly string[] = [
  // The attacks that The Update Framework names.
  'arbitrary installation',
  'rollback',
  'fast-forward',
  'indefinite freeze',
  'endless data',
  'slow retrieval',
  'extraneous dependencies (not applicable: files name no others)',
  'mix-and-match',
  'wrong software',
  'malicious mirrors',
  'key compromise',
  'several keys, below the threshold',
  // All the rest.
  'arbitrary content',
  'replay under another name or network',
  'mix-up of fields',
  'wrong signature',
  'missing signature',
  'unlisted signer',
  'expired certificate',
  'revoked certificate',
  'extreme clocks',
  'version fast-forward, over HTTP',
  'withdrawn key',
  'away for long',
  'thresholds in pieces',
  'half the fleet with a newer configuration',
  'freeze noticed',
  'disk full',
  'kill -9 at any moment',
  'corrupt database',
  'truncated frame',
]

const rows = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, attack, file, title] = /^\| (.*?) \| `(test\/.*?)` \| (.*?) \|$/.exec(line) ?? []
    if (attack === undefined || file === undefined || title === undefined) return []
    return [{ attack, file, title }]
  })

/** What stands around a line, by indentation: the beginning of each block, up to its first arrow. */
const headsAround = (lines: readonly string[], number: number): string[] => {
  const heads: string[] = []
  let indent = Number.POSITIVE_INFINITY
  for (let at = number; at >= 0 && indent > 0; at--) {
    const own = lines[at]?.search(/\S/) ?? -1
    if (own < 0 || own >= indent) continue
    indent = own
    const arrow = lines.findIndex((line, index) => index >= at && line.includes('=>'))
    heads.push(lines.slice(at, arrow + 1).join('\n'))
  }
  return heads
}

/** `undefined`: a test has this title and is run wherever the machine can. */
const whyNotRun = (source: string, title: string): string | undefined => {
  const places = [`'${title}'`, `\`${title}\``].map((quoted) => source.indexOf(quoted))
  const at = Math.max(...places)
  if (at < 0) return 'there is no such title'
  // Of a test, or of one of the cases that tests are made of.
  const call = /(?:\bt\.(\w+)\(|\[)\s*$/.exec(source.slice(0, at))
  if (call === null) return 'it is not the title of a test'
  const number = source.slice(0, at).split('\n').length - 1
  const text = headsAround(source.split('\n'), number).join('\n')
  const skips = text.replaceAll(/skip: whyNo(?:Mounts|Namespaces)\(\)/g, '')
  return /\b(?:skip|todo)\b/.test(skips) ? 'it is skipped' : undefined
}

t.test('everything that must hold has a row', async (t) => {
  const attacks = rows.map(({ attack }) => attack)
  for (const item of MUST_HOLD) t.ok(attacks.includes(item), item)
})

t.test('every test that the table names is there, and is run', async (t) => {
  for (const { attack, file, title } of rows) {
    const source = readFileSync(join(root, file), 'utf8')
    t.equal(whyNotRun(source, title), undefined, `${attack}: ${title}`)
  }
})

t.test('a test that is skipped does not count, nor does what is none', async (t) => {
  const source = (head: string, around = 't.test('): string =>
    `${around}'all', async (t) => {\n  await ${head} async (t) => {\n    t.pass()\n  })\n})\n`
  t.equal(whyNotRun(source("t.test('one',"), 'one'), undefined)
  t.equal(whyNotRun(source("t.test('one', { skip: whyNoMounts() },"), 'one'), undefined)
  t.equal(whyNotRun(source("t.test('one', { skip: true },"), 'one'), 'it is skipped')
  t.equal(whyNotRun(source("t.test('one', { todo: 'later' },"), 'one'), 'it is skipped')
  t.equal(whyNotRun(source("t.skip('one',"), 'one'), 'it is skipped')
  t.equal(whyNotRun(source("t.test('one',", 't.skip('), 'one'), 'it is skipped')
  t.equal(whyNotRun(source("say('one',"), 'one'), 'it is not the title of a test')
  t.equal(whyNotRun(source("t.test('one',"), 'two'), 'there is no such title')
})

t.test('no attack stands there twice', async (t) => {
  const attacks = rows.map(({ attack }) => attack)
  t.strictSame(
    attacks.filter((each, index) => attacks.indexOf(each) !== index),
    [],
  )
})
