/** Policies through running daemons and the command line, and what `mesh explain` says of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  formatPublicKey,
  generatePrivateKey,
  publicKeyFromPeerId,
  signCertificate,
  writePrivateKey,
} from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { run, startCluster, until } from './cluster.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { ClusterNode } from './cluster.ts'

const work = mkdtempSync(join(tmpdir(), 'mesh-'))
const main = join(import.meta.dirname, '../../src/cli/main.ts')

/** A signing key as a file; answers its public line. */
const makeKey = (name: string): string => {
  const key = generatePrivateKey(systemRandom)
  writeFileSync(join(work, name), writePrivateKey(key, { format: 'openssh' }), { mode: 0o600 })
  return formatPublicKey(key.publicKey, 'openssh')
}
const [a, b, c] = [makeKey('a'), makeKey('b'), makeKey('c')]
makeKey('stranger')
writeFileSync(join(work, 'default.txt'), 'default')

const cluster = await startCluster({
  filesOf: (index) => [
    `"co.txt" = { signers = ["${a}", "${b}", "${c}"], threshold = 2 }`,
    `"guarded" = { signers = ["${a}"], delete_signers = ["${b}"] }`,
    `"certs/*" = { signers = ["${a}", "${b}"], max_files = 2 }`,
    '"health/*" = "self"',
    `"floor" = { signers = ["${a}"], min_version = 5 }`,
    `"fall" = { signers = ["${a}"], fallback = "${join(work, 'default.txt')}" }`,
    `"back" = { signers = ["${a}"], history = 3 }`,
    `"brief" = ["${a}"]`,
    `"large" = { signers = ["${a}"], max_size = "${index === 2 ? '10B' : '1MiB'}" }`,
    ...(index === 2 ? [] : [`"two/only" = ["${a}"]`]),
  ],
})
t.teardown(async () => {
  await cluster.stop()
  rmSync(work, { recursive: true, force: true })
})
const { nodes } = cluster
const [first, second, third] = nodes

/** Runs the command in the directory of the keys, against one daemon. */
const mesh = (node: ClusterNode | undefined, ...args: readonly string[]) =>
  run(
    process.execPath,
    ['--no-warnings', main, ...args, ...(node === undefined ? [] : ['--socket', node.socketPath])],
    { cwd: work },
  )

const put = async (node: ClusterNode, name: string, text: string, ...args: readonly string[]) => {
  writeFileSync(join(work, 'content'), text)
  return mesh(node, 'file', 'update', 'content', '--name', name, ...args)
}

const explain = async (node: ClusterNode, name: string) => {
  const { code, out, err } = await mesh(node, 'explain', name, '--json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out) as {
    state: string
    answer: string
    reasons: { code: string; message: string }[]
    next: string[]
    peers: unknown[]
  }
}

const codes = async (node: ClusterNode, name: string): Promise<string[]> =>
  (await explain(node, name)).reasons.map(({ code }) => code)

/** Waits until all these nodes show this text, or nothing. */
const shows = (name: string, text: string | undefined, where: readonly ClusterNode[] = nodes) =>
  Promise.all(
    where.map((node) =>
      until(`${name} to be ${text} at ${node.name}`, () => node.read(name) === text),
    ),
  )

t.test('a file with an end is shown before it', async (t) => {
  // Looked at again further down, when it is over.
  t.equal((await put(first, 'brief', 'soon gone', '--key', 'a', '--expires', '45s')).code, 0)
  await shows('brief', 'soon gone', [first])
})

