/** The NixOS module: what it makes of settings, and what it refuses. */
import t from 'tap'
import { listSettings, parseConfig } from '../../src/config/index.ts'
import { findNameClashes, isReservedName, parseFileName } from '../../src/statement/index.ts'
import { publicText } from '../cli/harness.ts'
import { evaluate, nixMissing, takeTime } from './support.ts'

takeTime(t)

const ALICE = publicText(1)
const BOB = publicText(2)

interface System {
  readonly units: Readonly<Record<string, string>>
  readonly wants: Readonly<Record<string, readonly string[]>>
  readonly etc: Readonly<Record<string, { readonly source?: string }>>
  readonly tmpfiles: readonly string[]
  readonly users: Readonly<Record<string, { readonly group: string }>>
  readonly groups: Readonly<Record<string, object>>
  readonly packages: readonly string[]
  readonly firewall: { readonly tcp: readonly number[]; readonly udp: readonly number[] }
}

/** The system that these settings of `services.mesh` make. */
const systemOf = async (settings: string): Promise<System> =>
  (await evaluate(`system { ${settings} }`)) as System

const documentOf = (settings: string): Promise<unknown> =>
  evaluate(`(machine { ${settings} }).services.mesh.configFile.document`)

/** What the daemon makes of the document: the very text that the stand-in writes. */
const configOf = async (settings: string) => {
  const text = await evaluate(
    `lib.generators.toTOML (machine { ${settings} }).services.mesh.configFile.document`,
  )
  return parseConfig(String(text), { path: '/etc/mesh/dm.toml' })
}

/** The lines of one key in a unit. */
const lines = (unit: string | undefined, key: string): string[] =>
  (unit ?? '')
    .split('\n')
    .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))

t.test('enable alone makes a daemon that only this machine can reach', nixMissing(), async (t) => {
  const { units, wants, etc, tmpfiles, users, groups, packages, firewall } = await systemOf('')
  const unit = units['mesh.service']
  t.same(wants, { 'multi-user.target': ['mesh.service'] })
  t.same(firewall, { tcp: [], udp: [] })
  t.match(lines(unit, 'ExecStart'), [
    /^\/nix\/store\/[a-z0-9]{32}-mesh-[0-9.]+\/bin\/mesh server --config \/etc\/mesh\/dm\.toml$/,
  ])
  t.same(lines(unit, 'Type'), ['notify-reload'])
  t.same(lines(unit, 'NotifyAccess'), ['all'])
  t.same(lines(unit, 'User'), ['mesh'])
  t.same(lines(unit, 'LoadCredential'), [])
  t.same(lines(unit, 'RestartPreventExitStatus'), ['78'])
  t.same(lines(unit, 'MemoryDenyWriteExecute'), [], 'V8 would die of it')
  t.same(lines(unit, 'X-Reload-Triggers'), [etc['mesh/dm.toml']?.source])
  t.match(users, { mesh: { group: 'mesh' } })
  t.ok('mesh' in groups)
  t.match(packages, [/-mesh-/])
  t.ok(tmpfiles.includes('d /var/lib/mesh/files 0755 mesh mesh -'))
  const config = await configOf('')
  t.same(await documentOf(''), {})
  for (const address of config.cluster.listen) t.match(address, /^\/ip(4\/127\.|6\/::1\/)/)
  t.same(config.http.listen, ['127.0.0.1'])
})

const NETWORK = `
  settings.network = {
    id = "mesh-fleet";
    keys = [ "${ALICE}" ];
    psk = [ "/run/secrets/new" "/run/secrets/old" ];
    identity_key = "/run/secrets/identity";
    certificate = "/run/secrets/certificate";
  };
`

