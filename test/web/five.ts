/**
 * A mesh of five real daemons with one node behind and one conflict, for the test of the dashboard and
 * for its picture in the documentation.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSshsig, formatPublicKey, generatePrivateKey } from '../../src/keys/index.ts'
import { parseFileName, signStatement, STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { sha256, systemRandom, toBase64, utf8 } from '../../src/util/index.ts'
import { createClient } from '../../src/client/index.ts'
import { startCluster, until } from '../integration/cluster.ts'
import type { Client } from '../../src/client/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Cluster, ClusterNode } from '../integration/cluster.ts'

export const NODES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'] as const

interface How {
  readonly by?: 'admin' | 'deploy'
  readonly at?: Client
}

export interface Five extends Cluster {
  /** Its daemon is the one that is looked at. */
  readonly alpha: ClusterNode
  /** With it TCP tells what the socket tells. */
  readonly token: string
  /** Of alpha, on its socket. */
  readonly client: Client
  /** Signs a version and hands it to a node, alpha if no other is named. */
  publish(name: string, version: number, content: string, how?: How): Promise<void>
  /** Waits until alpha knows this of the file at that node. */
  known(node: (typeof NODES)[number], name: string, has: string): Promise<void>
}

/**
 * Epsilon's configuration does not list the key `deploy` for `app/release.json` and so keeps version 1;
 * both keys have signed a version 2 of `etc/hosts.allow`.
 */
export const startFive = async (): Promise<Five> => {
  const deploy = generatePrivateKey(systemRandom)
  const deployLine = formatPublicKey(deploy.publicKey, 'openssh')
  const directory = mkdtempSync(join(tmpdir(), 'mesh-five-'))
  const tokenPath = join(directory, 'token')
  const token = randomBytes(32).toString('hex')
  writeFileSync(tokenPath, `${token}\n`, { mode: 0o600 })
  const cluster = await startCluster({
    count: 5,
    names: NODES,
    config: {
      cluster: 'push_pull_interval = "200ms"',
      http: `token_file = "${tokenPath}"`,
    },
    filesOf: (index, admin) => [
      `"app/release.json" = ["${admin}"${index === 4 ? '' : `, "${deployLine}"`}]`,
      `"certs/wildcard.pem" = ["${admin}"]`,
      `"etc/hosts.allow" = ["${admin}", "${deployLine}"]`,
      `"etc/motd" = ["${admin}"]`,
      `"feature-flags.toml" = ["${admin}"]`,
    ],
  })
  const stop = async (): Promise<void> => {
    await cluster.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  const [alpha] = cluster.nodes
  const client = createClient({ socketPath: alpha.socketPath })

  const publish: Five['publish'] = async (name, version, content, how = {}) => {
    const { by = 'admin', at = client } = how
    const signed = await signStatement(
      {
        network: cluster.networkId,
        name: parseFileName(name),
        version,
        time: Date.now() as Timestamp,
        expires: 'never',
        replaces: 'none',
        content: { digest: sha256(content), sizeBytes: Buffer.byteLength(content) },
        blocks: 'none',
      },
      [by === 'admin' ? cluster.signer : deploy],
    )
    await at.upload(name, {
      statement: toBase64(utf8(signed.text)),
      signatures: signed.signatures.map((entry) =>
        toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
      ),
      sizeBytes: Buffer.byteLength(content),
      chunks: (async function* () {
        yield utf8(content)
      })(),
    })
  }
  const known: Five['known'] = async (node, name, has) => {
    await until(`${name} at ${node} to be ${has}`, async () => {
      const { peers, files } = await client.spread()
      const column = peers.findIndex((peer) => peer.name === node)
      return files.find((file) => file.name === name)?.peers[column]?.has === has
    })
  }

  /** Two people publish the same version at two nodes; where one has heard of the other, once more. */
  const quarrel = async (): Promise<void> => {
    const delta = createClient({ socketPath: cluster.nodes[3]?.socketPath ?? '' })
    for (let version = 2; ; version++) {
      const both = await Promise.allSettled([
        publish('etc/hosts.allow', version, 'sshd: 10.1.0.0/16\n'),
        publish('etc/hosts.allow', version, 'sshd: 10.2.0.0/16\n', { by: 'deploy', at: delta }),
      ])
      if (both.every(({ status }) => status === 'fulfilled')) return
      if (version > 50) throw new Error('no conflict came about')
    }
  }

  const five: Five = { ...cluster, alpha, token, client, publish, known, stop }
  try {
    await publish('app/release.json', 1, '{ "release": "2026-11-01" }\n')
    await publish('certs/wildcard.pem', 1, `${'certificate\n'.repeat(120)}`)
    await publish('etc/hosts.allow', 1, 'sshd: 10.0.0.0/8\n')
    await publish('etc/motd', 1, 'Welcome.\n')
    for (const node of NODES.slice(1)) await known(node, 'etc/motd', 'same')
    await publish('app/release.json', 2, '{ "release": "2026-11-20" }\n', { by: 'deploy' })
    await quarrel()
    await known('epsilon', 'app/release.json', 'refuses')
    for (const node of NODES.slice(1)) await known(node, 'etc/hosts.allow', 'same')
    for (const node of NODES.slice(1, 4)) await known(node, 'app/release.json', 'same')
    return five
  } catch (error) {
    await stop()
    throw error
  }
}
