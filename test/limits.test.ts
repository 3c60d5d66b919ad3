/** Holds docs/limits.md against the constants of `src`. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatDuration, formatSize, parseDuration, parseSize } from '../src/util/index.ts'

const root = join(import.meta.dirname, '..')

/** What each section of the page speaks of. */
const sections: Readonly<Record<string, readonly string[]>> = {
  Transport: ['transport'],
  Sync: ['sync'],
  Keys: ['keys'],
  Trust: ['trust'],
  Statement: ['statement'],
  Chunks: ['chunk'],
  Blocks: ['blocks'],
  Unpack: ['unpack'],
  Files: ['files'],
  'Store and disk': ['store', 'disk'],
  Configuration: ['config'],
  Feed: ['feed'],
  Hooks: ['hooks'],
  HTTP: ['http', 'api'],
  Client: ['client'],
  Log: ['observe'],
  Util: ['util'],
}

/** A size or time as the page writes it, with a unit only where that loses nothing. */
const write = (name: string, value: number): string => {
  if (name.endsWith('_MS')) {
    const text = formatDuration(value)
    return parseDuration(text) === value ? text : `${value} ms`
  }
  if (!/_BYTES\b/.test(name.replace('_PER_SECOND', ''))) return `${value}`
  const text = formatSize(value)
  return parseSize(text) === value ? text : `${value} B`
}

/** Every number that a `limits.ts` exports, and elsewhere every one that is named as a limit. */
const findLimits = async (folder: string): Promise<string[]> => {
  const limits: string[] = []
  for (const file of readdirSync(join(root, 'src', folder), { recursive: true })) {
    const path = join(root, 'src', folder, `${file}`)
    if (!path.endsWith('.ts')) continue
    const named = path.endsWith('/limits.ts')
      ? '\\w+'
      : '(?:DEFAULT_)?(?:MAX|MIN)_\\w+|\\w+_TIMEOUT_MS'
    const found = readFileSync(path, 'utf8').matchAll(
      new RegExp(`^export const (${named})\\b`, 'gm'),
    )
    const names = [...found].map(([, name = '']) => name).filter((name) => /^[A-Z]/.test(name))
    if (names.length === 0) continue
    const values: Record<string, unknown> = await import(path)
    for (const name of names) limits.push(`${name} = ${write(name, Number(values[name]))}`)
  }
  return limits
}

const page = readFileSync(join(root, 'docs/limits.md'), 'utf8')
const written = new Map(
  page
    .split('\n## ')
    .slice(1)
    .map((text) => [
      text.split('\n', 1)[0] ?? '',
      [...text.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]*)\| (.+) \|$/gm)],
    ]),
)

t.test('every folder with a limit has its section', async (t) => {
  t.same([...written.keys()].sort(), Object.keys(sections).sort())
  const covered = Object.values(sections).flat()
  for (const folder of readdirSync(join(root, 'src'))) {
    if (!covered.includes(folder)) t.same(await findLimits(folder), [], folder)
  }
})

for (const [title, folders] of Object.entries(sections)) {
  t.test(`the section ${title} shows each limit once, with its value`, async (t) => {
    const limits = (await Promise.all(folders.map(findLimits))).flat()
    const rows = (written.get(title) ?? []).map(([, name, value]) => `${name} = ${value}`)
    t.same(rows.toSorted(), limits.toSorted())
  })
}
