/**
 * The package, over the machine's own tools: what comes from npm has the hashes of the lock file, and
 * what is built of it starts and serves.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { build, buildMissing, evaluate, run, seedStore, takeTime } from './support.ts'

takeTime(t)

const SOAK = process.env.MESH_TEST_TIER === 'soak'
/** Built anew in the short tier: a large one, a native one, one with a scope. */
const SAMPLE = ['fastify', '@lmdb/lmdb-linux-x64', '@libp2p/tcp']
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH/

const PACKAGE = 'pkgs.callPackage ./nix/package.nix { }'
const TARBALLS = 'pkgs.callPackage ./nix/npm-packages.nix { }'

t.test('npm gives what the lock file names, byte for byte', buildMissing(), async (t) => {
  const seeded = await seedStore()
  t.equal(seeded.code, 0, seeded.stderr)
  t.comment(seeded.stdout.trim())
  const chosen = SOAK
    ? `map (each: each.tarball) (${TARBALLS})`
    : `map (each: each.tarball) (builtins.filter (each: builtins.elem each.path [ ${SAMPLE.map((name) => `"node_modules/${name}"`).join(' ')} ]) (${TARBALLS}))`
  try {
    await build(chosen)
    // They were in the store already; --check downloads and compares again.
    const built = (await build(chosen, '--check')).split('\n')
    t.ok(built.length >= (SOAK ? 150 : SAMPLE.length), `${built.length} tarballs`)
  } catch (error) {
    if (!UNREACHABLE.test(String(error))) throw error
    t.comment('skipped: npm cannot be reached from here')
  }
})

t.test('refuses a package that is not what the lock file names', buildMissing(), async (t) => {
  const other =
    'sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=='
  const tampered = `
    let lock = lib.importJSON ./package-lock.json;
    in (builtins.head (pkgs.callPackage ./nix/npm-packages.nix {
      lock.packages."" .dependencies.valibot = "*";
      lock.packages."node_modules/valibot" = lock.packages."node_modules/valibot" // { integrity = "${other}"; };
    })).tarball`
  const failed = await build(tampered).catch(String)
  if (UNREACHABLE.test(String(failed))) return t.comment('skipped: npm cannot be reached from here')
  t.match(failed, /hash mismatch in fixed-output derivation/)
})

t.test(
  'holds what production needs, for this platform, and nothing else',
  buildMissing(),
  async (t) => {
    const paths = await evaluate(`map (each: each.path) (${TARBALLS})`)
    if (!Array.isArray(paths)) throw new TypeError('no list')
    t.ok(paths.includes('node_modules/lmdb'))
    t.ok(paths.includes('node_modules/@lmdb/lmdb-linux-x64'))
    for (const path of [
      'tap',
      'typescript',
      '@biomejs/biome',
      'fast-check',
      '@lmdb/lmdb-darwin-x64',
    ]) {
      t.notOk(paths.includes(`node_modules/${path}`), path)
    }
    const arm = await evaluate(
      `map (each: each.path) (nixpkgs.legacyPackages.aarch64-linux.callPackage ./nix/npm-packages.nix { })`,
    )
    t.ok(Array.isArray(arm) && arm.includes('node_modules/@lmdb/lmdb-linux-arm64'))
  },
)

t.test('the package starts and serves with nothing else on the path', buildMissing(), async (t) => {
  const path = await build(PACKAGE)
  for (const file of [
    'share/bash-completion/completions/mesh.bash',
    'share/zsh/site-functions/_mesh',
    'share/fish/vendor_completions.d/mesh.fish',
    'share/man/man1/mesh.1',
    'share/man/man1/mesh-file-update.1',
  ]) {
    t.ok(existsSync(join(path, file)), file)
  }
  t.same(readdirSync(join(path, 'lib/mesh')).sort(), [
    'LICENSE',
    'node_modules',
    'package.json',
    'src',
  ])

  // Short: the path of a unix socket has 107 bytes at most.
  const directory = mkdtempSync(join(tmpdir(), 'mesh-nix-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const config = join(directory, 'dm.toml')
  const socket = join(directory, 'mesh.sock')
  writeFileSync(
    config,
    `state_dir = "state"\n[cluster]\nport = 0\n[http]\nport = 0\nsocket = "${socket}"\n`,
  )
  const daemon = spawn(join(path, 'bin/mesh'), ['server', '--config', config], {
    env: { PATH: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => daemon.kill('SIGKILL'))
  for await (const line of createInterface(daemon.stdout)) {
    if (JSON.parse(line).msg === 'ready') break
  }
  daemon.stdout.resume()
  const status = await run(join(path, 'bin/mesh'), ['status', '--json', '--socket', socket])
  t.equal(status.code, 0, status.stderr)
  t.match(JSON.parse(status.stdout), { schema: /^mesh-status/, networkId: 'local' })
  const ended = once(daemon, 'exit')
  daemon.kill('SIGTERM')
  t.same(await ended, [0, null])
})

t.test(
  'a configuration is checked by the daemon itself when it is built',
  buildMissing(),
  async (t) => {
    const file = (settings: string) => `(machine { ${settings} }).services.mesh.configFile`
    t.match(await build(file('')), /-dm\.toml$/)
    const odd = file('settings.cluster.bootstrap_peers = [ "/ip4/300.0.0.1/tcp/1" ];')
    await t.rejects(
      build(odd),
      /dm\.toml:\d+:\d+: cluster\.bootstrap_peers\[0\]: .* is not the TCP address of a peer/,
    )
  },
)

t.test('nix run .#demo shows a mesh', buildMissing(), async (t) => {
  const demo = await build(`pkgs.callPackage ./nix/demo.nix { mesh = ${PACKAGE}; }`)
  const { code, stdout, stderr } = await run(join(demo, 'bin/mesh-demo'), ['--once'])
  t.equal(code, 0, stderr)
  t.match(stdout, /gamma .*ms .*\/files\/motd/)
})
