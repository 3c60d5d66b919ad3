import { once } from 'node:events'
import { renameSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, get, request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { encodeSshsig } from '../../src/keys/index.ts'
import { STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { toBase64, utf8 } from '../../src/util/index.ts'
import { sign, startCluster, until } from '../integration/cluster.ts'
import { memoryOf, timeRead } from './resources.ts'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { VersionBody } from '../../src/api/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { ClusterNode } from '../integration/cluster.ts'

/** What a hostile client can do to a running daemon, beyond what it can say (hostile.test.ts). */
const cluster = await startCluster({ files: ['hello.txt', 'race'] })
t.teardown(cluster.stop)
const { nodes } = cluster
const [victim] = nodes
const { hostname, port } = new URL(victim.url)

const LORIS_CONNECTIONS = 2_000
const HONEST_READS = 20
const FLOOD_CONNECTIONS = 300
const PIPELINED_REQUESTS = 10_000
/** What docs/limits.md grants to one connection that does not wait for its answers. */
const ANSWERED_AHEAD = 8
/** And to one that does wait. */
const REQUESTS_PER_CONNECTION = 1_000
const HANGUPS = 200
const RACERS = 20
/** What one attack may add to the memory of the daemon, at its peak. */
const MAX_GROWTH_BYTES = 128 * 2 ** 20

/** A connection whose errors are its own affair. */
const dial = (t: Test): Socket => {
  const socket = connect(Number(port), hostname).on('error', () => {})
  t.teardown(() => socket.destroy())
  return socket
}

/** Everything that comes until the other side ends. */
const readAll = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.setEncoding('latin1').on('data', (piece) => {
    text += piece
  })
  // Not `once`, which fails with the error of a socket that was reset.
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return text
}

/** The whole answer to what is sent as it stands. */
const say = async (t: Test, text: string): Promise<string> => {
  const socket = dial(t)
  socket.write(text)
  return readAll(socket)
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])

/** Runs an attack, and looks at what it cost. */
const bounded = async (t: Test, attack: () => Promise<void>): Promise<void> => {
  const { nowBytes } = memoryOf(victim)
  await attack()
  const growthBytes = memoryOf(victim).peakBytes - nowBytes
  t.comment(`the daemon grew by ${Math.round(growthBytes / 2 ** 20)} MiB at most`)
  t.ok(growthBytes <= MAX_GROWTH_BYTES, 'memory is bounded')
}

/** Strangers to the daemon that read what is shown, each over a connection of its own. */
const readHonestly = async (t: Test): Promise<void> => {
  for (let count = 0; count < HONEST_READS; count++) await timeRead(victim, 'hello.txt')
  t.pass(`${HONEST_READS} honest requests are answered`)
}

const fieldsOf = ({ text, signatures }: SignedStatement): Record<string, string> => ({
  'Mesh-Statement': toBase64(utf8(text)),
  'Mesh-Signature': signatures
    .map((entry) => toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })))
    .join(','),
})

const ask = (
  method: string,
  path: string,
  {
    fields = {},
    body,
    node = victim,
  }: { fields?: Record<string, string>; body?: string; node?: ClusterNode } = {},
): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    request(node.url, { method, path, headers: fields, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      response.on('error', reject).on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: text })
      })
    })
      .on('error', reject)
      .end(body)
  })

const currentOf = async (name: string, node: ClusterNode): Promise<VersionBody | null> => {
  const { body } = await ask('GET', `/files?name=${name}`, { node })
  return JSON.parse(body).files[0].current
}

const head = 'Host: localhost\r\n'

t.before(async () => {
  const signed = await sign(cluster, 'hello.txt', 'one')
  const { status } = await ask('PUT', '/files/hello.txt', { fields: fieldsOf(signed), body: 'one' })
  if (status !== 201) throw new Error(`${status}`)
  await until('hello.txt', () => nodes.every((node) => node.read('hello.txt') === 'one'))
})

t.test('two thousand that send a byte at a time keep nobody out', (t) =>
  bounded(t, async () => {
    const lorises = Array.from({ length: LORIS_CONNECTIONS }, () => dial(t))
    const keep = setInterval(() => {
      for (const [index, socket] of lorises.entries()) {
        if (!socket.destroyed) socket.write('a')
        // Whoever lost its place comes back for another one.
        else lorises[index] = dial(t).on('connect', () => lorises[index]?.write('GET /x'))
      }
    }, 1_000)
    t.teardown(() => clearInterval(keep))
    await Promise.all(
      lorises.map(async (socket) => {
        await once(socket, 'connect').catch(() => {})
        socket.write(`GET /files/hello.txt HTTP/1.1\r\n${head}X-`)
      }),
    )
    await readHonestly(t)
    clearInterval(keep)
    const closed = lorises.filter((socket) => socket.destroyed).length
    t.ok(closed > 0, 'some of them lost their places')
  }),
)

