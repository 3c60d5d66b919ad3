/** Each reason, made by real files from what really came in. */
import t from 'tap'
import { explain } from '../../src/http/explain.ts'
import { formatPublicKey, privateKeyFromSeed, signCertificate } from '../../src/keys/index.ts'
import { createSignedStatement, parseFileName, parsePattern } from '../../src/statement/index.ts'
import {
  createWorld,
  fromPeer,
  HOUR_MS,
  keys,
  NAME,
  network,
  policy,
  sign,
  source,
  START_MS,
  textOf,
  upload,
} from '../files/world.ts'
import type { ExplainBody } from '../../src/api/index.ts'
import type { FilePolicy } from '../../src/files/index.ts'
import type { HttpServices, Reach } from '../../src/http/services.ts'
import type { FileName } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { Draft, World } from '../files/world.ts'

const alone: Reach = { peers: [], unreachable: [], lastError: undefined }
const amongOthers: Reach = {
  ...alone,
  peers: [{ peerId: 'A', name: 'alpha', wants: true, offersContent: false }],
}
const anna = formatPublicKey(keys.anna.publicKey, 'openssh')
const eve = formatPublicKey(keys.eve.publicKey, 'openssh')

interface Asked extends World {
  explain(name?: FileName, reach?: Reach): ExplainBody
  offer(draft: Draft, from?: typeof fromPeer): Promise<unknown>
}

const ask = async (...policies: readonly FilePolicy[]): Promise<Asked> => {
  const world = await createWorld(policies)
  return Object.assign(world, {
    explain: (name = NAME, reach = alone) => {
      const services = {
        files: world.files,
        clock: world.clock,
        reach: () => reach,
        warnings: () =>
          world.health.list().map(({ sinceMs, ...rest }) => ({ ...rest, since: String(sinceMs) })),
      }
      return explain(services as unknown as HttpServices, name)
    },
    offer: async (draft: Draft, from = upload) =>
      world.files.accept(
        await sign(draft),
        draft.text === null ? undefined : source(textOf(draft)),
        from,
      ),
  })
}

const codesOf = ({ reasons }: ExplainBody): string[] => reasons.map(({ code }) => code)
const messageOf = ({ reasons }: ExplainBody, wanted: string): string =>
  reasons.find(({ code }) => code === wanted)?.message ?? ''

t.test('a name that is not configured, with the one that is most like it', async (t) => {
  const world = await ask(policy(), policy({ name: parseFileName('app/settings') }))
  t.teardown(() => world.stop())
  const typo = world.explain(parseFileName('etc/modt'))
  t.equal(typo.state, 'not-configured')
  t.equal(typo.answer, 'etc/modt is not among the files that this node is configured for')
  t.match(messageOf(typo, 'nearest'), /etc\/motd$/)
  t.match(messageOf(world.explain(parseFileName('settings')), 'nearest'), /app\/settings$/)
  await world.offer({ name: 'other' }, fromPeer)
  const other = world.explain(parseFileName('other'))
  t.match(messageOf(other, 'not-configured'), /refused from peer 12D3KooWtest at 2026-01-01T/)
  t.match(other.next, [/\[files\]/])
  t.equal(other.policy, null)
})

