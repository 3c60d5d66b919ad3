/**
 * The attacks that The Update Framework names (its specification, "Goals to protect against specific
 * attacks"), each on running daemons, by a member with a valid certificate that has seen everything
 * ever signed. What other tests hold already is in README.md beside this file.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import {
  formatPublicKey,
  generatePrivateKey,
  parseCertificate,
  publicKeyFromPeerId,
  signSsh,
} from '../../src/keys/index.ts'
import { parseNetworkId, signStatement } from '../../src/statement/index.ts'
import { sha256, systemRandom, utf8 } from '../../src/util/index.ts'
import { curlHeaders, run, sign, until } from '../integration/cluster.ts'
import { forgetPeak, MAX_GROWTH_BYTES, memoryOf } from './resources.ts'
import { clientOf, PATIENCE_MS, SCENE_FILES, startScene } from './scene.ts'
import { EQUAL, found, have, items, MISSING, record } from './wire.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { SignatureEntry, SignedStatement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { HostileMemberInit } from './hostile-member.ts'

const makeKey = (): PrivateKey => generatePrivateKey(systemRandom)
const lineOf = ({ publicKey }: PrivateKey): string => formatPublicKey(publicKey, 'openssh')
/** One that an attacker gets hold of, and those of a threshold, one of which it gets hold of. */
const [stolen, alice, bob, carol] = [makeKey(), makeKey(), makeKey(), makeKey()]
/** What one attack may cost: a frame and a body pass through, and nothing is heaped up. */
const END_OF_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999) as Timestamp

const scene = await startScene({
  filesOf: (_, signer) => [
    ...['app', 'lib', ...SCENE_FILES].map((name) => `"${name}" = ["${signer}"]`),
    `"leaked" = ["${signer}", "${lineOf(stolen)}"]`,
    `"joint" = { signers = ["${[alice, bob, carol].map(lineOf).join('", "')}"], threshold = 2 }`,
    '"health/*" = "self"',
  ],
})
t.teardown(scene.cluster.stop)
const { cluster, victim, honest } = scene
const { nodes } = cluster

const first = await scene.publish('app', 'app one')
const second = await scene.publish('app', 'app two', { fields: { version: 2 } })
await scene.publish('lib', 'lib one')
await scene.publish('leaked', 'by us')

const contentOf = (text: string) => ({ digest: sha256(text), sizeBytes: Buffer.byteLength(text) })

const signature = async (
  key: PrivateKey,
  namespace: string,
  text: string,
): Promise<SignatureEntry> => ({
  key: key.publicKey,
  signature: (await signSsh(key, namespace, utf8(text))).signature,
})

t.test('arbitrary installation: what no listed signer signed is not installed', async (t) => {
  const evil = await sign(cluster, 'app', 'evil', { version: 3 })
  await t.test('by a key that nobody listed: refused in silence', (t) =>
    scene.attack(t, {}, async ({ claim }) => {
      const unlisted = await signStatement(evil.statement, [makeKey()])
      t.strictSame(await claim({ record: record(unlisted), content: 'evil' }), [0])
    }),
  )
  await t.test('under a signature that a signer made of something else', (t) =>
    scene.attack(t, { fault: 'ERR_SIGNATURE_INVALID' }, async ({ claim }) => {
      const { signatures } = second
      await claim({ record: record({ ...evil, signatures }), content: 'evil' })
    }),
  )
  await t.test('under a signature that a signer made in another SSH namespace', (t) =>
    scene.attack(t, { fault: 'ERR_SIGNATURE_INVALID' }, async ({ claim }) => {
      const signatures = [await signature(cluster.signer, 'file', evil.text)]
      await claim({ record: record({ ...evil, signatures }), content: 'evil' })
    }),
  )
  await t.test('with other content than was signed', (t) =>
    scene.attack(t, { fault: 'ERR_PROTOCOL_MALFORMED' }, ({ claim }) =>
      claim({ record: record(second), content: 'app bad' }).then(() => {}),
    ),
  )
})