t.test('a threshold is completed in pieces at two nodes', async (t) => {
  const alone = ['--key', 'a', '--statement-out', 'co.stmt']
  const refused = await put(first, 'co.txt', 'together', ...alone)
  t.equal(refused.code, 4)
  t.match(refused.err, /it has 1 of the 2 signatures.*mesh file sign/s)
  t.ok((await codes(first, 'co.txt')).includes('below-threshold'))

  t.equal((await mesh(undefined, 'file', 'sign', 'co.stmt', '--key', 'b', '-o', 'ab.stmt')).code, 0)
  t.equal((await mesh(undefined, 'file', 'sign', 'co.stmt', '--key', 'c', '-o', 'ac.stmt')).code, 0)
  const uploads = await Promise.all([
    mesh(first, 'file', 'update', 'content', '--statement', 'ab.stmt'),
    mesh(second, 'file', 'update', 'content', '--statement', 'ac.stmt'),
  ])
  t.same(
    uploads.map(({ code }) => code),
    [0, 0],
    uploads.map(({ err }) => err).join(''),
  )
  await shows('co.txt', 'together')
  for (const node of nodes) {
    await until(`all three signatures at ${node.name}`, async () => {
      const { out } = await mesh(node, 'file', 'status', 'co.txt', '--json')
      return JSON.parse(out).current?.signers.length === 3
    })
  }
  t.match((await explain(third, 'co.txt')).answer, /^co\.txt is here: version 1 is shown since/)
})

t.test('nobody deletes but a delete signer', async (t) => {
  t.equal((await put(first, 'guarded', 'stay', '--key', 'a')).code, 0)
  await shows('guarded', 'stay')
  const refused = await mesh(second, 'file', 'delete', 'guarded', '--key', 'a')
  t.equal(refused.code, 4)
  t.match(refused.err, /needs a signature by one of its delete_signers/)
  const brief = await put(second, 'guarded', 'go', '--key', 'a', '--expires', '1h')
  t.equal(brief.code, 4)
  t.match(brief.err, /its expiry is .*, the current one is never/)
  t.ok((await codes(second, 'guarded')).includes('signer-refused'))
  t.equal((await mesh(second, 'file', 'delete', 'guarded', '--key', 'b')).code, 0)
  await shows('guarded', undefined)
  await until(
    'the third to know',
    async () => (await explain(third, 'guarded')).state === 'deleted',
  )
  const { answer, next } = await explain(third, 'guarded')
  t.ok(answer.startsWith(`guarded was deleted by ${b}`), answer)
  t.match(next.join(), /mesh file history guarded/)
})

t.test('names of a pattern are taken, as many as its max_files says', async (t) => {
  for (const name of ['certs/m', 'certs/n']) {
    t.equal((await put(first, name, name, '--key', 'a')).code, 0)
    await shows(name, name)
  }
  const refused = await put(second, 'certs/o', 'x', '--key', 'a')
  t.equal(refused.code, 4)
  t.match(refused.err, /2 names of certs\/\* are in use, which is its max_files/)
  t.ok((await codes(second, 'certs/o')).includes('too-many'))
  t.equal((await put(second, 'certs/o', 'x', '--key', 'b')).code, 0, 'another signer has its own')
  await shows('certs/o', 'x')
  const { out } = await mesh(third, 'file', 'list', '--json')
  const listed = JSON.parse(out).files.map(({ name }: { name: string }) => name)
  t.same(
    listed.filter((name: string) => name.startsWith('certs/')),
    ['certs/m', 'certs/n', 'certs/o'],
  )
})

t.test('a node writes its own name of a namespace with its certificate', async (t) => {
  const key = publicKeyFromPeerId(first.peerId)
  const name = `health/${key}`
  const sign = async (path: string, namespaces: readonly string[]): Promise<void> =>
    writeFileSync(
      join(work, path),
      await signCertificate(cluster.networkKey, {
        network: cluster.networkId,
        name: first.name,
        key,
        issued: Date.now() as Timestamp,
        expires: (Date.now() + 86_400_000) as Timestamp,
        namespaces,
      }),
    )
  await sign('with.cert', ['health'])
  await sign('without.cert', [])
  const own = ['--key', join(first.directory, 'identity.key')]
  const none = await put(second, name, 'well', ...own)
  t.equal(none.code, 4)
  t.match(none.err, /has to bring the certificate/)
  const wrong = await put(second, name, 'well', ...own, '--certificate', 'without.cert')
  t.equal(wrong.code, 4)
  t.match(wrong.err, /does not give its signer the namespace health/)
  t.ok((await codes(second, name)).includes('certificate-refused'))
  const other = await put(second, name, 'x', '--key', 'a', '--certificate', 'with.cert')
  t.equal(other.code, 4)
  const good = await put(second, name, 'well', ...own, '--certificate', 'with.cert')
  t.equal(good.code, 0, good.err)
  await shows(name, 'well')
  await third.kill()
  await third.start()
  t.equal(third.read(name), 'well')
  const got = await mesh(third, 'file', 'get', name, '--signer', formatPublicKey(key, 'openssh'))
  t.equal(got.out, 'well', got.err)
})

