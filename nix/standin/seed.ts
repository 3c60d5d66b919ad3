/**
 * Puts the packages that npm has in its cache into the Nix store, under the very paths that the
 * derivations of npm-packages.nix have: `node nix/standin/seed.ts`.
 *
 * A fixed output is named by its hash, and the store counts that hash itself, so this can save a
 * hundred downloads but cannot put in anything wrong. What the cache lacks is downloaded as ever.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Tarball {
  readonly name: string
  readonly path: string
  /** SRI, always sha512. */
  readonly integrity: string
}

const project = join(import.meta.dirname, '../..')

const expression = `
  let standin = (import ${project}/nix/standin/flake.nix).outputs { self = null; };
  in map ({ tarball, ... }: { inherit (tarball) name; path = tarball.outPath; integrity = tarball.outputHash; })
    (standin.legacyPackages.\${builtins.currentSystem}.callPackage ${project}/nix/npm-packages.nix { })`

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const cache = run('npm', 'config', 'get', 'cache').trim()

const cached = ({ integrity }: Tarball): string => {
  const hex = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex')
  return join(cache, '_cacache/content-v2/sha512', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
}

const list: readonly Tarball[] = JSON.parse(
  run('nix-instantiate', '--eval', '--strict', '--json', '--expr', expression),
)
const scratch = mkdtempSync(join(tmpdir(), 'mesh-seed-'))
try {
  const wanted = list.filter(({ path }) => !existsSync(path))
  const found = wanted.filter((tarball) => existsSync(cached(tarball)))
  const files = found.map((tarball) => {
    const file = join(scratch, tarball.name)
    copyFileSync(cached(tarball), file)
    return file
  })
  if (files.length > 0) run('nix-store', '--add-fixed', 'sha512', ...files)
  const added = wanted.filter(({ path }) => existsSync(path)).length
  process.stdout.write(
    `${list.length} packages: ${list.length - wanted.length} were in the store, ${added} came from npm's cache\n`,
  )
} finally {
  rmSync(scratch, { recursive: true })
}