t.test('rollback: an old version that was once right changes nothing', (t) =>
  // An honest node that was away says the same, so that it is no fault.
  scene.attack(t, {}, async ({ claim }) => {
    t.strictSame(await claim({ record: record(first), content: 'app one', holds: true }), [0])
    const again = await run('curl', [
      ...['-sS', '-X', 'PUT', '--data-binary', 'app one', '-H', 'Content-Type:'],
      ...curlHeaders(first),
      `${victim.url}/files/app`,
    ])
    t.match(JSON.parse(again.out), { status: 409, code: 'ERR_FILE_NOT_NEWER', currentVersion: 2 })
  }),
)

t.test('fast-forward: the last version at the end of time locks nobody out', async (t) => {
  const ahead = { version: Number.MAX_SAFE_INTEGER, time: END_OF_TIME }
  const mallory = await scene.member(t)
  const forged = await sign({ ...cluster, signer: stolen }, 'leaked', 'by a thief', ahead)
  await mallory.claim({ record: record(forged), content: 'by a thief' })
  const show = (content: string) =>
    Promise.all(
      nodes.map((node) => until(content, () => node.read('leaked') === content, PATIENCE_MS)),
    )
  // It is what the configuration allows, so far.
  await show('by a thief')

  await t.test('key compromise: a key that is withdrawn takes with it what it signed', async () => {
    for (const node of nodes) {
      const config = readFileSync(node.configPath, 'utf8')
      writeFileSync(node.configPath, config.replace(`, "${lineOf(stolen)}"`, ''))
      node.signal('SIGHUP')
    }
    await show('by us')
    await until('health to say so', async () => {
      const { warnings } = await clientOf(victim).health()
      return warnings.some(({ code, subject }) => code === 'file-fell-back' && subject === 'leaked')
    })
    await scene.publish('leaked', 'by us again', { fields: { version: 2 } })
  })
  await t.test('and it does not come back with whoever has kept it', (t) =>
    scene.attack(t, {}, async ({ claim }) => {
      t.strictSame(await claim({ record: record(forged), content: 'by a thief', holds: true }), [0])
    }),
  )
})

/** What a mirror does that wants nobody to notice that there is news. */
const mirror: HostileMemberInit['handlers'] = {
  '/mesh/push-pull/1': async (stream) => {
    while ((await stream.receive()) !== undefined) await stream.send(EQUAL)
  },
  '/mesh/content/1': async (stream) => {
    await stream.receive()
    await stream.send(MISSING)
  },
}

t.test('indefinite freeze, malicious mirrors: who keeps news back keeps nobody from it', (t) =>
  scene.attack(t, { member: { handlers: mirror } }, async ({ link }) => {
    const content = 'x'.repeat(100_000)
    const large = await sign(cluster, 'slow', content)
    const stream = await link
    // It says that it has what it does not give, and repeats what is old.
    await stream.send(items({ record: record(large), holds: true }))
    await stream.send(have({ name: 'slow', digest: sha256(content) }))
    await stream.send(items({ record: record(first), content: 'app one', holds: true }))
    await until('the claim', async () => {
      const { files } = await clientOf(victim).files({ name: 'slow' })
      return files[0]?.state === 'missing'
    })
    await scene.upload(honest, large, content)
    await until('the content', () => victim.read('slow') === content, PATIENCE_MS)
  }),
)

