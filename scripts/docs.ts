/** Writes the pages that are made from the code: `node scripts/docs.ts`. Tests hold them current. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliManual } from '../src/cli/manual.ts'
import { openapi } from '../test/http/harness.ts'
import { withReference } from './http-reference.ts'
import { configReference, listSettings } from '../src/config/index.ts'
import { checksPage } from './switch-off/page.ts'

const docs = join(import.meta.dirname, '../docs')
writeFileSync(join(docs, 'configuration.md'), configReference())
writeFileSync(join(docs, 'cli.md'), await cliManual())
writeFileSync(join(docs, 'checks.md'), checksPage())
const api = join(docs, 'http-api.md')
writeFileSync(api, withReference(readFileSync(api, 'utf8'), await openapi()))
// The NixOS module makes its options from this: one schema on both sides.
const settings = join(docs, '../nix/settings.json')
writeFileSync(settings, `${JSON.stringify(listSettings(), undefined, 2)}\n`)

// The reference of its options needs Nix; a test says so where it is not current.
const options = join(docs, '../nix/options.ts')
if (spawnSync('nix-instantiate', ['--version'], { stdio: 'ignore' }).status === 0) {
  execFileSync(process.execPath, [options], { stdio: 'inherit' })
}
