/** The modules that docs/nixos.md shows make systems. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { publicText } from '../cli/harness.ts'
import { evaluate, nixMissing, project, takeTime } from './support.ts'

takeTime(t)

const page = readFileSync(join(project, 'docs/nixos.md'), 'utf8').split('## Options')[0] ?? ''
const blocks = [...page.matchAll(/```nix\n([\s\S]*?)```/g)].map(([, block]) => block ?? '')

/** Keys and files that the page leaves out. */
const complete = (block: string): string =>
  block
    .replaceAll(/"ssh-ed25519 AAAA… [a-z]+"/g, `"${publicText(1)}"`)
    .replaceAll('mesh-7c3k…', 'mesh-fleet')
    .replaceAll(/\.\/(?:certificates|secrets|hosts)(?:\$\{[^}]*\}|[^;" }$])*/g, './LICENSE')

/** What sops-nix, agenix and clan would bring. */
const OTHERS = `({ lib, ... }: {
  options = lib.genAttrs [ "sops" "age" "clan" ] (_: lib.mkOption { type = lib.types.attrsOf lib.types.anything; default = { }; });
  config.sops.secrets = lib.genAttrs [ "mesh/psk" "mesh/identity" ] (name: { path = "/run/secrets/\${name}"; });
  config.age.secrets = lib.genAttrs [ "mesh-psk" "mesh-identity" ] (name: { path = "/run/agenix/\${name}"; });
  config.clan.core.vars.generators = {
    mesh-psk.files.psk.path = "/run/vars/psk";
    mesh-identity.files."identity.key".path = "/run/vars/identity.key";
  };
})`

const modules = blocks.filter((block) => !block.includes('outputs ='))

t.test('docs/nixos.md shows modules that evaluate', nixMissing(), async (t) => {
  t.ok(modules.length >= 7, `${modules.length} blocks`)
  for (const block of modules) {
    const body = complete(block).trim()
    const module = body.startsWith('{') ? body : `{ config, ... }: {\n${body}\n}`
    const found = await evaluate(
      `(evaluated [ ${OTHERS} { services.mesh.enable = true; } (${module}) ]).config.system.build.toplevel.system.units ? "mesh.service"`,
    )
    t.equal(found, true, block)
  }
})
