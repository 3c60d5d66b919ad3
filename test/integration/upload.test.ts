import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256 } from '../../src/util/index.ts'
import { curlHeaders, run, sign, startCluster, until } from './cluster.ts'
import type { Cluster, ClusterNode } from './cluster.ts'

const cluster: Cluster = await startCluster()
t.teardown(cluster.stop)
const { nodes, directory } = cluster
const [first, second, third] = nodes

const shownEverywhere = (name: string, content: string | undefined): Promise<boolean[]> =>
  Promise.all(
    nodes.map((node) =>
      until(`${name} at ${node.name}`, () => node.read(name) === content && true),
    ),
  )

/** Whether `ssh-keygen -Y verify` accepts what a node shows beside the file. */
const auditedBy = async (node: ClusterNode, name: string) => {
  const shown = await run('curl', ['-sS', '--fail', `${node.url}/statements/${name}`])
  const at = shown.out.indexOf('-----BEGIN SSH SIGNATURE-----')
  const signature = join(directory, 'audit.sig')
  writeFileSync(signature, shown.out.slice(at))
  const verified = await run(
    'ssh-keygen',
    [
      ...['-Y', 'verify', '-f', join(directory, 'allowed_signers'), '-I', 'admin'],
      ...['-n', 'mesh-file', '-s', signature],
    ],
    { input: shown.out.slice(0, at) },
  )
  return { ...verified, text: shown.out.slice(0, at), file: shown.out }
}

t.test('a file uploaded at one node is shown by all, byte for byte', async (t) => {
  const content = 'hello, mesh\n'
  writeFileSync(join(directory, 'hello.txt'), content)
  const upload = await run('curl', [
    ...['-sS', '--fail-with-body', '-T', join(directory, 'hello.txt')],
    ...curlHeaders(await sign(cluster, 'hello.txt', content)),
    `${first.url}/files/hello.txt`,
  ])
  t.match(JSON.parse(upload.out), { outcome: 'stored', current: { version: 1 } })
  await shownEverywhere('hello.txt', content)
  for (const node of nodes) {
    const got = await run('curl', ['-sS', '-i', `${node.url}/files/hello.txt`])
    t.match(got.out, new RegExp(`etag: "${sha256(content)}"`, 'i'))
    t.ok(got.out.endsWith(content))
  }
})

t.test('the journal tells who connected, what was stored and where it came from', async (t) => {
  const stored = await second.logged((line) => line.msg === 'version stored')
  t.match(stored, { name: 'hello.txt', version: 1, content: sha256('hello, mesh\n') })
  t.ok([first.peerId, third.peerId].includes(String(stored.from) as typeof first.peerId))
  t.match(await first.logged((line) => line.msg === 'version stored'), { from: 'upload' })
  const connected = await first.logged(
    (line) => line.msg === 'peer connected' && line.peer === second.peerId,
  )
  t.match(connected, { name: 'node-1', direction: /bound$/ })
})

t.test('ssh-keygen accepts what every node shows', async (t) => {
  for (const node of nodes) {
    const audit = await auditedBy(node, 'hello.txt')
    t.equal(audit.code, 0, audit.err)
    t.match(audit.text, /^mesh-file 1\n/)
    const onDisk = readFileSync(join(node.stateDir, 'statements', 'hello.txt'), 'utf8')
    t.equal(onDisk, audit.file, 'the state directory holds the same statement')
  }
})