t.test('what a revoked node published goes out of sight, and nothing of it comes in', async (t) => {
  const key = publicKeyFromPeerId(first.peerId)
  const name = `health/${key}`
  const keyPath = join(work, 'network.key')
  writeFileSync(keyPath, writePrivateKey(cluster.networkKey, { format: 'openssh' }), {
    mode: 0o600,
  })
  await shows(name, 'well')
  const revoke = (...args: readonly string[]) =>
    mesh(second, 'certificate', 'revoke', first.peerId, ...args, '--network-key', keyPath)
  const revoked = await revoke()
  t.equal(revoked.code, 0, revoked.err)
  const others = [second, third]
  await shows(name, undefined, others)
  const own = ['--key', join(first.directory, 'identity.key'), '--certificate', 'with.cert']
  const again = await put(second, name, 'still here', ...own, '--version', '2')
  t.not(again.code, 0)
  t.match(again.err, /ERR_CERTIFICATE_REVOKED/)
  const { reasons } = await explain(second, name)
  t.match(
    reasons.find(({ message }) => message.startsWith('version 1')),
    { code: 'signer-revoked' },
  )
  const { out } = await mesh(second, 'status', '--json')
  t.notOk(out.includes('file-fell-back'), 'it is what was asked for')

  // From its first moment: the revocations of before are in force when the files start.
  await third.kill()
  const from = third.log.length
  t.equal(third.read(name), undefined)
  await third.start()
  t.equal(third.read(name), undefined)
  t.same(
    third.log.slice(from).filter((line) => JSON.stringify(line).includes(name)),
    [],
    'it was not even shown for a moment',
  )

  const back = await revoke('--undo')
  t.equal(back.code, 0, back.err)
  await shows(name, 'well')
  await until('all to be connected again', async () => {
    const { out } = await mesh(first, 'status', '--json')
    return JSON.parse(out).peersConnected === 2
  })
})

t.test('versions below the lowest are not shown', async (t) => {
  const refused = await put(first, 'floor', 'old', '--key', 'a')
  t.equal(refused.code, 4)
  t.match(refused.err, /min_version = 5/)
  t.ok((await codes(first, 'floor')).includes('too-old'))
  t.equal((await put(first, 'floor', 'new', '--key', 'a', '--version', '5')).code, 0)
  await shows('floor', 'new')
})

t.test('the fallback is shown until the first delivery', async (t) => {
  await shows('fall', 'default')
  const { answer, reasons } = await explain(first, 'fall')
  t.match(answer, /waits for its first delivery/)
  t.ok(reasons.some(({ code }) => code === 'fallback-shown'))
  await until('both peers to have said what they want', async () => {
    const { reasons } = await explain(first, 'fall')
    return reasons.some(({ message }) => message === '2 of 2 connected peers want this file')
  })
  t.equal((await put(second, 'fall', 'delivered', '--key', 'a')).code, 0)
  await shows('fall', 'delivered')
})

