import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { configReference, listSettings } from '../../src/config/index.ts'
import { machine, parse } from './fixtures.ts'

const root = join(import.meta.dirname, '../..')
const example = readFileSync(join(root, 'dm.toml.example'), 'utf8')
/** The example as if every default had been written out. */
const writtenOut = example.replace(/^#([a-z_]+ = )/gm, '$1')

t.test('docs/configuration.md is current', async (t) => {
  const committed = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  t.equal(committed, configReference(), 'run: node scripts/docs.ts')
})

t.test('every key is described, once', async (t) => {
  const keys = listSettings().map(({ key }) => key)
  t.same(keys, [...new Set(keys)])
  for (const { key, type, about } of listSettings()) {
    t.ok(type.length > 3 && /[.:]$/.test(about.trim()), key)
  }
})

t.test('dm.toml.example is a configuration', async (t) => {
  const config = parse(example)
  t.same(
    config.files.map(({ name }) => name),
    ['certs/site.pem', 'hosts', 'known-hosts/*', 'motd', 'site.tar'],
  )
})

t.test('dm.toml.example has every key', async (t) => {
  for (const { key } of listSettings()) {
    const name = key.split('.').at(-1) ?? ''
    t.ok(new RegExp(`^(?:#?${name} = |\\[(?:.*\\.)?${name}\\])`, 'm').test(example), key)
  }
})

t.test('what dm.toml.example calls a default is the default', async (t) => {
  t.not(writtenOut, example)
  t.same(parse(writtenOut, machine(['/run/mesh'])), parse(example, machine(['/run/mesh'])))
})
