// Where bin/mesh begins. JavaScript, and plain: a Node that is too old for the rest must still get as
// far as saying so, and what follows is only quick because its compiled form is looked for before
// the first TypeScript file is read (loading Node's type stripper takes longer than `mesh --help`).
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join } from 'node:path'
import process from 'node:process'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `mesh: needs Node 22.18 or newer, and this is ${process.version}; install one, or name it in $MESH_NODE\n`,
  )
  process.exit(1)
}

/**
 * Where compiled code is kept between runs; `undefined` if there is no safe place. What is there is
 * executed: Node's own default, below the temporary directory, could be prepared by any other user,
 * and so could a home that is not ours (sudo).
 */
const cacheDirectory = () => {
  const { CACHE_DIRECTORY, HOME, NODE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env
  if (NODE_COMPILE_CACHE !== undefined || process.geteuid === undefined) return undefined
  // Of a systemd unit with CacheDirectory=, which may name several.
  const service = (CACHE_DIRECTORY || '').split(':')[0]
  // The home of a system user often does not exist, and is not ours to make.
  const user = XDG_CACHE_HOME || (HOME && existsSync(HOME) ? join(HOME, '.cache') : '')
  const directory = isAbsolute(service) ? service : isAbsolute(user) ? join(user, 'mesh') : ''
  if (directory === '') return undefined
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(directory)
    const ours = uid === process.geteuid() && (mode & 0o022) === 0
    return ours ? join(directory, 'compiled') : undefined
  } catch {
    return undefined
  }
}

const directory = cacheDirectory()
// Asked for by name: a Node without it must not fail before it was told that it is too old.
if (directory !== undefined)
  createRequire(import.meta.url)('node:module').enableCompileCache(directory)

// As --disable-warning=ExperimentalWarning, which an old Node would stumble over: a command line is no
// place to learn that Node calls its type stripping or its SQLite experimental.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name === 'ExperimentalWarning') return
  process.stderr.write(`${warning.name}: ${warning.message}\n`)
})

await import('./main.ts')