t.test(
  'what to do about a name of mesh itself, or of a namespace, is something that works',
  async (t) => {
    const own = parseFileName('_mesh/revoked')
    const world = await ask(policy({ name: own }), policy({ name: parsePattern('health/*') }))
    t.teardown(() => world.stop())
    t.match(world.explain(own).next, [/^publish it: mesh certificate revoke NODE/])
    t.match(world.explain(parseFileName('_mesh/heartbeat')).next, [/^set network\.keys/])
    t.match(world.explain(parseFileName('_mesh/other')).next, [/^take another name/])
    t.match(world.explain(parseFileName('health/a/b')).next, [
      /^add a pattern for its directory: "health\/a\/\*"/,
    ])
    const key = keys.anna.publicKey
    const self = { network, networkKeys: [key] }
    const space = await ask(policy({ name: parsePattern('health/*'), signers: [], self }))
    t.teardown(() => space.stop())
    const longer = parseFileName('health/the-laptop-of-alice-in-the-second-floor')
    for (const name of [parseFileName('health/abc'), longer]) {
      const body = space.explain(name)
      t.same(codesOf(body), ['not-covered'])
      t.match(messageOf(body, 'not-covered'), /the namespace health\/\* does not cover health\//)
      t.match(body.next, [/^write it as a name of its node: health\/<its key as 64 lower-case/])
    }
    const covered = space.explain(parseFileName(`health/${key}`))
    t.equal(covered.state, 'none')
    t.match(messageOf(covered, 'pattern'), `only the node with the key ${anna} may write it`)
  },
)

t.test('a refusal is no reason any more when its version has come after it', async (t) => {
  const world = await ask(policy({ signers: [keys.anna.publicKey] }))
  t.teardown(() => world.stop())
  await world.offer({ by: ['eve'] }, fromPeer)
  t.same(codesOf(world.explain()), ['signer-refused', 'no-peers'])
  await world.offer({ by: ['anna'] })
  const mended = world.explain(NAME, amongOthers)
  t.same([mended.state, ...codesOf(mended), ...mended.next], ['shown'])
})

t.test('a file that waits for its first delivery, and whom it could come from', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  const lonely = world.explain()
  t.equal(
    lonely.answer,
    'etc/motd is configured and waits for its first delivery: nothing for it is kept here, and no refusal remembered since the daemon started',
  )
  t.same(codesOf(lonely), ['no-peers'])
  t.match(lonely.next, [/^publish it/, /mesh peers/])
  const peers = [
    { peerId: 'A', name: 'alpha', wants: true, offersContent: false },
    { peerId: 'B', name: null, wants: null, offersContent: false },
  ]
  const unreachable = [
    { peerId: 'C', name: null, lastError: 'connection refused' },
    { peerId: 'D', name: 'delta', lastError: null },
  ]
  const among = world.explain(NAME, { ...alone, peers, unreachable })
  t.equal(
    messageOf(among, 'peers'),
    '1 of 2 connected peers want this file, 1 peer did not say yet',
  )
  t.equal(messageOf(among, 'peer-unreachable'), 'C cannot be reached: connection refused')
  t.same(among.peers, peers)
  t.match(among.reasons.at(-1), { message: 'delta is not connected' })
  t.match(among.next, [/^publish it: mesh file update PATH --name etc\/motd --key/])
  const one = world.explain(NAME, { ...alone, peers: peers.slice(0, 1) })
  t.equal(messageOf(one, 'peers'), 'the one connected peer wants this file')
  await world.offer({ by: ['eve'] }, fromPeer)
  const named = [{ peerId: '12D3KooWtest', name: 'alpha', wants: true, offersContent: false }]
  const refused = world.explain(NAME, { ...alone, peers: named })
  t.match(messageOf(refused, 'signer-refused'), /^refused from peer alpha at /)
})

t.test('a signer that may not, and one signature that is not enough', async (t) => {
  const world = await ask(policy({ threshold: 2 }))
  t.teardown(() => world.stop())
  await world.offer({ by: ['eve'] })
  await world.offer({ by: ['anna'], version: 2 }, fromPeer)
  const body = world.explain()
  t.equal(body.answer, 'etc/motd is not here: nothing that arrived for it may be shown')
  t.ok(
    messageOf(body, 'signer-refused').includes(
      `an upload at 2026-01-01T00:00:00.000Z, signed by ${eve}`,
    ),
  )
  t.ok(
    messageOf(body, 'below-threshold').includes(`1 of the 2 signatures that it needs, by ${anna}`),
  )
  t.match(body.next.join('\n'), /mesh file sign x\.stmt/)
  t.match(body.refusals, [
    { version: 2, code: 'ERR_FILE_THRESHOLD', signers: [anna], from: '12D3KooWtest' },
    { version: 1, code: 'ERR_FILE_SIGNER_NOT_ALLOWED', signers: [eve], from: 'upload' },
  ])
  t.match(body.policy, { selector: NAME, threshold: 2, deleteSigners: [] })
  await world.offer({ version: 3, by: ['anna', 'bert'] })
  t.same(
    codesOf(world.explain(NAME, amongOthers)),
    [],
    'what was mended since is no reason any more',
  )
})

t.test('what was refused before the daemon started is forgotten, and not denied', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({ by: ['eve'] }, fromPeer)
  await world.restart()
  const { answer, reasons } = world.explain(NAME, amongOthers)
  t.same(
    reasons.map(({ code }) => code),
    ['peers'],
  )
  t.match(
    answer,
    /waits for its first delivery: .* no refusal remembered since the daemon started$/,
  )
})