t.test(
  'secrets go through LoadCredential and are named in the file only',
  nixMissing(),
  async (t) => {
    const { units } = await systemOf(NETWORK)
    t.same(lines(units['mesh.service'], 'LoadCredential').sort(), [
      'certificate-2:/run/secrets/certificate',
      'identity_key-3:/run/secrets/identity',
      'psk-0:/run/secrets/new',
      'psk-1:/run/secrets/old',
    ])
    t.same(await documentOf(NETWORK), {
      network: {
        id: 'mesh-fleet',
        keys: [ALICE],
        psk: ['psk-0', 'psk-1'],
        identity_key: 'identity_key-3',
        certificate: 'certificate-2',
      },
    })
    const public_ = await documentOf('settings.network.certificate = ./flake.nix;')
    t.match(
      public_,
      { network: { certificate: /^\/nix\/store\/.*flake\.nix$/ } },
      'a certificate is none',
    )
  },
)

t.test('the daemon takes what the module writes', nixMissing(), async (t) => {
  const config = await configOf(`${NETWORK}
    settings.log_level = "debug";
    settings.cluster = { port = 7000; bootstrap_peers = [ "/dns/a.example/tcp/7946/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5" ]; dht.enabled = true; };
    settings.http.listen = [ ];
    files.motd = [ "${ALICE}" "${BOB}" ];
    files."certs/site.pem" = { signers = [ "${BOB}" ]; mode = "0640"; max_size = "1MiB"; reloadUnits = [ "nginx.service" ]; };
  `)
  t.match(config, {
    logLevel: 'debug',
    network: { id: 'mesh-fleet', pskPaths: ['/etc/mesh/psk-0', '/etc/mesh/psk-1'] },
    cluster: {
      listen: ['/ip4/0.0.0.0/tcp/7000', '/ip6/::/tcp/7000'],
      bootstrapPeers: [
        '/dns/a.example/tcp/7946/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5',
      ],
      dht: { enabled: true },
    },
    http: { listen: [] },
  })
})

t.test('every setting of the daemon is an option', nixMissing(), async (t) => {
  const names = await evaluate(
    `map (option: option.name) (lib.optionAttrSetToDocList (evaluated [ ]).options.services.mesh)`,
  )
  for (const { key, type } of listSettings()) {
    if (type.startsWith('table') || key === 'files' || key === 'network.files') continue
    const option = key.startsWith('files.NAME.')
      ? `services.mesh.files.<name>.${key.slice('files.NAME.'.length)}`
      : `services.mesh.settings.${key}`
    t.ok(Array.isArray(names) && names.includes(option), option)
  }
})

t.test('openFirewall opens the ports of the cluster and no other', nixMissing(), async (t) => {
  const of = async (settings: string) =>
    (await systemOf(`openFirewall = true; ${settings}`)).firewall.tcp
  t.same(await of(''), [7946])
  t.same(await of('settings.cluster.port = 7000;'), [7000])
  const listen = '[ "/ip4/0.0.0.0/tcp/1" "/ip6/::/tcp/1" "/ip4/10.0.0.1/tcp/2" ]'
  t.same(await of(`settings.cluster.listen = ${listen};`), [1, 2])
  t.same(await of('settings.cluster.listen = [ ];'), [])
})

