import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCertificate, peerIdFromPublicKey } from '../../../src/keys/index.ts'
import { keyOf, mesh, publicText, writeKey } from '../harness.ts'
import type { Test } from 'tap'

const peerId = peerIdFromPublicKey(keyOf(2).publicKey)

const begin = (t: Test) => {
  const cwd = t.testdir({})
  const networkKey = writeKey(cwd, 1)
  const sign = (...args: string[]) =>
    mesh(
      [
        'certificate',
        'sign',
        '--network-key',
        networkKey,
        '--network',
        'fleet',
        '--name',
        'web-1',
        ...args,
      ],
      { cwd },
    )
  const verify = (...args: string[]) =>
    mesh(['certificate', 'verify', 'web-1.cert', ...args], { cwd })
  return { cwd, sign, verify }
}

t.test('signs a certificate for a peer id, a public key or a file of one', async (t) => {
  const { cwd, sign } = begin(t)
  writeFileSync(join(cwd, 'node.pub'), `${publicText(2)} node\n`)
  for (const key of [peerId, publicText(2), 'node.pub', './node.pub']) {
    const { code, stdout } = await sign(
      '--key',
      key,
      '--expires',
      '365d',
      '-f',
      '--namespace',
      'b',
      '--namespace',
      'a',
    )
    t.equal(code, 0)
    t.match(stdout, `web-1.cert: web-1 is ${peerId} until `)
    const { certificate, signer } = parseCertificate(readFileSync(join(cwd, 'web-1.cert'), 'utf8'))
    t.match(certificate, {
      network: 'fleet',
      name: 'web-1',
      key: keyOf(2).publicKey,
      namespaces: ['a', 'b'],
    })
    t.equal(certificate.expires - certificate.issued, 365 * 86_400_000)
    t.equal(signer, keyOf(1).publicKey)
  }
})

t.test('refuses what nobody would accept', async (t) => {
  const { cwd, sign } = begin(t)
  t.match(await sign('--key', 'nonsense', '--expires', '1d'), { code: 8 })
  t.match(await sign('--key', peerId, '--expires', 'never'), { code: 2, stderr: /is no time/ })
  t.match(await sign('--key', peerId, '--expires', '2020-01-01'), {
    code: 2,
    stderr: /not a time to come/,
  })
  t.match(await sign('--key', peerId), { code: 2, stderr: /--expires/ })
  t.match(await sign('--key', peerId, '--expires', '1d', '--namespace', '_mesh'), { code: 6 })
  const unnamed = [
    'certificate',
    'sign',
    '--network-key',
    '1.key',
    '--name',
    'x',
    '--key',
    peerId,
    '--expires',
    '1d',
  ]
  t.match(await mesh(unnamed, { cwd }), { code: 2, stderr: /--network/ })
  t.match(await mesh(unnamed, { cwd, env: { MESH_NETWORK: 'fleet' } }), { code: 0 })
  t.match(await sign('--key', peerId, '--expires', '1d'), { code: 0 })
  t.match(await sign('--key', peerId, '--expires', '1d'), { code: 2, stderr: /--force/ })
})

t.test('verifies form, signature, network, key and expiry', async (t) => {
  const { cwd, sign, verify } = begin(t)
  await sign('--key', peerId, '--expires', '30d')
  const fits = ['--network', 'fleet', '--network-key', publicText(1)]
  t.match(await verify(...fits, '--key', peerId), { code: 0, stdout: /^good +web-1$/m })
  t.match(JSON.parse((await verify(...fits, '--json')).stdout), {
    schema: 'mesh-certificate/1',
    name: 'web-1',
    peerId,
    namespaces: [],
  })
  t.match(await verify(...fits, '--network', 'other'), {
    code: 6,
    stderr: /ERR_CERTIFICATE_MISMATCH/,
  })
  t.match(await verify(...fits, '--key', publicText(3)), {
    code: 6,
    stderr: /ERR_CERTIFICATE_MISMATCH/,
  })
  const stranger = ['--network', 'fleet', '--network-key', publicText(3)]
  t.match(await verify(...stranger), { code: 6, stderr: /ERR_CERTIFICATE_INVALID/ })
  t.match(await verify(), { code: 2, stderr: /--config/ })
  writeFileSync(join(cwd, 'dm.toml'), `[network]\nid = "fleet"\nkeys = ["${publicText(1)}"]\n`)
  t.match(await verify('--config', 'dm.toml'), { code: 0 })
  await sign('--key', peerId, '--expires', '1ms', '--force')
  t.match(await verify(...fits), { code: 6, stderr: /ERR_CERTIFICATE_EXPIRED/ })
  writeFileSync(join(cwd, 'web-1.cert'), 'nonsense')
  t.match(await verify(...fits), { code: 6, stderr: /ERR_CERTIFICATE_MALFORMED/ })
})
