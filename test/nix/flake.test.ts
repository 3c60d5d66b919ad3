/** The flake: it parses, its lock file fits, and everything it offers evaluates, with nothing fetched. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exportFlake, nixFiles, nixMissing, OFFLINE, project, run, takeTime } from './support.ts'

takeTime(t)

const includesAll = (list: unknown, names: readonly string[]): boolean =>
  Array.isArray(list) && names.every((name) => list.includes(name))

const SYSTEMS = ['x86_64-linux', 'aarch64-linux']

t.test('every Nix file parses', nixMissing(), async (t) => {
  const files = nixFiles()
  t.ok(files.length > 10)
  const { code, stderr } = await run('nix-instantiate', ['--parse', ...files])
  t.equal(code, 0, stderr)
})

t.test('flake.lock fits flake.nix', nixMissing(), async (t) => {
  const cwd = exportFlake()
  const metadata = ['flake', 'metadata', '--json', '--offline', '--no-update-lock-file', 'path:.']
  const { code, stdout, stderr } = await run('nix', metadata, { cwd })
  t.equal(code, 0, stderr)
  const { locks } = JSON.parse(stdout)
  t.match(locks.nodes.nixpkgs, { original: { owner: 'NixOS', ref: 'nixos-26.05' } })
  t.same(locks.nodes['treefmt-nix'].inputs.nixpkgs, ['nixpkgs'], 'one nixpkgs for all')

  t.comment('and an input that it does not know is noticed')
  const other = join(t.testdir(), 'flake')
  cpSync(cwd, other, { recursive: true })
  const flake = readFileSync(join(other, 'flake.nix'), 'utf8')
  writeFileSync(join(other, 'flake.nix'), flake.replace('nixos-26.05', 'nixos-25.11'))
  t.not((await run('nix', metadata, { cwd: other })).code, 0)
})

t.test('everything evaluates', nixMissing(), async (t) => {
  const cwd = exportFlake()
  const check = ['flake', 'check', '--no-build', 'path:.', ...OFFLINE]
  const { code, stderr } = await run('nix', check, { cwd })
  t.equal(code, 0, stderr)

  t.comment('and what does not is noticed')
  const other = join(t.testdir(), 'flake')
  cpSync(cwd, other, { recursive: true })
  const broken = join(other, 'nix/package.nix')
  writeFileSync(broken, readFileSync(broken, 'utf8').replace('pname = "mesh"', 'pname = nothing'))
  const failed = await run('nix', check, { cwd: other })
  t.not(failed.code, 0)
  t.match(failed.stderr, /undefined variable 'nothing'/)
})

t.test('offers what the README says', nixMissing(), async (t) => {
  const cwd = exportFlake()
  const names = async (attribute: string): Promise<unknown> => {
    const args = [
      'eval',
      '--json',
      ...OFFLINE,
      `path:.#${attribute}`,
      '--apply',
      'builtins.attrNames',
    ]
    const { stdout, stderr } = await run('nix', args, { cwd })
    return stdout === '' ? stderr : JSON.parse(stdout)
  }
  for (const system of SYSTEMS) {
    t.same(await names(`packages.${system}`), ['default', 'mesh'])
    t.same(await names(`apps.${system}`), ['default', 'demo'])
    t.same(await names(`devShells.${system}`), ['default'])
    t.ok(includesAll(await names(`checks.${system}`), ['formatting', 'package']), system)
  }
  t.same(await names('overlays'), ['default'])
  t.same(await names('nixosModules'), ['default', 'mesh'])
  const tests = readFileSync(join(project, 'nix/tests/default.nix'), 'utf8')
  const listed = [...tests.matchAll(/^ {4}"([a-z0-9-]+)"$/gm)].flatMap(([, name]) => name ?? [])
  t.ok(listed.length > 0)
  t.ok(includesAll(await names('checks.x86_64-linux'), listed), 'every VM test is a check')
})

const shellcheckMissing = (): { readonly skip?: string } =>
  spawnSync('shellcheck', ['--version'], { stdio: 'ignore' }).status === 0
    ? {}
    : { skip: 'shellcheck is not installed' }

t.test('shell scripts pass what the check `formatting` asks', shellcheckMissing(), async (t) => {
  const listed = execFileSync('git', ['ls-files', '*.sh', 'dev', 'bin/mesh', '.ci/run'], {
    cwd: project,
    encoding: 'utf8',
  })
  const { code, stdout } = await run('shellcheck', ['--shell=bash', ...listed.trim().split('\n')])
  t.equal(code, 0, stdout)
})