t.test('an old version is restored as a new one', async (t) => {
  for (const text of ['one', 'two', 'three', 'four']) {
    t.equal((await put(first, 'back', text, '--key', 'a')).code, 0)
  }
  await shows('back', 'four')
  const gone = await mesh(first, 'file', 'restore', 'back', '--version', '1', '--key', 'a')
  t.equal(gone.code, 3)
  t.match(gone.err, /remembers no version 1/)
  const restored = await mesh(first, 'file', 'restore', 'back', '--version', '2', '--key', 'a')
  t.equal(restored.code, 0, restored.err)
  t.match(restored.out, /^back version 5 has the content of version 2 again/)
  await shows('back', 'two')
  const { out } = await mesh(first, 'file', 'history', 'back', '--json')
  t.match(JSON.parse(out).versions, [
    { version: 5, wins: true, conflict: false, contentHere: true },
    { version: 4, wins: false, contentHere: true },
    { version: 3, contentHere: true },
  ])
})

t.test('every node stops showing by itself what expires', async (t) => {
  await shows('brief', undefined)
  for (const node of nodes) {
    await until('the end', async () => (await explain(node, 'brief')).state === 'expired')
  }
  t.match((await explain(second, 'brief')).answer, /^version 1 of brief expired at /)
})

t.test('reads what is too large to be kept out of the nodes that keep it', async (t) => {
  const content = 'read through '.repeat(50_000)
  t.equal((await put(first, 'large', content, '--key', 'a')).code, 0)
  const state = async () => (await explain(third, 'large')).state
  await until('the third to know', async () => (await state()) === 'too-large')
  const { code, out, err } = await mesh(third, 'file', 'get', 'large')
  t.equal(code, 0, err)
  t.ok(out === content, `${out.length} of ${content.length} characters`)
  t.equal(await state(), 'too-large')
  const { cachedBytes } = JSON.parse((await mesh(third, 'blocks', 'stat', '--json')).out)
  t.ok(cachedBytes >= content.length, `${cachedBytes} bytes are in the cache`)
})

t.test('explains what is too large, not configured, or signed by a stranger', async (t) => {
  t.equal((await put(first, 'large', 'x'.repeat(100), '--key', 'a')).code, 0)
  await until(
    'the third to know',
    async () => (await explain(third, 'large')).state === 'too-large',
  )
  t.match((await explain(third, 'large')).answer, /is too large for this node: 100 B, and max_size/)

  const { state, reasons, next } = await explain(third, 'two/onyl')
  t.equal(state, 'not-configured')
  t.same(reasons, [])
  t.match(next.join(), /\[files\]/)
  t.match((await explain(first, 'two/onyl')).reasons, [{ code: 'nearest', message: /two\/only/ }])

  t.equal((await put(first, 'two/only', 'x', '--key', 'stranger')).code, 4)
  const text = await mesh(first, 'explain', 'two/only')
  const [answer = ''] = text.out.split('\n')
  t.equal(answer, 'two/only is not here: nothing that arrived for it may be shown')
  t.match(text.out, /signer-refused: refused from an upload at .*, signed by ssh-ed25519 /)
  t.match(text.out, /^next\n {2}add the signer to the configuration/m)
})

t.test('explains content that nobody has, and peers that cannot be reached', async (t) => {
  // The second learns the statement from a first that then takes its content away.
  await third.kill()
  await until('the third to be gone', async () => {
    const { reasons } = await explain(first, 'two/only')
    return reasons.some(({ code }) => code === 'peer-unreachable')
  })
  await second.kill()
  t.ok((await codes(first, 'fall')).every((code) => code !== 'content-missing'))
  await until('nobody to be left', async () => {
    const { reasons } = await explain(first, 'two/only')
    return reasons.some(({ code }) => code === 'no-peers')
  })
  writeFileSync(join(second.stateDir, 'files', 'fall'), 'damaged')
  await first.kill()
  await second.start()
  const { state, reasons, answer } = await explain(second, 'fall')
  t.equal(state, 'missing')
  t.match(answer, /its content has not arrived yet/)
  const found = reasons.map(({ code }) => code)
  for (const code of ['content-missing', 'damaged', 'no-peers']) t.ok(found.includes(code), code)
  t.equal(readFileSync(join(work, 'default.txt'), 'utf8'), 'default')
  await first.start()
  await shows('fall', 'delivered', [first, second])
})