t.test('a statement signed by ssh-keygen is accepted, large content included', async (t) => {
  const content = 'line of text\n'.repeat(500_000)
  const path = join(directory, 'motd')
  writeFileSync(path, content)
  const statement = [
    'mesh-file 1',
    `network ${cluster.networkId}`,
    'name etc/motd',
    'version 1',
    `time ${new Date().toISOString()}`,
    'expires never',
    'replaces none',
    `content sha256:${sha256(content)} ${content.length}`,
    'blocks none',
    '',
  ].join('\n')
  const statementPath = join(directory, 'motd.statement')
  writeFileSync(statementPath, statement)
  const signed = await run('ssh-keygen', [
    ...['-Y', 'sign', '-f', cluster.signerPath, '-n', 'mesh-file', statementPath],
  ])
  t.equal(signed.code, 0, signed.err)
  const signature = readFileSync(`${statementPath}.sig`, 'utf8').replace(/-----.*-----|\n/g, '')
  const upload = await run('curl', [
    ...['-sS', '--fail-with-body', '-T', path],
    ...['-H', `Mesh-Statement: ${Buffer.from(statement).toString('base64')}`],
    ...['-H', `Mesh-Signature: ${signature}`],
    `${third.url}/files/etc/motd`,
  ])
  t.match(JSON.parse(upload.out), { outcome: 'stored' })
  await shownEverywhere('etc/motd', content)
})

t.test('a newer version replaces the older one everywhere; an older one is refused', async (t) => {
  const content = 'second\n'
  const upload = await run(
    'curl',
    [
      ...[
        '-sS',
        '-T',
        '-',
        ...curlHeaders(await sign(cluster, 'hello.txt', content, { version: 2 })),
      ],
      `${second.url}/files/hello.txt`,
    ],
    { input: content },
  )
  t.match(JSON.parse(upload.out), { outcome: 'stored' })
  await shownEverywhere('hello.txt', content)
  const late = await run(
    'curl',
    [
      ...['-sS', '-T', '-', ...curlHeaders(await sign(cluster, 'hello.txt', 'late\n'))],
      `${third.url}/files/hello.txt`,
    ],
    { input: 'late\n' },
  )
  t.match(JSON.parse(late.out), { code: 'ERR_FILE_NOT_NEWER', current: { version: 2 } })
})

t.test('the command line signs, uploads and counts the version on', async (t) => {
  const content = 'third, by the command line\n'
  writeFileSync(join(directory, 'hello.txt'), content)
  const mesh = join(import.meta.dirname, '..', '..', 'bin', 'mesh')
  const path = join(directory, 'hello.txt')
  const args = ['file', 'update', path, '--url', second.url, '--key', cluster.signerPath]
  const { code, err } = await run(mesh, args)
  t.equal(code, 0, err)
  await shownEverywhere('hello.txt', content)
  const listed = await run(mesh, ['file', 'list', '--json', '--socket', third.socketPath])
  t.match(JSON.parse(listed.out).files, [{}, { name: 'hello.txt', current: { version: 3 } }])
})

t.test('a deletion reaches every node', async (t) => {
  const deleted = await run('curl', [
    ...['-sS', '-X', 'DELETE'],
    ...curlHeaders(await sign(cluster, 'hello.txt', undefined, { version: 4 })),
    `${third.url}/files/hello.txt`,
  ])
  t.match(JSON.parse(deleted.out), { outcome: 'stored', current: { content: null } })
  await shownEverywhere('hello.txt', undefined)
})

t.test('all nodes end with the same catalogue, healthy and connected', async (t) => {
  const ask = async (node: ClusterNode) => {
    const { out } = await run('curl', [
      '-sS',
      '--unix-socket',
      node.socketPath,
      'http://mesh/status',
    ])
    return JSON.parse(out)
  }
  const digests = await Promise.all(nodes.map(async (node) => (await ask(node)).catalogueDigest))
  t.equal(new Set(digests).size, 1)
  for (const node of nodes) {
    const status = await until(`${node.name} to know both others`, async () => {
      const found = await ask(node)
      return found.peersConnected === 2 && found
    })
    t.match(status, {
      networkId: cluster.networkId,
      peerId: node.peerId,
      certificate: { name: node.name },
      health: [],
    })
  }
})

t.test('stops in good order', async (t) => {
  for (const node of nodes) t.equal(await node.stop(), 0)
})