t.test('floods of header fields are refused, each with an answer', (t) =>
  bounded(t, async () => {
    const many = Array.from({ length: 3_000 }, (_, index) => `a${index}:\r\n`).join('')
    const floods = [`X: ${'a'.repeat(1_000_000)}\r\n`, many, `Host: ${'a'.repeat(100_000)}\r\n`]
    const answers = await Promise.all(
      Array.from({ length: FLOOD_CONNECTIONS }, (_, index) => {
        const flood = floods[index % floods.length] ?? ''
        return say(t, `GET /healthz HTTP/1.1\r\n${head}${flood}\r\n`)
      }),
    )
    // One that loses its place to another is not answered.
    const statuses = new Set(answers.filter((answer) => answer !== '').map(statusOf))
    t.strictSame([...statuses], [431])
    await readHonestly(t)
  }),
)

t.test('ten thousand requests in one breath are answered in turn, up to a limit', (t) =>
  bounded(t, async () => {
    const socket = dial(t)
    const answered = readAll(socket)
    const requests = `GET /files/hello.txt HTTP/1.1\r\n${head}\r\n`.repeat(PIPELINED_REQUESTS)
    // All else that one connection sends after its last answer is nobody's business.
    socket.write(requests)
    await readHonestly(t)
    const answers = (await answered).split(/(?=HTTP\/1\.1 \d{3} )/)
    t.strictSame(answers.map(statusOf), Array(ANSWERED_AHEAD).fill(200))
    t.match(answers.at(-1), /^connection: close\r$/im, 'the last one says so')
  }),
)

t.test('no connection keeps its place for more than a thousand requests', (t) =>
  bounded(t, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    const ports = new Set<number | undefined>()
    for (let count = 0; count <= REQUESTS_PER_CONNECTION; count++) {
      const [response] = await once(get(victim.url, { path: '/readyz', agent }), 'response')
      ports.add(response.socket.localPort)
      await once(response.resume(), 'end')
    }
    t.equal(ports.size, 2, 'the one after it comes over a new connection')
  }),
)

t.test('sockets that are closed on one side only do not stay open on the other', (t) =>
  bounded(t, async () => {
    const halves = Array.from({ length: FLOOD_CONNECTIONS }, (_, index) => {
      const socket = dial(t)
      const said = ['', 'GET', `GET / HTTP/1.1\r\n${head}`, `PUT /files/race HTTP/1.1\r\n${head}`]
      const length = index % 4 === 3 ? 'Content-Length: 9\r\n\r\nfour' : ''
      socket.end(`${said[index % 4]}${length}`)
      return readAll(socket)
    })
    await readHonestly(t)
    const answers = await Promise.all(halves)
    t.notOk(answers.find((answer) => /^HTTP\/1\.1 2/.test(answer)))
  }),
)

t.test('bodies that never end are cut, by whoever they are', (t) =>
  bounded(t, async () => {
    const before = victim.read('race')
    const signed = await sign(cluster, 'race', 'small', { version: 1 })
    const fields = Object.entries(fieldsOf(signed))
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
    const chunked = 'Transfer-Encoding: chunked\r\n\r\n'
    const piece = `4000\r\n${'a'.repeat(0x4000)}\r\n`
    const endless = async (start: string): Promise<string> => {
      const socket = dial(t)
      const answer = readAll(socket)
      socket.write(`${start}${chunked}`)
      const pour = (): void => {
        while (!socket.destroyed && socket.writable) if (!socket.write(piece)) return
      }
      socket.on('drain', pour)
      pour()
      return answer
    }
    const starts = [
      `PUT /files/race HTTP/1.1\r\n${head}${fields}`,
      `PUT /files/race HTTP/1.1\r\n${head}`,
      `DELETE /files/race HTTP/1.1\r\n${head}${fields}`,
      `GET /files/hello.txt HTTP/1.1\r\n${head}`,
      `POST /status HTTP/1.1\r\n${head}`,
    ]
    const pouring = Promise.all(
      Array.from({ length: 10 }, (_, index) => endless(starts[index % starts.length] ?? '')),
    )
    await readHonestly(t)
    // That all of them end is what is tested; what was unread when they were cut may cost the answer.
    const answers = await pouring
    t.notOk(answers.find((answer) => /^HTTP\/1\.1 201/.test(answer)))
    t.equal(victim.read('race'), before, 'nothing is stored')
  }),
)

