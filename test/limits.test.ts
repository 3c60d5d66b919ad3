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
  Daemon: ['daemon'],
  Client: ['client'],
  'Command line': ['cli'],
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

/** Named like limits, and none on what comes from elsewhere. */
const exempt: Readonly<Record<string, string>> = {
  'blocks/catalogue.ts MAX_COUNTED_BYTES': 'the width of a field',
  'blocks/checker.ts MAX_OPEN_ATTEMPTS': 'a race with our own renames',
  'blocks/depot.ts MAX_LOCATE_ATTEMPTS': 'a race with our own renames',
  'blocks/depot.ts MAX_READ_ATTEMPTS': 'a race with our own renames',
  'cli/expiry.ts MAX_TIME_MS': 'the last time that can be written',
  'disk/disk.ts MAX_PLACE_ATTEMPTS': 'a race with our own pruning',
  'files/index-check.ts MAX_DAMAGE': 'sentences about our own disk',
  'files/inspector.ts MAX_READ_ATTEMPTS': 'a race with our own renames',
  'files/row.ts MAX_WAKES': 'the form of a row that we write',
  'keys/certificate-text.ts MAX_DATE_MS': 'the last time that there is',
  'observe/log-output.ts MAX_LAST_ATTEMPTS': 'the end of our own process',
  'statement/text.ts MAX_DATE_MS': 'the last time that there is',
  'store/data-file.ts MAX_PAGE_BYTES': 'the form of a database',
  'store/data-file.ts MIN_PAGE_BYTES': 'the form of a database',
  'store/environment.ts MAX_TABLES': 'above all the tables that there are',
  'store/inspect-main.ts MAX_STORED_KEY_BYTES': 'the form of a database',
  'transport/tuned-streams.ts MIN_ROUND_TRIP_MS': 'the resolution of a measurement',
  'tree/stored.ts MAX_DAMAGE': 'sentences about our own disk',
  'util/clock.ts MAX_TIMER_MS': 'what a timer of Node can count',
}
const exempted = new Set<string>()

const LIKE_A_LIMIT = '(?:DEFAULT_)?(?:MAX|MIN)_\\w+|\\w+_TIMEOUT_MS|\\w+_PER_(?:SECOND|MINUTE)\\w*'

/** Every number that a `limits.ts` exports, and elsewhere every one that is named as a limit. */
const findLimits = async (folder: string): Promise<string[]> => {
  const limits: string[] = []
  for (const file of readdirSync(join(root, 'src', folder), { recursive: true })) {
    const path = join(root, 'src', folder, `${file}`)
    if (!path.endsWith('.ts')) continue
    const text = readFileSync(path, 'utf8')
    const find = (pattern: string): string[] =>
      [...text.matchAll(new RegExp(`^${pattern}\\b`, 'gm'))]
        .map(([, name = '']) => name)
        .filter((name) => /^[A-Z]/.test(name))
    for (const name of find(`const (${LIKE_A_LIMIT})`)) {
      const place = `${folder}/${file} ${name}`
      if (place in exempt) exempted.add(place)
      else limits.push(`${name}, which ${folder}/${file} does not export`)
    }
    const names = find(`export const (${path.endsWith('/limits.ts') ? '\\w+' : LIKE_A_LIMIT})`)
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

t.test('what is exempt is still there', async (t) => {
  t.same([...exempted].sort(), Object.keys(exempt).sort())
})