t.test('a node that was revoked: what it signed is here and counts nowhere', async (t) => {
  const networkKey = privateKeyFromSeed(new Uint8Array(32).fill(77))
  const key = keys.anna.publicKey
  const self = { network, networkKeys: [networkKey.publicKey] }
  const space = (own: NonNullable<FilePolicy['self']>) =>
    policy({ name: parsePattern('health/*'), signers: [], self: own })
  const world = await ask(space(self))
  t.teardown(() => world.stop())
  const name = parseFileName(`health/${key}`)
  const certificate = await signCertificate(networkKey, {
    ...{ network, name: 'node', key, namespaces: ['health'] },
    issued: START_MS as Timestamp,
    expires: (START_MS + HOUR_MS) as Timestamp,
  })
  const { text, signatures } = await sign({ name })
  const signed = createSignedStatement(text, signatures, certificate)
  await world.files.accept(signed, source(`${name} 1`), upload)
  const revoked = space({ ...self, revoked: new Map([[key, 'all']]) })
  await world.files.reload([revoked])
  for (const when of ['when it was revoked', 'after a restart']) {
    const body = world.explain(name, amongOthers)
    t.equal(body.state, 'none', when)
    t.equal(body.answer, `${name} is not here: nothing that arrived for it may be shown`, when)
    t.match(messageOf(body, 'signer-revoked'), /^version 1 is here, .* has revoked/, when)
    t.match(body.next, [/mesh certificate revoke NODE --undo/], when)
    await world.restart([revoked])
  }
  t.equal((await world.files.accept(signed, source(`${name} 1`), fromPeer)).outcome, 'refused')
  t.match(messageOf(world.explain(name), 'signer-revoked'), /^version 1 is here/)
})

t.test('whoever is connected to nobody is told that there may be something newer', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  const cutOff = {
    ...alone,
    unreachable: [{ peerId: 'C', name: 'gamma', lastError: 'connection refused' }],
  }
  const drafts = { shown: {}, expired: { expires: START_MS + HOUR_MS }, deleted: { text: null } }
  for (const [index, [state, draft]] of Object.entries(drafts).entries()) {
    await world.offer({ version: index + 1, ...draft })
    if (state === 'expired') await world.clock.advance(2 * HOUR_MS)
    const body = world.explain(NAME, cutOff)
    t.equal(body.state, state)
    t.same(codesOf(body), ['no-peers', 'peer-unreachable'], state)
    t.equal(messageOf(body, 'peer-unreachable'), 'gamma cannot be reached: connection refused')
    t.match(body.next.at(-1), /^see mesh peers/, state)
    const among = world.explain(NAME, { ...amongOthers, unreachable: cutOff.unreachable })
    t.same(codesOf(among), [], `${state}, and somebody connected`)
  }
})

t.test('a stale node says so of every file that it has', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  const message = 'this node is stale: its last heartbeat ended'
  world.health.raise({ code: 'stale', subject: '', severity: 'warning', message })
  const waiting = world.explain(NAME, amongOthers)
  t.same(codesOf(waiting), ['stale', 'peers'])
  await world.offer({})
  const shown = world.explain(NAME, amongOthers)
  t.same(codesOf(shown), ['stale'])
  t.equal(messageOf(shown, 'stale'), message)
})

t.test('of many peers out of reach five are named, and the others counted', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  const saying = (count: number): string[] => {
    const each = (_: unknown, at: number) => ({ peerId: `P${at}`, name: null, lastError: null })
    const unreachable = Array.from({ length: count }, each)
    return world
      .explain(NAME, { ...alone, unreachable })
      .reasons.filter(({ code }) => code === 'peer-unreachable')
      .map(({ message }) => message)
  }
  const five = ['P0', 'P1', 'P2', 'P3', 'P4'].map((peer) => `${peer} is not connected`)
  t.same(saying(5), five)
  t.same(saying(6), [...five, '1 more peer is not connected'])
  t.same(saying(900), [...five, '895 more peers are not connected'])
})

t.test('a version that lost, a conflict, and who signed what is shown', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({ version: 7 })
  await world.offer({ version: 6, by: ['bert'] })
  await world.offer({ version: 7, text: 'a rival', by: ['bert'] }, fromPeer)
  const body = world.explain()
  t.match(
    body.answer,
    /^etc\/motd is here: version 7 is shown since 2026-01-01T.*, signed by ssh-ed25519/,
  )
  t.match(messageOf(body, 'not-newer'), /version 6: version 7 is here already/)
  t.match(messageOf(body, 'conflict'), /version 7 was signed more than once/)
})

t.test('a file that was deleted, and by whom', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({ text: null })
  const { answer, state } = world.explain()
  t.equal(state, 'deleted')
  t.equal(answer, `etc/motd was deleted by ${anna}: version 1 of 2026-01-01T00:00:00.000Z says so`)
})

