import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'

export const project = join(import.meta.dirname, '../..')

/** Nothing here takes long on a quiet machine; a busy one is given time. */
const TIMEOUT_MS = 1_200_000
const MAX_OUTPUT_BYTES = 64 * 2 ** 20

const scratch = mkdtempSync(join(tmpdir(), 'mesh-nix-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

const works = (program: string, ...args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0

/**
 * As root the machine's own store; else one of ours, in which everything evaluates, and nothing can
 * be built: its paths would not be where programs look for them.
 */
const canBuild = process.getuid?.() === 0 || existsSync('/nix/var/nix/daemon-socket/socket')

/** A builder has another home, and so another configuration of npm. */
const registry = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' })

const environment: NodeJS.ProcessEnv = {
  ...process.env,
  NPM_CONFIG_REGISTRY: registry.stdout?.trim() ?? '',
  MESH_STANDIN_NODE: process.execPath,
  NIX_CONFIG: [
    'experimental-features = nix-command flakes',
    'sandbox = false',
    'build-users-group =',
    'substituters =',
    'max-jobs = 4',
  ].join('\n'),
  ...(canBuild ? {} : { NIX_REMOTE: `${scratch}/store` }),
}

/** How tap runs a test: with time enough, or not at all, and then it says why. */
export interface TestOptions {
  readonly timeout: number
  readonly skip?: string
}

const timeout = TIMEOUT_MS

/** For tests that evaluate Nix code. */
export const nixMissing = (): TestOptions => {
  if (works('nix-instantiate', '--version')) return { timeout }
  return { timeout, skip: 'nix-instantiate is not installed (Debian: apt-get install nix-bin)' }
}

/** For tests that build as well. */
export const buildMissing = (): TestOptions => {
  const options = nixMissing()
  if (options.skip !== undefined || canBuild) return options
  return { timeout, skip: 'builds go into /nix/store, which takes root or a Nix daemon' }
}

/** Gives a whole test file the time that its tests may take. */
export const takeTime = (t: {
  setTimeout(ms: number): void
  comment(text: string): void
}): void => {
  t.setTimeout(timeout)
  // tap itself, in the process above, reads this.
  t.comment(`timeout=${timeout}`)
}

/** The result of a program; never throws. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const run = async (
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<Outcome> => {
  const settings = { cwd: project, ...options, env: environment }
  const limits = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { ...settings, ...limits })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as Partial<Record<string, string | number>>
    return { code: typeof code === 'number' ? code : 1, stdout: `${stdout}`, stderr: `${stderr}` }
  }
}

/** What every expression below can name. */
const PRELUDE = `
let
  nixpkgs = (import ${project}/nix/standin/flake.nix).outputs { self = null; };
  inherit (nixpkgs) lib;
  pkgs = nixpkgs.legacyPackages.x86_64-linux;
  module = import ${project}/nix/module.nix null;
  evaluated = modules: nixpkgs.lib.nixosSystem { system = "x86_64-linux"; modules = [ module ] ++ modules; };
  machine = settings: (evaluated [ { services.mesh = { enable = true; } // settings; } ]).config;
  system = settings: (machine settings).system.build.toplevel.system;
in
`

/** Evaluates, strictly, to JSON; a failure is what Nix says. */
export const evaluate = async (expression: string): Promise<unknown> => {
  const args = ['--eval', '--strict', '--json', '--expr', `${PRELUDE}${expression}`]
  const { code, stdout, stderr } = await run('nix-instantiate', args)
  if (code !== 0) throw new Error(stripVTControlCharacters(stderr))
  return JSON.parse(stdout)
}

/** Builds a derivation and answers its path; a failure is the end of its log. */
export const build = async (expression: string, ...options: readonly string[]): Promise<string> => {
  const args = ['--no-out-link', ...options, '--expr', `${PRELUDE}${expression}`]
  const { code, stdout, stderr } = await run('nix-build', args)
  if (code !== 0) throw new Error(stderr.slice(-4_000))
  return stdout.trim()
}

/** Puts into the store what npm has downloaded already. */
export const seedStore = (): Promise<Outcome> =>
  run(process.execPath, [join(project, 'nix/standin/seed.ts')])

let exported: string | undefined

/** A copy of what git would commit, as a flake: in place, Nix would copy node_modules as well. */
export const exportFlake = (): string => {
  if (exported !== undefined) return exported
  const target = join(scratch, 'flake')
  mkdirSync(target)
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: project,
    encoding: 'utf8',
  })
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(join(project, file)))
  const packed = execFileSync('tar', ['--null', '-T', '-', '-cf', '-'], {
    cwd: project,
    input: files.join('\0'),
    maxBuffer: 256 * 2 ** 20,
  })
  execFileSync('tar', ['-xf', '-', '-C', target], { input: packed })
  exported = target
  return target
}

/** The stand-ins take the place of what the lock file names, and nothing is fetched. */
export const OFFLINE = [
  '--offline',
  '--no-write-lock-file',
  ...['--override-input', 'nixpkgs', 'path:./nix/standin'],
  ...['--override-input', 'treefmt-nix', 'path:./nix/standin/treefmt'],
]

/** Paths of all Nix files of the project, from its root. */
export const nixFiles = (): string[] =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.nix'], {
    cwd: project,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(project, file)))
