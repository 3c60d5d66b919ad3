/** `unpack = "tar"` through running daemons: one statement, one tree, switched by one link. */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { toHeaders } from '../../src/cli/statement-headers.ts'
import { hostileTars, tar } from '../unpack/tars.ts'
import { sign, startCluster, until } from './cluster.ts'
import type { Test } from 'tap'
import type { ClientEvent } from '../../src/client/index.ts'
import type { ClusterNode } from './cluster.ts'

/** Says which version the tree has, whoever asks for the file. */
const HOOK = 'echo "$2 $3 $(cat "$MESH_FILE_TREE/index")" >>"$MESH_FILE_PATH.hooked"'

const cluster = await startCluster({
  config: { '': '[hooks]\nallow_root = true' },
  filesOf: (_, line) => [
    `"etc/site" = { signers = ["${line}"], unpack = "tar", on_change = ["/bin/sh", "-c", ${JSON.stringify(HOOK)}, "sh"] }`,
    `plain = ["${line}"]`,
  ],
})
t.teardown(() => cluster.stop())
const { nodes } = cluster
const [first, second] = nodes

const clientOf = (node: ClusterNode) => createClient({ socketPath: node.socketPath })
const linkOf = ({ stateDir }: ClusterNode): string => join(stateDir, 'trees/etc/site')
const readIn = (node: ClusterNode, path: string): string | undefined => {
  try {
    return readFileSync(join(linkOf(node), path), 'utf8')
  } catch {
    return undefined
  }
}

let version = 0
const publish = async (node: ClusterNode, bytes: Buffer): Promise<void> => {
  const signed = await sign(cluster, 'etc/site', bytes, { version: ++version })
  const chunks = (async function* () {
    yield bytes
  })()
  const upload = { ...toHeaders(signed), sizeBytes: bytes.length, chunks }
  await clientOf(node).upload('etc/site', upload)
}

const shows = (text: string, where: readonly ClusterNode[] = nodes) =>
  Promise.all(
    where.map((node) =>
      until(`the tree to say ${text} at ${node.name}`, () => readIn(node, 'index') === text),
    ),
  )

/** Why the tar is not unpacked there, as `mesh explain` has it. */
const refusal = (node: ClusterNode, of: RegExp): Promise<string> =>
  until(`a refusal that says ${of}`, async () => {
    const { reasons } = await clientOf(node).explain('etc/site')
    const found = reasons.find(({ code }) => code === 'tree-refused')
    const isNow = found?.message.startsWith(`version ${version}: `) === true
    return isNow && of.test(found.message) && found.message
  })

const good = (text: string) =>
  tar({ path: './index', content: text }, { path: './d/more', content: text })

t.test('a signed tar is a tree on every node, and a file as before', async (t) => {
  await publish(first, good('one'))
  await shows('one')
  for (const node of nodes) {
    t.same(node.readBytes('etc/site'), good('one'))
    t.equal(readIn(node, 'd/more'), 'one')
    t.match(readlinkSync(linkOf(node)), /^\.\.\/\.\.\/unpacked\/\w+-\w+-0644-\w+$/)
  }
  t.notOk(existsSync(join(first.stateDir, 'trees/plain')), 'only what is to be')
})

t.test('a new version takes the place of the old by one link', async (t) => {
  const before = readlinkSync(linkOf(first))
  await publish(second, good('two'))
  await shows('two')
  t.not(readlinkSync(linkOf(first)), before)
  t.ok(
    existsSync(join(first.stateDir, 'unpacked', before.split('/').at(-1) ?? '')),
    'the old one is there for whoever reads it',
  )
})

for (const [name, [bytes, why]] of Object.entries(hostileTars())) {
  t.test(`${name} leaves the old tree, and explain says why`, async (t) => {
    await publish(first, bytes)
    t.match(
      await refusal(first, why),
      /^version \d+: the tar is not unpacked: .*what was unpacked before stays/,
    )
    t.equal(readIn(first, 'index'), 'two')
    t.same(
      readdirSync(join(first.stateDir, 'unpacked')).filter((each) => each.endsWith('.part')),
      [],
    )
  })
}

t.test('a tar that is well ends the warning', async (t) => {
  const { health } = await clientOf(first)
    .status()
    .then((status) => ('health' in status ? status : { health: [] }))
  t.match(health, [{ code: 'tree-refused', subject: 'etc/site', severity: 'error' }])
  await publish(first, good('three'))
  await shows('three')
  await until('the warning to end', async () => {
    const status = await clientOf(first).status()
    return 'health' in status && status.health.every(({ code }) => code !== 'tree-refused')
  })
})

