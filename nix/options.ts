/**
 * Writes the option reference of the NixOS module into docs/nixos.md, from the module itself:
 *
 *     node nix/options.ts [--check]
 *
 * --check writes nothing and fails where the page is not current. Needs nix-instantiate.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Option {
  readonly name: string
  readonly description: string | null
  readonly type: string
  readonly default?: { readonly text: string; readonly _type: string }
  readonly example?: { readonly text: string }
}

const BEGIN = '<!-- options: made by `node nix/options.ts` -->\n'
const END = '<!-- end of options -->\n'

const project = join(import.meta.dirname, '..')
const page = join(project, 'docs/nixos.md')

const expression = `
  let
    nixpkgs = (import ${project}/nix/standin/flake.nix).outputs { self = null; };
    system = nixpkgs.lib.nixosSystem { modules = [ (import ${project}/nix/module.nix null) ]; };
  in nixpkgs.lib.optionAttrSetToDocList system.options.services.mesh`

const code = (text: string): string =>
  text.includes('\n') ? `\n\n\`\`\`nix\n${text.trimEnd()}\n\`\`\`` : `\`${text}\``

const describe = ({ name, description, type, default: fallback, example }: Option): string => {
  const value = fallback?._type === 'literalMD' ? fallback.text : code(fallback?.text ?? '')
  return [
    `### \`${name}\`\n\n`,
    `${type}${fallback === undefined ? ' · required' : ` · default: ${value}`}\n\n`,
    `${(description ?? '').trim()}\n`,
    ...(example === undefined ? [] : [`\nExample: ${code(example.text)}\n`]),
  ].join('')
}

const evaluated = execFileSync(
  'nix-instantiate',
  ['--eval', '--strict', '--json', '--expr', expression],
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
)
const options: readonly Option[] = JSON.parse(evaluated)
const before = readFileSync(page, 'utf8')
const [head, rest] = before.split(BEGIN)
const tail = rest?.split(END)[1]
if (head === undefined || tail === undefined)
  throw new Error(`${page} has no place for the options`)
const after = `${head}${BEGIN}\n${options.map(describe).join('\n')}\n${END}${tail}`
if (!process.argv.includes('--check')) writeFileSync(page, after)
else if (before !== after) {
  process.stderr.write('docs/nixos.md is not current; run: node nix/options.ts\n')
  process.exitCode = 1
}
