/** Holds the table of ARCHITECTURE.md against the imports of `src`: the house is as it is drawn. */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize, sep } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const below = ['util', 'errors']

interface Room {
  readonly mayImport: readonly string[]
  readonly homeOf: readonly string[]
}

/** Rows of the table, top to bottom. */
const readHouse = (): Map<string, Room> => {
  const rooms = new Map<string, Room>()
  for (const line of readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim())
    const folder = /^`([a-z]+)`$/.exec(cells[2] ?? '')?.[1]
    if (folder === undefined) continue
    const words = (cell: string | undefined): string[] =>
      (cell ?? '').split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
    rooms.set(folder, { mayImport: words(cells[4]), homeOf: words(cells[5]) })
  }
  return rooms
}

const house = readHouse()
const order = [...house.keys()]

interface Import {
  readonly file: string
  readonly folder: string
  readonly specifier: string
}

const imports: Import[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.[jt]s$/.test(file))
  .flatMap((file) => {
    const text = readFileSync(join(root, 'src', file), 'utf8')
    const found = text.matchAll(
      /(?:^|\n)(?:import|export)(?:[^'"`;]*?from)? '([^']+)'|import\('([^']+)'\)/g,
    )
    const folder = file.split(sep)[0] ?? ''
    return [...found].map((match) => ({ file, folder, specifier: match[1] ?? match[2] ?? '' }))
  })

/** Folder and path inside it that a relative import leads to. */
const target = (each: Import): { folder: string; rest: string } | undefined => {
  if (!each.specifier.startsWith('.')) return undefined
  const [folder = '', ...rest] = normalize(join(dirname(each.file), each.specifier)).split(sep)
  return { folder, rest: rest.join('/') }
}

/** Packages whose home is elsewhere than their name says, by their home's entry in the table. */
const family = (specifier: string): string => {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const libp2p = ['libp2p', '@libp2p/', '@chainsafe/libp2p-', '@multiformats/']
  return libp2p.some((prefix) => name.startsWith(prefix)) ? 'libp2p' : name
}

t.test('every folder of src has a row, and every row a folder', async (t) => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
  t.same(
    folders
      .filter((each) => each.isDirectory())
      .map((each) => each.name)
      .sort(),
    order.toSorted(),
  )
})

t.test('the table itself points down only', async (t) => {
  for (const [folder, room] of house) {
    for (const other of room.mayImport.filter((each) => each !== 'everything below')) {
      t.ok(order.indexOf(other) > order.indexOf(folder), `${folder} is above ${other}`)
    }
  }
})

t.test('imports between folders go through the door and follow the table', async (t) => {
  t.ok(imports.length > 100, 'the imports are found')
  for (const each of imports) {
    const to = target(each)
    if (to === undefined || to.folder === each.folder) continue
    const allowed = house.get(each.folder)?.mayImport ?? []
    const permitted =
      below.includes(to.folder) ||
      allowed.includes(to.folder) ||
      (allowed.includes('everything below') &&
        order.indexOf(to.folder) > order.indexOf(each.folder))
    if (!permitted) t.fail(`${each.file} imports ${to.folder}, which the table does not allow`)
    if (to.rest !== 'index.ts') t.fail(`${each.file} imports ${each.specifier}, past the door`)
  }
})

t.test('every arrow of the table is used', async (t) => {
  for (const [folder, room] of house) {
    const used = new Set(
      imports.filter((each) => each.folder === folder).map((each) => target(each)?.folder),
    )
    for (const other of room.mayImport.filter((each) => each !== 'everything below')) {
      t.ok(used.has(other), `${folder} imports ${other}`)
    }
  }
})

t.test('each library is imported in its home only', async (t) => {
  const homes = new Map(
    [...house].flatMap(([folder, { homeOf }]) => homeOf.map((name) => [name, folder])),
  )
  for (const each of imports) {
    if (each.specifier.startsWith('.') || each.specifier.startsWith('node:')) continue
    t.notOk(builtinModules.includes(each.specifier), `${each.file}: ${each.specifier} needs node:`)
    const home = homes.get(family(each.specifier))
    if (home !== each.folder)
      t.fail(`${each.file} imports ${each.specifier}, at home in ${home ?? 'no folder'}`)
  }
  for (const [name, home] of homes) {
    t.ok(
      imports.some((each) => each.folder === home && family(each.specifier) === name),
      `${home} imports ${name}`,
    )
  }
})

t.test('only the commands that run a daemon or look at its database import it', async (t) => {
  const importers = imports.filter(
    (each) => target(each)?.folder === 'daemon' && each.folder !== 'daemon',
  )
  t.same(
    [...new Set(importers.map((each) => each.file))],
    [join('cli', 'commands', 'server.ts'), join('cli', 'commands', 'store-verify.ts')],
  )
})

t.test('every direct dependency has a line of reason', async (t) => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const reasons = readFileSync(join(root, 'docs/decisions/dependencies.md'), 'utf8')
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    t.match(reasons, `| \`${name}\` |`, name)
  }
})