t.test('endless data', async (t) => {
  await t.test('an upload is read as far as its statement says, and no further', (t) =>
    scene.attack(t, {}, async () => {
      const before = memoryOf(victim)
      forgetPeak(victim)
      const signed = await sign(cluster, 'app', 'app three', { version: 3 })
      const { hostname, port } = new URL(victim.url)
      const socket = connect(Number(port), hostname)
      t.teardown(() => socket.destroy())
      const fields = curlHeaders(signed).filter((each) => each !== '-H')
      const head = ['PUT /files/app HTTP/1.1', 'Host: localhost', ...fields]
      socket.write(`${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`)
      const piece = `10000\r\n${'x'.repeat(2 ** 16)}\r\n`
      let [sentBytes, answer] = [0, '']
      socket.setEncoding('utf8').on('data', (text) => {
        answer += text
      })
      await new Promise<void>((resolve) => {
        socket.once('close', () => resolve()).on('error', () => {})
        const send = (): void => {
          while (!socket.destroyed && socket.write(piece)) sentBytes += piece.length
        }
        socket.on('drain', send)
        send()
      })
      t.match(answer, /^HTTP\/1\.1 422 .*ERR_FILE_CONTENT_MISMATCH/s)
      t.comment(`${sentBytes} bytes were sent before it was cut off`)
      t.ok(memoryOf(victim).peakBytes - before.nowBytes < MAX_GROWTH_BYTES, 'memory is bounded')
    }),
  )
  await t.test('a holder that never ends is left at the size that was signed', async (t) => {
    const content = 'y'.repeat(300_000)
    const large = await sign(cluster, 'slow', content, { version: 2 })
    let sentBytes = 0
    const endless: HostileMemberInit['handlers'] = {
      '/mesh/content/1': async (stream) => {
        await stream.receive()
        await stream.send(found(content.length))
        for (;;) {
          await stream.send(utf8(content.slice(0, 200_000)))
          sentBytes += 200_000
        }
      },
    }
    const fault = 'ERR_PROTOCOL_MALFORMED'
    await scene.attack(t, { fault, member: { handlers: endless } }, async ({ link, name }) => {
      const before = memoryOf(victim)
      forgetPeak(victim)
      await (await link).send(items({ record: record(large), holds: true }))
      await victim.logged((line) => line.level === 40 && line.name === name, PATIENCE_MS)
      t.ok(memoryOf(victim).peakBytes - before.nowBytes < MAX_GROWTH_BYTES, 'memory is bounded')
      await scene.upload(honest, large, content)
      await until('the content', () => victim.read('slow') === content, PATIENCE_MS)
    })
    t.comment(`${sentBytes} bytes were sent before it was cut off`)
  })
})

t.test('extraneous dependencies: one file never brings another', (t) =>
  // Not applicable as such: a statement names one file, and nothing in it names a second one. So what
  // comes along with it, validly signed though it is, does not come in.
  scene.attack(t, {}, async ({ claim }) => {
    const names = ['not/configured', 'app.d/extra', 'apps']
    const along = await Promise.all(names.map((name) => sign(cluster, name, 'along')))
    const claims = [second, ...along].map((each) => ({ record: record(each), holds: true }))
    t.strictSame(await claim(...claims), [1, 2, 3], 'only what was there already is kept')
    for (const node of nodes) {
      const { files } = await clientOf(node).files()
      for (const name of names) {
        t.notOk(existsSync(join(node.stateDir, 'statements', name)), `${name} at ${node.name}`)
        t.equal(node.read(name), undefined)
        t.notOk(files.some((file) => file.name === name))
      }
    }
  }),
)

t.test('mix-and-match: parts of two statements make no third', async (t) => {
  // Files that must change together are one file: there is no version of several that could be mixed.
  await t.test('the content of one version under the statement of another', (t) =>
    scene.attack(t, { fault: 'ERR_PROTOCOL_MALFORMED' }, ({ claim }) =>
      claim({ record: record(second), content: 'app one' }).then(() => {}),
    ),
  )
  const lines = second.text.split('\n')
  const older = first.text.split('\n')
  // The kind stands first and is the same everywhere; the network is tried below.
  for (const [field, line] of [
    [3, 'version 3'],
    [4, 'time 2030-01-01T00:00:00.000Z'],
    [5, 'expires 2030-01-01T00:00:00.000Z'],
    [6, `replaces sha256:${first.id}`],
    [7, older[7]],
    [8, `blocks sha256:${first.id}`],
  ] as const) {
    const [what] = `${line}`.split(' ')
    await t.test(`the ${what} of one in the text of another`, (t) =>
      scene.attack(t, { fault: 'ERR_SIGNATURE_INVALID' }, async ({ claim }) => {
        const text = lines.map((each, index) => (index === field ? line : each)).join('\n')
        t.not(text, second.text)
        await claim({ record: record({ ...second, text }) })
      }),
    )
  }
})