t.test('killed at any moment, a node has the old tree or the new one, whole', async (t) => {
  const many = (text: string) =>
    tar(
      { path: 'index', content: text },
      ...Array.from({ length: 300 }, (_, index) => ({ path: `f/${index}`, content: text })),
      { path: 'last', content: text },
    )
  await publish(first, many('0'))
  await shows('0', [second])
  for (const round of [1, 2]) {
    await publish(first, many(`${round}`))
    // At the file, at half of the tree, or after the switch.
    await until(
      'the new file',
      () => second.readBytes('etc/site')?.equals(many(`${round}`)) === true,
    )
    if (round % 2 === 0) {
      const unpacked = join(second.stateDir, 'unpacked')
      await until(
        'an attempt',
        () =>
          readdirSync(unpacked).some((each) => each.endsWith('.part')) ||
          readIn(second, 'last') === `${round}`,
      )
    }
    await second.kill()
    const text = readIn(second, 'index') ?? ''
    t.ok([`${round - 1}`, `${round}`].includes(text), text)
    t.equal(readIn(second, 'last'), text)
    t.equal(readdirSync(join(linkOf(second), 'f')).length, 300)
    await second.start()
    await shows(`${round}`, [second])
    // The old tree may stay for whoever reads it; halves and older ones may not.
    await until('the leftovers to go', () => {
      const left = readdirSync(join(second.stateDir, 'unpacked'))
      return left.length <= 2 && !left.some((each) => each.endsWith('.part'))
    })
  }
})

/** What is told of the file at a node from now on. */
const listenTo = (t: Test, node: ClusterNode): { types: () => string[] } => {
  const controller = new AbortController()
  const events: ClientEvent[] = []
  const reading = (async () => {
    const names = [parseFileName('etc/site')]
    const { signal } = controller
    for await (const event of clientOf(node).events({ signal, names, types: ['file'] })) {
      events.push(event)
    }
  })().catch(() => {})
  t.teardown(async () => {
    controller.abort()
    await reading
  })
  return { types: () => events.map(({ type }) => type) }
}

const warningOf = async (node: ClusterNode): Promise<string | undefined> => {
  const status = await clientOf(node).status()
  if (!('health' in status)) return undefined
  return status.health.find(({ code }) => code === 'tree-altered')?.message
}

t.test('a tree that was changed on the disk is made anew by the scrub', async (t) => {
  await publish(first, good('four'))
  await shows('four')
  const { types } = listenTo(t, second)
  await until('the stream', () => types().includes('start'))
  const altered = readlinkSync(linkOf(second))
  const hooked = (): string[] => (second.read('etc/site.hooked') ?? '').trim().split('\n')
  await until('the hook of the version', () => hooked().at(-1) === `${version} shown four`)
  const before = hooked().length
  writeFileSync(join(linkOf(second), 'index'), 'evil')
  await clientOf(second).scrubBlocks()
  await shows('four', [second])
  t.not(readlinkSync(linkOf(second)), altered, 'by another tree, under the same link')
  t.match(
    await warningOf(second),
    /the tree of etc\/site is not what was signed: "index" has other/,
  )
  await until('the event', () => types().includes('file-unpacked'))
  await until('the hook', () => hooked().length > before)
  t.equal(hooked().at(-1), `${version} shown four`)
  await until('the look that finds nothing', async () => {
    await clientOf(second).scrubBlocks()
    return (await warningOf(second)) === undefined
  })
  t.equal(readIn(first, 'index'), 'four', 'nobody else has to do with it')
})

t.test('a tree that was changed while the daemon was away is made anew at its start', async (t) => {
  await second.stop()
  writeFileSync(join(linkOf(second), 'd/added'), 'evil')
  await second.start()
  await until('the addition to go', () => !existsSync(join(linkOf(second), 'd/added')))
  await shows('four', [second])
  t.match(await warningOf(second), /the tree itself holds more than the tar does/)
})

t.test(
  'of a tar that was changed on the disk no tree is made: it is fetched again first',
  async (t) => {
    writeFileSync(second.file('etc/site'), good('evil'))
    writeFileSync(join(linkOf(second), 'index'), 'evil')
    await clientOf(second).scrubBlocks()
    await shows('four', [second])
    await until(
      'the tar to be back',
      () => second.readBytes('etc/site')?.equals(good('four')) === true,
    )
    await shows('four', [second])
    t.equal(readIn(second, 'd/more'), 'four')
  },
)

t.test('without unpack the tree goes, and comes back with it', async (t) => {
  const configuration = readFileSync(first.configPath, 'utf8')
  writeFileSync(first.configPath, configuration.replace('unpack = "tar"', 'history = 5'))
  first.signal('SIGHUP')
  await until('the link to go', () => !existsSync(linkOf(first)))
  const above = join(first.stateDir, 'trees/etc')
  await until('the directory it stood in to go', () => !existsSync(above))
  t.ok(first.readBytes('etc/site'))
  writeFileSync(first.configPath, configuration)
  first.signal('SIGHUP')
  await shows('four', [first])
})

t.test(
  'what is deleted is gone from the disk, and so is what was replaced just before',
  async (t) => {
    await publish(first, good('five'))
    await shows('five')
    t.ok(readdirSync(join(first.stateDir, 'unpacked')).length > 1, 'the old one is there')
    const { types } = listenTo(t, first)
    await until('the stream', () => types().includes('start'))
    const signed = await sign(cluster, 'etc/site', undefined, { version: ++version })
    await clientOf(first).remove('etc/site', toHeaders(signed))
    for (const node of nodes) {
      await until(`the link to go at ${node.name}`, () => !existsSync(linkOf(node)))
      t.same(node.readBytes('etc/site'), undefined)
      await until(
        `the trees to go at ${node.name}`,
        () => readdirSync(join(node.stateDir, 'unpacked')).length === 0,
      )
    }
    await until('the event', () => types().includes('file-tree-gone'))
  },
)
