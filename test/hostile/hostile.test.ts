import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { encodeSshsig, generatePrivateKey, signSsh } from '../../src/keys/index.ts'
import { parseNetworkId, signStatement, STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { sha256, systemRandom, toBase64, utf8 } from '../../src/util/index.ts'
import { sign, startCluster, until } from '../integration/cluster.ts'
import { forge } from './attacks.ts'
import { createHostileMember } from './hostile-member.ts'
import {
  differs,
  digestOfNames,
  DONE,
  found,
  items,
  lastItems,
  namesPage,
  peerExchange,
  PUSH_PULL,
  ranges,
  readGetRanges,
  readOfferNames,
  record,
  TAKEN_ALL,
} from './wire.ts'
import type { Test } from 'tap'
import type { PeersBody } from '../../src/api/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { ProtocolHandler } from '../../src/transport/index.ts'
import type { Cluster, ClusterNode } from '../integration/cluster.ts'
import type { HostileMember, Protocol } from './hostile-member.ts'

/**
 * What must hold against bad input, through running daemons: a clear error with a stable code,
 * nothing stored, whoever did it named, everybody else served. Formats: docs/protocols.
 */
const cluster: Cluster = await startCluster({ files: ['hello.txt', 'etc/motd', 'x', 'big'] })
t.teardown(cluster.stop)
const { nodes } = cluster
const [victim, honest] = nodes

interface Answer {
  readonly status: number
  /** Of a problem; of what was stored its outcome. */
  readonly code: string
  readonly body: string
}

type Fields = Record<string, string | string[]>

/** What docs/limits.md grants to one peer, and a burst of as many. */
const EXCHANGES_PER_MINUTE = 12
/** Peers that one peer may make another one know. */
const HEARSAY_PER_PEER = 128
/** Those that there are, more than enough of them. */
const MEMBERS = 40

const ask = (
  method: string,
  path: string,
  {
    fields = {},
    body,
    node = victim,
  }: { fields?: Fields; body?: string | Uint8Array; node?: ClusterNode } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(node.url, { method, path, headers: fields, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (piece) => {
        body += piece
      })
      response.on('error', reject).on('end', () => {
        const json = /json/.test(response.headers['content-type'] ?? '')
          ? JSON.parse(body || '{}')
          : {}
        resolve({ status: response.statusCode ?? 0, code: json.code ?? json.outcome, body })
      })
    })
    sent.on('error', reject).end(body)
  })

const fieldsOf = ({ text, signatures }: SignedStatement): Record<string, string> => ({
  'Mesh-Statement': toBase64(utf8(text)),
  'Mesh-Signature': signatures
    .map((entry) => toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })))
    .join(','),
})

const put = (
  signed: SignedStatement,
  body: string | Uint8Array,
  node: ClusterNode = victim,
): Promise<Answer> =>
  ask('PUT', `/files/${signed.statement.name}`, { fields: fieldsOf(signed), body, node })

const versionOf = async (name: string, node: ClusterNode = victim): Promise<number> => {
  const { body } = await ask('GET', `/files?name=${name}`, { node })
  return JSON.parse(body).files[0].current?.version ?? 0
}

const peersOf = ({ socketPath }: ClusterNode): Promise<PeersBody['peers']> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/peers' }, (response) => {
      response.toArray().then((pieces) => resolve(JSON.parse(pieces.join('')).peers), reject)
    })
      .on('error', reject)
      .end()
  })

/** Whether nothing came of it: the files and statements of all nodes are as they were. */
const untouched = async (t: Test, work: () => Promise<void>): Promise<void> => {
  const look = (): unknown =>
    nodes.map(({ stateDir }) =>
      ['files', 'statements', 'content', 'tmp'].map((each) => {
        const path = join(stateDir, each)
        return existsSync(path) ? readdirSync(path, { recursive: true }).sort() : []
      }),
    )
  // What was accepted before may still be on its way to disk elsewhere.
  const atRest = (): boolean =>
    nodes.every(
      ({ stateDir, read }) =>
        readdirSync(join(stateDir, 'tmp')).length === 0 && read('hello.txt') === 'one',
    )
  await until('every node at rest', atRest)
  const before = look()
  const versions = await Promise.all(nodes.map((node) => versionOf('hello.txt', node)))
  await work()
  t.strictSame(look(), before, 'nothing is stored')
  t.strictSame(await Promise.all(nodes.map((node) => versionOf('hello.txt', node))), versions)
  t.equal(victim.read('hello.txt'), 'one')
}