t.test('wrong software: nothing passes for what it was not signed as', async (t) => {
  await t.test('not under another name, if that is changed after it was signed', (t) =>
    scene.attack(t, { fault: 'ERR_SIGNATURE_INVALID' }, async ({ claim }) => {
      const text = second.text.replace('name app', 'name lib')
      await claim({ record: record({ ...second, text }), content: 'app two' })
    }),
  )
  await t.test('not in another network, signed for that one or changed afterwards', (t) =>
    // What is for others is nothing to look into: no signature is checked, and nobody is blamed.
    scene.attack(t, {}, async ({ claim }) => {
      const network = parseNetworkId('other')
      const elsewhere = await signStatement({ ...second.statement, network, version: 9 }, [
        cluster.signer,
      ])
      const text = second.text.replace(/^network .*$/m, 'network other')
      const moved = { ...second, text }
      const claims = [elsewhere, moved].map((each) => ({ record: record(each) }))
      t.strictSame(await claim(...claims), [0, 1])
    }),
  )
  await t.test('not at the address of another file', (t) =>
    scene.attack(t, {}, async () => {
      const again = await run('curl', [
        ...['-sS', '-X', 'PUT', '--data-binary', 'app two', '-H', 'Content-Type:'],
        ...curlHeaders(second),
        `${victim.url}/files/lib`,
      ])
      t.match(JSON.parse(again.out), { status: 400, code: 'ERR_REQUEST_MALFORMED' })
    }),
  )
  await t.test('not in the namespace of another node', (t) =>
    scene.attack(
      t,
      { member: { namespaces: ['health'] } },
      async ({ claim, identity, certificate }) => {
        const own = await asNode({ identity, certificate, of: identity.publicKey })
        const other = await asNode({
          identity,
          certificate,
          of: publicKeyFromPeerId(honest.peerId),
        })
        const without = record({ text: own.text, signatures: own.signatures })
        t.strictSame(await claim({ record: record(other) }, { record: without }), [0, 1])
      },
    ),
  )
})

/** A statement in a namespace, as the node that is said to have written it would sign it. */
const asNode = async ({
  identity,
  certificate,
  of,
}: {
  identity: PrivateKey
  certificate: string
  of: string
}): Promise<SignedStatement> => {
  const signed = await sign({ ...cluster, signer: identity }, `health/${of}`, 'well')
  return { ...signed, certificate: { ...parseCertificate(certificate), text: certificate } }
}

t.test('keys compromised below the threshold sign nothing', async (t) => {
  const shared = await sign({ ...cluster, signer: alice }, 'joint', 'evil')
  const { statement, text } = shared
  const byAlice = await signature(alice, 'mesh-file', text)
  const byStranger = await signature(makeKey(), 'mesh-file', text)
  const sorted = (...entries: SignatureEntry[]) =>
    entries.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const make = (...entries: SignatureEntry[]) => record({ text, signatures: sorted(...entries) })

  await t.test('one key alone, also at the last version, or beside one that is not listed', (t) =>
    scene.attack(t, {}, async ({ claim }) => {
      const last = await signStatement(
        { ...statement, version: Number.MAX_SAFE_INTEGER, time: END_OF_TIME },
        [alice],
      )
      t.strictSame(
        await claim(
          { record: make(byAlice), content: 'evil' },
          { record: make(byAlice, byStranger), content: 'evil' },
          { record: record(last), content: 'evil' },
        ),
        [0, 1, 2],
      )
    }),
  )
  await t.test('one key twice', (t) =>
    scene.attack(t, { fault: 'ERR_PROTOCOL_MALFORMED' }, async ({ claim }) => {
      await claim({ record: make(byAlice, byAlice), content: 'evil' })
    }),
  )
  await t.test('one key beside what another one signed for another statement', (t) =>
    scene.attack(t, { fault: 'ERR_SIGNATURE_INVALID' }, async ({ claim }) => {
      const elsewhere = await signature(bob, 'mesh-file', second.text)
      await claim({ record: make(byAlice, elsewhere), content: 'evil' })
    }),
  )
  await t.test('and nothing of it is left when enough keys sign', async () => {
    const good = await signStatement({ ...statement, content: contentOf('good') }, [bob, carol])
    await scene.upload(honest, good, 'good')
    await Promise.all(
      nodes.map((node) => until('good', () => node.read('joint') === 'good', PATIENCE_MS)),
    )
  })
})

t.test('leaves the daemons well', async (t) => {
  for (const node of nodes) {
    const odd = node.log.filter(({ level }) => level === 0 || level > 40)
    t.strictSame(odd, [], `${node.name} has neither crashed nor failed`)
    t.equal(await node.stop(), 0)
  }
})
