/** What administrators write: the configuration, and arguments of commands. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { parse } from 'smol-toml'
import { parseExpiry, parseMoment } from '../../../src/cli/expiry.ts'
import { parseVersion } from '../../../src/cli/sign-options.ts'
import { parseAddress, parsePort } from '../../../src/config/address.ts'
import { parseConfig } from '../../../src/config/index.ts'
import { scanToml } from '../../../src/config/scan.ts'
import { checkPath } from '../../../src/disk/paths.ts'
import {
  checkListenAddress,
  parsePeerAddress,
  readLocation,
} from '../../../src/transport/address.ts'
import { keyText, machine } from '../../config/fixtures.ts'
import { keyVectors } from '../../keys/vectors.ts'
import { holds, sameText } from '../engine.ts'
import type { Decoder } from '../engine.ts'

const root = join(import.meta.dirname, '../../..')
const peer = keyVectors.keys[0]?.peerId ?? ''
const NOW_MS = Date.parse('2026-06-01T00:00:00Z')

const small = `log_level = "debug"
[network]
id = "example"
keys = ["${keyText(1)}", "${keyText(2, 'base64')}"]
psk = "/run/psk"
[cluster]
listen = ["/ip4/0.0.0.0/tcp/7946"]
bootstrap_peers = ["/dns4/a.example/tcp/7946/p2p/${peer}"]
push_pull_interval = "1.5m"
[http]
port = 7331
allowed_hosts = ["mesh.example"]
[files]
"etc/motd" = ["${keyText(3)}"]
"big" = { signers = ["${keyText(3)}"], max_size = "64MiB", mode = "0640" }
`

export const configDecoders: readonly Decoder[] = [
  {
    name: 'config/parse.ts#parseConfig',
    text: true,
    seeds: [small, readFileSync(join(root, 'dm.toml.example'), 'utf8')],
    run: ({ text }) => parseConfig(text, { path: '/etc/mesh/dm.toml', environment: machine() }),
    cost: 2,
  },
  {
    name: 'config/scan.ts#scanToml',
    text: true,
    seeds: [small],
    run: ({ text }) => {
      // It is asked about what the parser has taken, which also bounds how deep it is nested.
      try {
        parse(text)
      } catch {
        return
      }
      scanToml(text)
    },
  },
  {
    name: 'config/address.ts#parseAddress',
    text: true,
    seeds: ['/ip4/10.0.0.1/tcp/7946', `/ip6/::1/tcp/1/p2p/${peer}`, 'host:80', '[::1]:7946'],
    run: ({ text }) => {
      for (const listen of [true, false]) {
        for (const peerId of [true, false]) {
          const address = parseAddress(text, { listen, peerId })
          holds(address === undefined || address.startsWith('/'), 'no multiaddr')
        }
      }
    },
  },
  {
    name: 'config/address.ts#parsePort',
    text: true,
    seeds: ['0', '1', '65535'],
    run: (input) => {
      const port = parsePort(input.text, 0)
      if (port !== undefined) sameText(String(port), input)
    },
  },
  {
    name: 'transport/address.ts#readLocation',
    text: true,
    seeds: [
      '/ip4/10.0.0.1/tcp/7946',
      '/ip6/fe80::1/tcp/1',
      '/dns/a.b/tcp/65535',
      '/ip6/::ffff:1.2.3.4/tcp/5',
    ],
    run: ({ text }) => readLocation(text),
  },
  {
    name: 'transport/address.ts#parsePeerAddress',
    text: true,
    seeds: [`/ip4/10.0.0.1/tcp/7946/p2p/${peer}`, `/dns6/a/tcp/1/p2p/${peer}`],
    run: (input) => {
      const { location, peer } = parsePeerAddress(input.text)
      sameText(`${location}/p2p/${peer}`, input)
    },
  },
  {
    name: 'transport/address.ts#checkListenAddress',
    text: true,
    seeds: ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/7946'],
    run: ({ text }) => checkListenAddress(text),
  },
  {
    name: 'disk/paths.ts#checkPath',
    text: true,
    seeds: ['files/etc/motd', 'tmp/1'],
    run: (input) => {
      sameText(checkPath(input.text), input)
      holds(
        !join('/root', input.text).includes('/../') &&
          join('/r', input.text) === `/r/${input.text}`,
        'it climbs out',
      )
    },
  },
  {
    name: 'cli/expiry.ts#parseExpiry',
    text: true,
    seeds: ['365d', '12h', '2027-01-31', '2027-01-31T12:00:00Z', '9999-12-31T23:59:59.999Z'],
    run: ({ text }) => holds(parseExpiry(text, NOW_MS) > NOW_MS, 'it is over'),
  },
  {
    name: 'cli/expiry.ts#parseMoment',
    text: true,
    seeds: ['now', '2026-01-31', '2026-01-31T12:00:00Z'],
    run: ({ text }) => holds(parseMoment(text, NOW_MS) <= NOW_MS, 'it is to come'),
  },
  {
    name: 'cli/sign-options.ts#parseVersion',
    text: true,
    seeds: ['1', '9007199254740991'],
    run: (input) => sameText(String(parseVersion(input.text)), input),
    throws: (error) => error instanceof InvalidArgumentError,
  },
]