t.test('a request for another host is refused, wherever it names that host', async (t) => {
  const evil = `evil.example:${port}`
  const asks = (target: string, ...hosts: string[]): Promise<string> => {
    const fields = hosts.map((host) => `Host: ${host}\r\n`).join('')
    return say(t, `GET ${target} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`)
  }
  const local = `localhost:${port}`
  t.equal(statusOf(await asks('/files/hello.txt', local)), 200)
  t.equal(statusOf(await asks(`http://${local}/files/hello.txt`, local)), 200)
  const refused: [number, string, ...string[]][] = [
    [403, '/files/hello.txt', evil],
    [400, '/files/hello.txt', local, evil],
    [400, '/files/hello.txt', evil, local],
    [400, '/files/hello.txt', local, local],
    [403, `http://${evil}/files/hello.txt`, local],
    [403, `http://${evil}/files/hello.txt`, evil],
    [403, `http://${local}/files/hello.txt`, evil],
    [403, `HTTP://${local}@${evil}/files/hello.txt`, local],
    [403, `https://${evil}?/files/hello.txt`, local],
    [403, `ftp://${evil}/files/hello.txt`, local],
    [403, `//${evil}/files/hello.txt`, evil],
  ]
  for (const [status, target, ...hosts] of refused) {
    const answer = await asks(target, ...hosts)
    t.equal(statusOf(answer), status, `${target} ${hosts}`)
    t.notMatch(answer, /one$/)
  }
})

t.test(`${HANGUPS} SIGHUPs leave the last configuration in force`, async (t) => {
  const { configPath, pid } = victim
  const text = readFileSync(configPath, 'utf8')
  const line = /^"hello\.txt" = (.*)$/m.exec(text)?.[1] ?? ''
  const configure = (name: string): void => {
    writeFileSync(`${configPath}.new`, `${text}"${name}" = ${line}\n`)
    renameSync(`${configPath}.new`, configPath)
  }
  for (let count = 1; count <= HANGUPS; count++) {
    configure(`storm-${count}`)
    victim.signal('SIGHUP')
    // Each has a chance to be one of its own.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const names = async (): Promise<string[]> => {
    const { body } = await ask('GET', '/files')
    return JSON.parse(body).files.map(({ name }: { name: string }) => name)
  }
  await until('the last configuration', async () => (await names()).includes(`storm-${HANGUPS}`))
  t.strictSame(
    (await names()).filter((name) => name.startsWith('storm-')),
    [`storm-${HANGUPS}`],
  )
  t.equal(victim.pid, pid)
  t.notMatch((await ask('GET', '/healthz')).body, /config-reload-failed/)
  await readHonestly(t)
})

t.test(`${RACERS} that put and delete one file at once leave the greatest`, async (t) => {
  const time = Date.now()
  // Each version four times, some of them deletions, to all nodes in turn.
  const racing = Array.from({ length: RACERS }, async (_, index) => {
    const version = 1 + (index % (RACERS / 4))
    const deletes = index % 3 === 0 && version % 2 === 0
    const content = deletes ? undefined : `content ${index}`
    const fields = { version, time: (time + index) as Timestamp }
    const signed = await sign(cluster, 'race', content, fields)
    const node = nodes[index % nodes.length] ?? victim
    const answer = await ask(deletes ? 'DELETE' : 'PUT', '/files/race', {
      fields: fieldsOf(signed),
      node,
      ...(content === undefined ? {} : { body: content }),
    })
    return { ...answer, index, version, content, timeMs: time + index }
  })
  const answers = await Promise.all(racing)
  t.notOk(
    answers.find(({ status }) => ![200, 201, 409, 429].includes(status)),
    'each is stored, lost to a greater one, or asked to come again',
  )
  const stored = answers.filter(({ status }) => status === 201)
  const greatest = stored.toSorted((a, b) => a.version - b.version || a.timeMs - b.timeMs).at(-1)
  t.ok(greatest, `${stored.length} were stored`)
  for (const node of nodes) {
    await until(`the greatest on ${node.name}`, async () => {
      const current = await currentOf('race', node)
      return (
        current?.version === greatest?.version &&
        current?.time === new Date(greatest?.timeMs ?? 0).toISOString() &&
        node.read('race') === greatest?.content
      )
    })
  }
})

t.test('the daemons are well after all that', async (t) => {
  for (const node of nodes) {
    // What is not a log line was written by a crash, or by a rejection that nobody handled.
    t.strictSame(
      node.log.filter(({ level }) => level === 0 || level >= 50),
      [],
    )
    // As one whose configuration is read again and again was once.
    t.notOk(
      node.log.find(({ level, name }) => level === 40 && `${name}`.startsWith('node-')),
      'and none blamed another',
    )
    t.equal(await node.stop(), 0)
  }
})