t.test('HTTP', async (t) => {
  t.equal((await put(await sign(cluster, 'hello.txt', 'one'), 'one')).code, 'stored')
  for (const { stateDir } of nodes) {
    await until('hello.txt', () => existsSync(join(stateDir, 'statements/hello.txt')))
  }

  t.test('refuses each field of a statement that is wrong, with its own code', (t) =>
    untouched(t, async () => {
      const good = await sign(cluster, 'hello.txt', 'two', { version: 2 })
      const signed = async (text: string): Promise<Record<string, string>> => ({
        'Mesh-Statement': toBase64(utf8(text)),
        'Mesh-Signature': toBase64(
          encodeSshsig(await signSsh(cluster.signer, STATEMENT_NAMESPACE, utf8(text))),
        ),
      })
      const wrong: [RegExp, string, string][] = [
        [/^mesh-file 1/, 'mesh-file 2', 'ERR_STATEMENT_MALFORMED'],
        [/^network .*$/m, 'network other', 'ERR_FILE_NETWORK_MISMATCH'],
        [/^network .*$/m, 'network ../x', 'ERR_STATEMENT_MALFORMED'],
        [/^name .*$/m, 'name ../hello.txt', 'ERR_STATEMENT_MALFORMED'],
        [/^name .*$/m, 'name etc/motd', 'ERR_REQUEST_MALFORMED'],
        [/^version .*$/m, 'version 0', 'ERR_STATEMENT_MALFORMED'],
        [/^version .*$/m, 'version 02', 'ERR_STATEMENT_MALFORMED'],
        [/^version .*$/m, 'version -2', 'ERR_STATEMENT_MALFORMED'],
        [/^version .*$/m, 'version 9007199254740992', 'ERR_STATEMENT_MALFORMED'],
        [/^version .*$/m, 'version 1', 'ERR_FILE_NOT_NEWER'],
        [/^version .*$/m, 'version 5000', 'ERR_FILE_VERSION_JUMP'],
        [/^time .*$/m, 'time 2026-02-30T00:00:00.000Z', 'ERR_STATEMENT_MALFORMED'],
        [/^time .*$/m, 'time 2026-01-01T00:00:00Z', 'ERR_STATEMENT_MALFORMED'],
        [/^time .*$/m, 'time 9999-12-31T23:59:59.999Z', 'ERR_FILE_TIME_AHEAD'],
        [/^expires .*$/m, 'expires 1999-12-31T23:59:59.999Z', 'ERR_FILE_EXPIRED'],
        [/^expires .*$/m, 'expires soon', 'ERR_STATEMENT_MALFORMED'],
        [/^replaces .*$/m, 'replaces sha256:00', 'ERR_STATEMENT_MALFORMED'],
        [/^content sha256:(.*) .*$/m, 'content sha256:$1 -1', 'ERR_STATEMENT_MALFORMED'],
        [/^content sha256:(.*) .*$/m, 'content sha256:$1 4', 'ERR_FILE_CONTENT_MISMATCH'],
        [/^content .*$/m, `content ${`sha256:${sha256('tow')} 3`}`, 'ERR_FILE_CONTENT_MISMATCH'],
        [/^content .*$/m, 'content deleted', 'ERR_REQUEST_MALFORMED'],
        [/^blocks .*$/m, 'blocks sha256:FF', 'ERR_STATEMENT_MALFORMED'],
        [/^blocks .*\n/m, '', 'ERR_STATEMENT_MALFORMED'],
        [/\n$/, '', 'ERR_STATEMENT_MALFORMED'],
        [/\n/g, '\r\n', 'ERR_STATEMENT_MALFORMED'],
        [/$/, 'extra 1\n', 'ERR_STATEMENT_MALFORMED'],
      ]
      for (const [field, by, code] of wrong) {
        const text = good.text.replace(field, by)
        const fields = await signed(text)
        const answer = await ask('PUT', '/files/hello.txt', { fields, body: 'two' })
        t.equal(answer.code, code, JSON.stringify(`${field} ${by}`))
        // Changed after it was signed, it is worth nothing whatever it says.
        const stale = { ...fieldsOf(good), 'Mesh-Statement': toBase64(utf8(text)) }
        const changed = await ask('PUT', '/files/hello.txt', { fields: stale, body: 'two' })
        t.ok(changed.status >= 400 && changed.status < 500, `${changed.status}`)
      }
    }),
  )

  t.test('refuses signatures that are missing, doubled, oversized or of another kind', (t) =>
    untouched(t, async () => {
      const good = await sign(cluster, 'hello.txt', 'two', { version: 2 })
      const fields = fieldsOf(good)
      const signature = fields['Mesh-Signature'] ?? ''
      const statement = fields['Mesh-Statement'] ?? ''
      const alien = toBase64(encodeSshsig(await signSsh(cluster.signer, 'file', utf8(good.text))))
      const longer = toBase64(Buffer.concat([Buffer.from(signature, 'base64'), Buffer.of(0)]))
      const unlisted = await signStatement(good.statement, [generatePrivateKey(systemRandom)])
      const cases: [string, Fields, string][] = [
        ['none', {}, 'ERR_REQUEST_MALFORMED'],
        ['no signature', { 'Mesh-Statement': statement }, 'ERR_REQUEST_MALFORMED'],
        ['no statement', { 'Mesh-Signature': signature }, 'ERR_REQUEST_MALFORMED'],
        [
          'two statements',
          { ...fields, 'Mesh-Statement': [statement, statement] },
          'ERR_REQUEST_MALFORMED',
        ],
        [
          'one twice',
          { ...fields, 'Mesh-Signature': [signature, signature] },
          'ERR_STATEMENT_MALFORMED',
        ],
        ['no base64', { ...fields, 'Mesh-Statement': `${statement}!` }, 'ERR_REQUEST_MALFORMED'],
        ['another namespace', { ...fields, 'Mesh-Signature': alien }, 'ERR_SSHSIG_MALFORMED'],
        ['a byte too many', { ...fields, 'Mesh-Signature': longer }, 'ERR_SSHSIG_MALFORMED'],
        ['12 KiB', { ...fields, 'Mesh-Statement': 'QUFB'.repeat(4_000) }, 'ERR_REQUEST_TOO_LARGE'],
        [
          '20 KiB of anything',
          { ...fields, 'X-Junk': 'a'.repeat(22_000) },
          'ERR_REQUEST_TOO_LARGE',
        ],
        ['forged', fieldsOf(forge(good)), 'ERR_SIGNATURE_INVALID'],
        ['an unlisted signer', fieldsOf(unlisted), 'ERR_FILE_SIGNER_NOT_ALLOWED'],
      ]
      for (const [what, fields, code] of cases) {
        t.equal((await ask('PUT', '/files/hello.txt', { fields, body: 'two' })).code, code, what)
      }
    }),
  )

  t.test('refuses names that climb out, in every encoding', (t) =>
    untouched(t, async () => {
      const fields = fieldsOf(await sign(cluster, 'hello.txt', 'two', { version: 2 }))
      const names =
        '../x|..%2fx|%2e%2e/x|%2e%2e%2fx|%252e%252e/x|..%5cx|hello.txt/..|hello.txt%2f..%2fx|' +
        'hello.txt%00|hello.txt%0a|%ff|%|hello.txt/|/hello.txt|//etc/passwd|a//b|-x|~|*'
      for (const name of names.split('|')) {
        for (const method of ['PUT', 'DELETE', 'GET', 'HEAD']) {
          const { status } = await ask(method, `/files/${name}`, { fields })
          t.equal(status, 400, `${method} ${name}`)
        }
      }
    }),
  )

  t.test('refuses bodies that are longer, shorter, other than stated, or none', (t) =>
    untouched(t, async () => {
      const good = await sign(cluster, 'hello.txt', 'two', { version: 2 })
      for (const body of ['longer', 'to', '', 'tow']) {
        t.equal((await put(good, body)).code, 'ERR_FILE_CONTENT_MISMATCH', body)
        const fields = { ...fieldsOf(good), 'Transfer-Encoding': 'chunked' }
        const chunked = await ask('PUT', '/files/hello.txt', { fields, body })
        t.equal(chunked.code, 'ERR_FILE_CONTENT_MISMATCH', `${body}, chunked`)
      }
    }),
  )

  t.test(
    'a hundred uploads of one name at once leave the greatest version that was stored',
    async (t) => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const content = `${index}`
          const version = index + 1
          const { status } = await put(await sign(cluster, 'x', content, { version }), content)
          return { status, version, content }
        }),
      )
      t.notOk(answers.find(({ status }) => ![201, 409, 429].includes(status)))
      const stored = answers.filter(({ status }) => status === 201)
      const last = stored.at(-1)
      t.equal(await versionOf('x'), last?.version)
      for (const node of nodes) await until('x', () => node.read('x') === last?.content)
    },
  )

  t.test('the last version number locks nobody out', async (t) => {
    const version = Number.MAX_SAFE_INTEGER
    const publish = async (content: string): Promise<Answer> => {
      const signed = await sign(cluster, 'etc/motd', content, { version })
      return ask('PUT', '/files/etc/motd?force=true', { fields: fieldsOf(signed), body: content })
    }
    t.equal((await publish('one')).code, 'stored')
    t.equal((await publish('two')).code, 'stored')
    for (const node of nodes) await until('etc/motd', () => node.read('etc/motd') === 'two')
  })

  t.test('a client that gets its refusal and never closes does not keep its place', async (t) => {
    const { port, hostname } = new URL(victim.url)
    const deaf = Array.from({ length: 300 }, () =>
      // Nothing reads, so nothing closes.
      connect(Number(port), hostname).on('error', () => {}),
    )
    t.teardown(() => {
      for (const socket of deaf) socket.destroy()
    })
    for (const socket of deaf) socket.write('\x16\x03 this is not HTTP\r\n\r\n')
    await until(
      'a place',
      () =>
        ask('GET', '/readyz').then(
          () => true,
          () => false,
        ),
      60_000,
    )
  })

  t.test('neither links nor edits in the state directory are served', async (t) => {
    unlinkSync(victim.file('hello.txt'))
    symlinkSync('/etc/hostname', victim.file('hello.txt'))
    t.equal((await ask('GET', '/files/hello.txt')).status, 404)
    const signed = await sign(cluster, 'hello.txt', 'three', { version: 3 })
    t.equal((await put(signed, 'three')).code, 'stored')
    for (const node of nodes) await until('hello.txt', () => node.read('hello.txt') === 'three')
    writeFileSync(victim.file('hello.txt'), 'eerht')
    t.not((await ask('GET', '/files/hello.txt')).body, 'eerht')
    await until('the true content', () => victim.read('hello.txt') === 'three')
  })
})