t.test('a file that expired, and when', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({ expires: START_MS + HOUR_MS })
  await world.clock.advance(2 * HOUR_MS)
  t.equal(world.explain().answer, 'version 1 of etc/motd expired at 2026-01-01T01:00:00.000Z')
})

t.test('a file of a namespace without a certificate, and with one that ended', async (t) => {
  const networkKey = privateKeyFromSeed(new Uint8Array(32).fill(77))
  const self = { network, networkKeys: [networkKey.publicKey] }
  const world = await ask(policy({ name: parsePattern('health/*'), signers: [], self }))
  t.teardown(() => world.stop())
  const name = parseFileName(`health/${keys.anna.publicKey}`)
  const { text, signatures } = await sign({ name })
  await world.offer({ name })
  t.match(messageOf(world.explain(name), 'certificate-refused'), /has to bring the certificate/)
  const certificate = await signCertificate(networkKey, {
    ...{ network, name: 'node', key: keys.anna.publicKey, namespaces: ['health'] },
    issued: START_MS as Timestamp,
    expires: (START_MS + HOUR_MS) as Timestamp,
  })
  const signed = createSignedStatement(text, signatures, certificate)
  await world.files.accept(signed, source(`${name} 1`), upload)
  await world.clock.advance(2 * HOUR_MS)
  t.match(
    world.explain(name).answer,
    /expired with the certificate of the node that signed it, at 2026-01-01T01/,
  )
})

t.test('content that is missing: from whom, why, and what is shown meanwhile', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({ version: 1 })
  await world.files.accept(await sign({ version: 2 }), undefined, fromPeer)
  const nobody = world.explain()
  t.equal(nobody.answer, 'version 2 of etc/motd is known, but its content has not arrived yet')
  t.equal(messageOf(nobody, 'content-missing'), 'no connected peer says that it has the content')
  t.equal(messageOf(nobody, 'older-shown'), 'version 1 is shown meanwhile')
  const peers = [{ peerId: 'A', name: 'alpha', wants: true, offersContent: true }]
  const some = world.explain(NAME, { peers, unreachable: [], lastError: 'the stream broke' })
  t.equal(
    messageOf(some, 'content-missing'),
    'offered by alpha; the last attempt: the stream broke',
  )
  const arriving = { doneBytes: 2 ** 20, totalBytes: 2 ** 22, bytesPerSecond: 2 ** 19 }
  const half = world.explain(NAME, { ...alone, peers, arriving })
  t.equal(half.answer, 'version 2 of etc/motd is known, and its content is on its way')
  t.equal(messageOf(half, 'content-arriving'), '1 MiB of 4 MiB are here, 512 KiB/s come in')
  t.match(half.next, [/mesh transfers --watch/])
})

t.test('content that is too large, and versions that are too old', async (t) => {
  const world = await ask(policy({ maxSizeBytes: 10, minVersion: 5 }))
  t.teardown(() => world.stop())
  await world.files.accept(await sign({ version: 2 }), undefined, fromPeer)
  t.match(world.explain().answer, /^version 2 of etc\/motd is below the min_version 5 of this node/)
  await world.offer({ version: 3 })
  t.match(messageOf(world.explain(), 'too-old'), /min_version = 5/)
  await world.files.accept(await sign({ version: 6, text: 'x'.repeat(20) }), undefined, fromPeer)
  const { answer, next } = world.explain()
  t.equal(answer, 'version 6 of etc/motd is too large for this node: 20 B, and max_size is 10 B')
  t.match(next, [/read it out .*mesh file get /, /raise max_size/])
})

t.test('a fallback, and a fallback that cannot be used', async (t) => {
  const world = await ask(policy({ fallbackPath: '/nowhere/at/all' }))
  t.teardown(() => world.stop())
  t.match(messageOf(world.explain(), 'fallback-unusable'), /\/nowhere\/at\/all cannot be read/)
  await world.files.reload([policy({ fallbackPath: import.meta.filename, maxSizeBytes: 2 ** 20 })])
  t.match(messageOf(world.explain(), 'fallback-shown'), /its fallback .*explain\.test\.ts is shown/)
})

t.test('a file that was damaged on the disk', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({})
  await world.disk.write(`files/${NAME}`, Buffer.from('evil'), { mode: 0o644 })
  await world.restart()
  const body = world.explain()
  t.equal(body.state, 'missing')
  t.match(messageOf(body, 'damaged'), /is not what was signed; it was moved to/)
})