t.test('files make path units, and units that wait for them', nixMissing(), async (t) => {
  const { units, wants, tmpfiles } = await systemOf(`
    directories = [ "spool/in" ];
    files."certs/site-1.pem" = {
      signers = [ "${ALICE}" ];
      reloadUnits = [ "nginx.service" "haproxy.service" ];
      restartUnits = [ "postfix.service" ];
      requiredBy = [ "nginx.service" ];
    };
    files.motd = [ "${ALICE}" ];
    files."logs/*" = { signers = "self"; startUnits = [ "look.service" ]; };
  `)
  t.same(lines(units['mesh-changed-logs.path'], 'PathChanged'), ['/var/lib/mesh/files/logs'])
  const path = 'mesh-changed-certs-site\\x2d1.pem'
  t.same(lines(units[`${path}.path`], 'PathChanged'), ['/var/lib/mesh/files/certs/site-1.pem'])
  t.match(lines(units[`${path}.service`], 'ExecStart'), [
    / \/var\/lib\/mesh\/files\/certs\/site-1\.pem 'nginx\.service haproxy\.service' postfix\.service ''$/,
  ])
  t.ok(wants['multi-user.target']?.includes(`${path}.path`))
  t.notOk(Object.keys(units).some((name) => name.startsWith('mesh-changed-motd')))
  const waits = 'mesh-file@certs-site\\x2d1.pem.service'
  t.same(lines(units['nginx.service'], 'Requires'), [waits])
  t.same(lines(units['nginx.service'], 'After'), [waits])
  t.match(lines(units['mesh-file@.service'], 'ExecStart'), [
    / file wait %I --timeout never --socket \/run\/mesh\/mesh\.sock$/,
  ])
  for (const directory of ['certs', 'spool', 'spool/in']) {
    t.ok(tmpfiles.includes(`d /var/lib/mesh/files/${directory} 0755 mesh mesh -`), directory)
  }
})

t.test('a state directory elsewhere is made, and may be written to', nixMissing(), async (t) => {
  const { units, tmpfiles } = await systemOf(
    'settings.state_dir = "/srv/mesh"; user = "me"; group = "us";',
  )
  t.same(lines(units['mesh.service'], 'ReadWritePaths'), ['/srv/mesh'])
  t.same(lines(units['mesh.service'], 'StateDirectory'), [])
  t.ok(tmpfiles.includes('d /srv/mesh 0755 me us -'))
})

t.test(
  'what can be read again is a reload, and everything else a restart',
  nixMissing(),
  async (t) => {
    const triggers = async (settings: string) => {
      const unit = (await systemOf(settings)).units['mesh.service']
      return {
        reload: lines(unit, 'X-Reload-Triggers'),
        restart: lines(unit, 'X-Restart-Triggers'),
      }
    }
    const before = await triggers(NETWORK)
    for (const settings of ['settings.log_level = "debug";', `files.motd = [ "${ALICE}" ];`]) {
      const after = await triggers(NETWORK + settings)
      t.same(after.restart, before.restart, settings)
      t.strictNotSame(after.reload, before.reload, settings)
    }
    for (const settings of ['settings.http.port = 1;', 'settings.cluster.max_connections = 5;']) {
      t.strictNotSame((await triggers(NETWORK + settings)).restart, before.restart, settings)
    }
  },
)