t.test('a member that lies', async (t) => {
  const wanted = ['big', 'etc/motd', 'hello.txt', 'x']
  const names = digestOfNames(wanted)
  let members = 0

  /** A fresh one each time: those before it are avoided. */
  const member = async (
    t: Test,
    handlers: Partial<Record<Protocol, ProtocolHandler>> = {},
  ): Promise<HostileMember & { readonly name: string }> => {
    const name = `mallory-${++members}`
    const hostile = await createHostileMember(cluster, victim, { name, handlers })
    t.teardown(() => hostile.stop())
    return { ...hostile, name }
  }

  const named = async (name: string, code: string): Promise<unknown> =>
    victim.logged((line) => line.level === 40 && line.name === name && line.code === code)

  const avoided = async (name: string): Promise<unknown> =>
    victim.logged((line) => line.name === name && line.avoided === true)

  const announcement = ({
    signed,
    ...claim
  }: {
    signed: SignedStatement
    holds?: boolean
    content?: string
  }) => items({ record: record(signed), ...claim })

  /** An honest node's file still reaches the victim. */
  const served = async (): Promise<void> => {
    const version = (await versionOf('hello.txt', honest)) + 1
    const content = `version ${version}`
    await put(await sign(cluster, 'hello.txt', content, { version }), content, honest)
    await until('an honest file', () => victim.read('hello.txt') === content, 60_000)
  }

  for (const noun of ['announce', 'push-pull', 'content', 'blocks', 'peers', 'ping']) {
    t.test(`is named and avoided for garbage on /mesh/${noun}/1`, async (t) => {
      const { name, open, transport } = await member(t)
      // Three faults are too many; the connection may be gone before the last is sent.
      for (const sizeBytes of [100, 2 ** 20, 9, 1]) {
        const stream = await open(`/mesh/${noun}/1`).catch(() => undefined)
        await stream
          ?.send(randomBytes(sizeBytes).fill(0xff, 0, Math.min(4, sizeBytes)))
          .catch(() => {})
        await stream?.receive({ timeoutMs: 3_000 }).catch(() => {})
      }
      await avoided(name)
      await until('the cut', () => transport.peers().length === 0)
      await t.rejects(transport.dial(victim.address))
      // It only ever dialled us: there is no address to show, but there is a name.
      const shown = (await peersOf(victim)).find(({ peerId }) => peerId === transport.peerId)
      t.match(shown, { name, connected: false, address: null, faults: [{ count: Number }] })
      t.type(shown?.avoidedUntil, 'string')
      await served()
    })
  }

  t.test('is avoided at once for a forged signature, wanted or to be passed on', async (t) => {
    for (const file of ['x', 'not/configured']) {
      const { name, link } = await member(t)
      const signed = forge(await sign(cluster, file, 'evil', { version: 1_000 }))
      await (await link).send(announcement({ signed, content: 'evil' }))
      await named(name, 'ERR_SIGNATURE_INVALID')
      await avoided(name)
    }
    t.not(await versionOf('x'), 1_000)
  })

  t.test(
    'gets nothing stored by an unlisted signer, for another network or another content',
    async (t) => {
      const before = victim.read('x')
      const { name, link } = await member(t)
      const stream = await link
      const good = await sign(cluster, 'x', 'evil', { version: 1_000 })
      const unlisted = await signStatement(good.statement, [generatePrivateKey(systemRandom)])
      const network = parseNetworkId('other')
      const foreign = await signStatement({ ...good.statement, network }, [cluster.signer])
      await stream.send(announcement({ signed: unlisted, content: 'evil' }))
      await stream.send(announcement({ signed: foreign, content: 'evil' }))
      await stream.send(announcement({ signed: good, content: 'live' }))
      await named(name, 'ERR_PROTOCOL_MALFORMED')
      t.not(await versionOf('x'), 1_000)
      t.equal(victim.read('x'), before)
    },
  )

  t.test('keeps nobody from the content that it claims and does not give', async (t) => {
    const sizeBytes = 300_000
    const lies: Record<string, ProtocolHandler> = {
      'wrong size': async (stream) => stream.send(found(5)),
      'wrong bytes': async (stream) => {
        await stream.send(found(sizeBytes))
        await stream.send(new Uint8Array(200_000))
        await stream.send(new Uint8Array(100_000))
      },
      'tiny pieces': async (stream) => {
        await stream.send(found(sizeBytes))
        for (;;) await stream.send(new Uint8Array(1))
      },
      'no end': async (stream) => {
        await stream.send(found(sizeBytes))
        for (;;) await stream.send(new Uint8Array(200_000))
      },
    }
    let version = 0
    for (const [what, lie] of Object.entries(lies)) {
      const { name, link } = await member(t, {
        '/mesh/content/1': async (stream) => {
          await stream.receive()
          await lie(stream)
        },
      })
      const content = randomBytes(sizeBytes)
      const signed = await sign(cluster, 'big', content, { version: ++version })
      await (await link).send(announcement({ signed, holds: true }))
      await victim.logged((line) => line.level === 40 && line.name === name)
      t.not(victim.readBytes('big')?.length, 5, what)
      t.equal((await put(signed, content, honest)).status, 201)
      await until(what, () => victim.readBytes('big')?.equals(content) === true, 60_000)
    }
  })

  t.test('does not have us reconcile for ever by ranges of what does not exist', async (t) => {
    let rounds = 0
    let told: string | undefined
    const answerTo = (frame: Uint8Array): Uint8Array | undefined => {
      const [type] = frame
      if (type === PUSH_PULL.round) return differs(names, names, told)
      // The daemon wants more than that: the network's own files too.
      if (type === PUSH_PULL.getNames) return namesPage(wanted, true)
      if (type === PUSH_PULL.offerNames) {
        told = readOfferNames(frame)
        return DONE
      }
      if (type === PUSH_PULL.getItems) return lastItems()
      if (type === PUSH_PULL.putItems) return TAKEN_ALL
      if (type !== PUSH_PULL.getRanges) return undefined
      const { maxListIds, prefixes } = readGetRanges(frame)
      return ranges(
        prefixes.map((digits) => (digits < 2 ? { digits: 16 } : { shorts: maxListIds })),
      )
    }
    await member(t, {
      '/mesh/push-pull/1': async (stream) => {
        for (
          let frame = await stream.receive();
          frame !== undefined;
          frame = await stream.receive()
        ) {
          if (frame[0] === PUSH_PULL.done) rounds++
          const answer = answerTo(frame)
          if (answer !== undefined) await stream.send(answer)
        }
      },
    })
    await until('a round', () => rounds > 0)
    const before = rounds
    await served()
    // That something does not happen can only be waited for.
    await new Promise((resolve) => setTimeout(resolve, 3_500))
    t.ok(rounds - before <= 1, `${rounds - before} more rounds in a few seconds`)
  })

  t.test('is held to so many exchanges of peers, and its tales fill no book', async (t) => {
    const { open } = await member(t)
    const port = Number(new URL(victim.url).port)
    const begunMs = performance.now()
    let answered = 0
    for (let round = 0; round < 20; round++) {
      const peers = Array.from({ length: 32 }, () => ({
        key: generatePrivateKey(systemRandom).publicKey,
        locations: [`/ip4/127.0.0.1/tcp/${port}`, `/ip6/::ffff:7f00:1/tcp/${port}`],
      }))
      // It is not blamed, as a node that starts again and again does the same; it waits, or is reset.
      const exchange = async (): Promise<void> => {
        const stream = await open('/mesh/peers/1')
        await stream.send(peerExchange(peers)).catch(() => {})
        const frame = await stream.receive({ timeoutMs: 1_000 }).catch(() => undefined)
        if (frame !== undefined) answered++
        await stream.close().catch(() => {})
      }
      await exchange().catch((error: unknown) => {
        if (!isMeshError(error, 'ERR_STREAM_CLOSED')) throw error
      })
    }
    const minutes = (performance.now() - begunMs) / 60_000
    const most = EXCHANGES_PER_MINUTE * (1 + minutes) + 1
    t.ok(answered > 0 && answered <= most, `${answered} answers, at most ${Math.floor(most)}`)
    const known = (await peersOf(victim)).length
    t.ok(known <= HEARSAY_PER_PEER + MEMBERS, `${known} peers are known`)
    await served()
  })

  t.test('leaves the daemons well', async (t) => {
    for (const node of nodes) {
      const { body } = await ask('GET', '/healthz', { node })
      t.notMatch(body, /event-loop-stalled/)
      // What is not a log line was written by a crash, or by a rejection that nobody handled.
      t.strictSame(
        node.log.filter(({ level }) => level === 0 || level > 50),
        [],
      )
      t.equal(await node.stop(), 0)
    }
  })
})