t.test('what a change of the configuration set aside', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.offer({ version: 3, by: ['bert'] })
  await world.files.reload([policy({ signers: [keys.anna.publicKey] })])
  const body = world.explain()
  t.equal(body.state, 'none')
  t.match(body.answer, /nothing that arrived for it may be shown/)
  t.match(
    messageOf(body, 'set-aside'),
    /^version 3 is here, signed by .* not enough by the configuration/,
  )
})

t.test('an expiry that no delete signer set', async (t) => {
  const world = await ask(policy({ deleteSigners: [keys.cleo.publicKey] }))
  t.teardown(() => world.stop())
  await world.offer({ version: 1 })
  await world.offer({ version: 2, expires: START_MS + HOUR_MS }, fromPeer)
  t.match(
    messageOf(world.explain(), 'expiry-refused'),
    /^version 2 is here.*no delete signer has set/,
  )
  await world.offer({ version: 3, text: null })
  t.match(messageOf(world.explain(), 'signer-refused'), /deleting it needs a signature by one of/)
})

t.test('a name that a pattern or a file all but covers, and why it does not', async (t) => {
  const world = await ask(
    ...[policy({ name: parsePattern('certs/*') }), policy({ name: parsePattern('web/site-*') })],
    policy({ name: parseFileName('app/conf/main') }),
  )
  t.teardown(() => world.stop())
  const why = (name: string) => messageOf(world.explain(parseFileName(name)), 'not-covered')
  t.match(why('certs/web/index'), /certs\/\* does not cover .*: its star stands for no "\/"/)
  t.match(why('web/site-'), /web\/site-\* does not cover .*one character at least/)
  t.match(why('certs'), /certs would have to be a directory for certs\/\*/)
  t.match(why('app/conf'), /app\/conf would have to be a directory for app\/conf\/main/)
  t.match(why('app/conf/main/x'), /app\/conf\/main is a file/)
  t.equal(why('elsewhere'), '')
  t.match(world.explain(parseFileName('app/conf')).next, [/^take another name/])
})

t.test('a pattern that is full', async (t) => {
  const world = await ask(policy({ name: parsePattern('certs/*'), maxFiles: 1 }))
  t.teardown(() => world.stop())
  await world.offer({ name: 'certs/a' })
  await world.offer({ name: 'certs/b' })
  const body = world.explain(parseFileName('certs/b'))
  t.match(messageOf(body, 'too-many'), /1 names of certs\/\* are in use/)
  t.equal(body.policy?.selector, 'certs/*')
  t.same(body.next.filter((each) => each.includes('max_files')).length, 1)
  await world.restart()
  const later = world.explain(parseFileName('certs/c'))
  t.match(messageOf(later, 'pattern'), /certs\/\* covers it, with at most 1 name for each signer/)
  const full = messageOf(later, 'pattern-full')
  t.ok(full.includes(`1 name of certs/* is in use by ${anna}, which is its max_files`), full)
  t.match(later.next.join(), /raise max_files of the pattern/)
  t.equal(
    later.answer,
    'certs/c is not here: nothing for it is kept here, and no refusal remembered since the daemon started; certs/* is full for some of its signers',
  )
  const here = world.explain(parseFileName('certs/a'), amongOthers)
  t.same(codesOf(here), ['pattern'], 'it has its place')
})

t.test('remembers few refusals of few names', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  for (let version = 1; version <= 10; version++) await world.offer({ version, by: ['eve'] })
  for (let again = 0; again < 5; again++) await world.offer({ version: 10, by: ['eve'] })
  t.same(
    world.explain().refusals.map(({ version }) => version),
    [10, 9, 8, 7],
  )
  const other = await sign({ name: 'other' })
  for (let index = 0; index < 1000; index++) {
    const name = parseFileName(`junk/${index}`)
    await world.files.accept(
      { ...other, statement: { ...other.statement, name } },
      undefined,
      fromPeer,
    )
  }
  t.same(world.explain().refusals, [])
})

t.test('a statement whose list does not make its content can be had from nobody', async (t) => {
  const world = await ask(policy())
  t.teardown(() => world.stop())
  await world.files.accept(await sign({ text: 'hello' }), undefined, fromPeer)
  t.match(world.explain().answer, /its content has not arrived yet$/)
  const message = 'the list does not make it'
  world.health.raise({ code: 'content-faulty', subject: NAME, severity: 'warning', message })
  const body = world.explain()
  t.match(body.answer, /contradicts itself: nobody can have its content$/)
  t.equal(messageOf(body, 'content-faulty'), message)
  t.match(body.next, [/^have it signed again, as a higher version: mesh file update/])
})