t.test('refuses what cannot work, by name', nixMissing(), async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['files."../x" = [ "K" ];', /`\.\.\/x' cannot be the name of a file: a name has parts of/],
    ['files."-x" = [ "K" ];', /`-x' cannot be the name/],
    ['files."" = [ "K" ];', /it is empty/],
    ['files."_mesh/x" = [ "K" ];', /reserved for mesh itself/],
    ['files.Motd = [ "K" ]; files.motd = [ "K" ];', /`Motd' and `motd' differ only in case/],
    ['files.a = [ "K" ]; files."a/b" = [ "K" ];', /`a' would have to be a directory for `a\/b'/],
    ['files.A = [ "K" ]; files."a/b" = [ "K" ];', /`A' would have to be a directory for `a\/b'/],
    [
      'files.x = [ "ssh-rsa AAAA" ];',
      /files\."x"\.signers: `ssh-rsa AAAA' is not an ed25519 public key/,
    ],
    ['files.x = [ "K" "kkNT3gOX5i6VXIiWzT6EzmM3oigc" ];', /`kkNT3gOX5i6VXIiWzT6EzmM3oigc' is not/],
    ['files.x = [ ];', /files\."x"\.signers is empty: nobody could ever sign/],
    ['files.x = { signers = [ "K" ]; reloadUnits = [ "nginx" ]; };', /write `nginx\.service'/],
    [
      'files.x = { signers = [ "K" ]; threshold = 2; };',
      /asks for 2 signatures, and there are 1 sign/,
    ],
    ['files.x = "self";', /files\."x"\.signers: "self" is for patterns: write "x\/\*"/],
    ['files."x/*" = { signers = [ "K" ]; requiredBy = [ "a.service" ]; };', /a pattern is never/],
    ['files.x = { signers = [ "K" ]; mode = "rw"; };', /files\.x\.mode' is not of type/],
    ['files.x = { signers = [ "K" ]; reload = [ ]; };', /files\.x\.reload' does not exist/],
    ['settings.network.keys = [ "x" ];', /settings\.network\.keys: `x' is not an ed25519/],
    ['settings.network.psk = ./LICENSE;', /settings\.network\.psk: .*LICENSE is in the Nix store/],
    [
      'settings.network.identity_key = "/nix/store/x";',
      /identity_key: \/nix\/store\/x is in the Nix/,
    ],
    [
      'settings.network.psk = [ "/run/a" "/nix/store/x" ];',
      /psk: \/nix\/store\/x is in the Nix store/,
    ],
    ['settings.cluster.prot = 1;', /settings\.cluster\.prot' does not exist/],
    ['settings.cluster.port = "x";', /settings\.cluster\.port' is not of type/],
    ['settings.cluster.push_pull_interval = "soon";', /push_pull_interval' is not of type/],
    ['setings = { };', /services\.mesh\.setings' does not exist/],
  ]
  for (const [settings, message] of cases) {
    await t.rejects(
      evaluate(`system { ${settings.replaceAll('"K"', `"${ALICE}"`)} }`),
      message,
      settings,
    )
  }
})

t.test('judges names as the daemon does', nixMissing(), async (t) => {
  const good = (name: string): boolean => {
    try {
      return !isReservedName(parseFileName(name))
    } catch {
      return false
    }
  }
  const names = [
    ...[
      'motd',
      'a/b',
      'a.b',
      '.a',
      'a-b',
      'a:b',
      '_x',
      '_mesh',
      '_MESH/x',
      '',
      '/',
      '/a',
      'a/',
      'a//b',
    ],
    ...[
      '.',
      '..',
      'a/..',
      './a',
      '-a',
      'a/-b',
      'a b',
      'ä',
      'a\\b',
      'x'.repeat(255),
      'x'.repeat(256),
    ],
    ...[Array.from({ length: 300 }, () => 'abc').join('/'), Array(512).fill('a').join('/')],
  ]
  const found = await evaluate(
    `map (name: (import ./nix/names.nix { inherit lib; }).nameFault name == null) (builtins.fromJSON ${JSON.stringify(JSON.stringify(names))})`,
  )
  t.same(
    Object.fromEntries(names.map((name, n) => [name, Array.isArray(found) && found[n]])),
    Object.fromEntries(names.map((name) => [name, good(name)])),
  )
  const sets = [
    ['a', 'b'],
    ['a', 'A'],
    ['a', 'a/b'],
    ['a/b', 'A/B/c'],
    ['a/b', 'a/c'],
    ['x/y/z', 'x'],
  ]
  const clashes = await evaluate(
    `map (names: (import ./nix/names.nix { inherit lib; }).clashes names != [ ]) (builtins.fromJSON ${JSON.stringify(JSON.stringify(sets))})`,
  )
  t.same(
    clashes,
    sets.map((set) => findNameClashes(set.map(parseFileName)).length > 0),
  )
})

t.test('makes the names of units that systemd-escape makes', nixMissing(), async (t) => {
  const escaped = await evaluate(
    `map (import ./nix/names.nix { inherit lib; }).escapeUnit [ "motd" "a/b" "a-b/c" ".a" "a.b:c_d" ]`,
  )
  t.same(escaped, ['motd', 'a-b', 'a\\x2db-c', '\\x2ea', 'a.b:c_d'])
})
