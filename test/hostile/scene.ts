/**
 * Three daemons that serve honest people while a hostile member, or client, tries something on the
 * first of them; afterwards everybody has to show what they showed, take what is honest, and hold to
 * account whoever did something provably wrong and nobody else.
 */
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { createClient } from '../../src/client/index.ts'
import { encodeSshsig } from '../../src/keys/index.ts'
import { STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { toBase64, utf8 } from '../../src/util/index.ts'
import { sign, startCluster, until } from '../integration/cluster.ts'
import { createHostileMember } from './hostile-member.ts'
import { items, putItems, readTaken, record, round } from './wire.ts'
import type { Test } from 'tap'
import type { ErrorCode } from '../../src/errors/index.ts'
import type { SignedStatement, Statement } from '../../src/statement/index.ts'
import type { Cluster, ClusterInit, ClusterNode, LogLine } from '../integration/cluster.ts'
import type { HostileMember, HostileMemberInit } from './hostile-member.ts'
import type { Claim } from './wire.ts'

/** As long as anything may take on a machine that has much else to do. */
export const PATIENCE_MS = 90_000

/**
 * Names that every scene needs, and that attacks may change: what honest people publish after an
 * attack, what mallory passes on during one, and what takes its time.
 */
export const SCENE_FILES = ['news', 'marker', 'slow'] as const

export interface Mallory extends HostileMember {
  readonly name: string
  /**
   * Claims to the victim in both ways there are, announcement and push-pull, and waits until it has
   * judged them. Answers positions of those that it did not keep.
   */
  claim(...claims: readonly Claim[]): Promise<readonly number[]>
}

export interface Attacked {
  /** What the victim has to hold against mallory; without it that is nothing at all. */
  readonly fault?: ErrorCode
  readonly member?: HostileMemberInit
}

export interface Scene {
  readonly cluster: Cluster
  readonly victim: ClusterNode
  /** A node that mallory never speaks with. */
  readonly honest: ClusterNode
  /** Uploads at one node; answers when all others show it, too. */
  publish(name: string, content: string | undefined, init?: Publication): Promise<SignedStatement>
  upload(node: ClusterNode, signed: SignedStatement, content: string | undefined): Promise<void>
  /** Names of those who have done something wrong so far. */
  readonly guilty: Set<string>
  member(t: Test, init?: HostileMemberInit): Promise<Mallory>
  /** Runs `work`, and has everything hold that has to hold after an attack. */
  attack(t: Test, init: Attacked, work: (mallory: Mallory) => Promise<void>): Promise<void>
  /** What every node shows of every name, {@link SCENE_FILES} left out. */
  look(): Promise<readonly Readonly<Record<string, { readonly state: string }>>[]>
  /** A file that an honest node takes arrives everywhere. */
  served(): Promise<void>
}

export interface Publication {
  readonly fields?: Partial<Omit<Statement, 'name' | 'network'>>
  /** @default the honest one */
  readonly at?: ClusterNode
  /** @default all */
  readonly nodes?: readonly ClusterNode[]
}

export const clientOf = (node: ClusterNode) => createClient({ socketPath: node.socketPath })

/** The daemon says `differs` to a state that nobody has, and then takes what it is given. */
const ANY_STATE = '00'.repeat(32)

const giveByPushPull = async (
  { open }: HostileMember,
  claims: readonly Claim[],
): Promise<readonly number[]> => {
  const stream = await open('/mesh/push-pull/1')
  await stream.send(round(ANY_STATE))
  await stream.receive()
  await stream.send(putItems(...claims))
  const taken = await stream.receive()
  if (taken === undefined) throw new Error('the victim ended the round')
  await stream.close()
  return readTaken(taken)
}

export const fieldsOf = ({ text, signatures }: Pick<SignedStatement, 'text' | 'signatures'>) => ({
  statement: toBase64(utf8(text)),
  signatures: signatures.map((entry) =>
    toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
  ),
})

const uploadTo = async (
  node: ClusterNode,
  signed: SignedStatement,
  content: string | undefined,
): Promise<void> => {
  const client = clientOf(node)
  const { name } = signed.statement
  if (content === undefined) {
    await client.remove(name, fieldsOf(signed))
    return
  }
  await client.upload(name, {
    ...fieldsOf(signed),
    sizeBytes: Buffer.byteLength(content),
    chunks: Readable.from([utf8(content)]),
  })
}

const shows = async (
  node: ClusterNode,
  { id, statement: { name } }: SignedStatement,
  content: string | undefined,
): Promise<boolean> => {
  if (node.read(name) !== content) return false
  // The file is there a moment before the daemon says so.
  const { files } = await clientOf(node).files({ name })
  const state = content === undefined ? 'deleted' : 'shown'
  return files[0]?.state === state && files[0].current?.id === id
}

/** Names of those at fault, and codes, as the metrics tell them. */
const measuredAt = async (node: ClusterNode): Promise<{ names: string[]; codes: string[] }> => {
  const text = await new Promise<string>((resolve, reject) => {
    const { socketPath } = node
    request({ socketPath, path: '/metrics', agent: false }, (response) => {
      response
        .setEncoding('utf8')
        .toArray()
        .then((pieces) => resolve(pieces.join('')), reject)
    })
      .on('error', reject)
      .end()
  })
  const labels = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, of = '']) => of)
  return {
    names: labels(/^mesh_faulty_peer_faults\{peer="12D3\w+",name="([^"]*)"\} [1-9]/gm),
    codes: labels(/^mesh_peer_faults_total\{code="(\w+)"\} [1-9]/gm),
  }
}

/** Names of those at fault, as every node tells, and as every node's log does. */
const accusedBy = async (nodes: readonly ClusterNode[]): Promise<ReadonlySet<string>> => {
  const told = await Promise.all(nodes.map(async (node) => (await clientOf(node).peers()).peers))
  const atFault = told.flat().filter(({ faults }) => faults.length > 0)
  const broke = (line: LogLine): boolean => /broke the rules/.test(line.msg)
  const logged = nodes.flatMap(({ log }) => log.filter(broke))
  return new Set([...atFault, ...logged].map(({ name }) => `${name}`))
}

export const startScene = async (init: ClusterInit): Promise<Scene> => {
  const cluster = await startCluster(init)
  const { nodes } = cluster
  const [victim, honest] = nodes
  const guilty = new Set<string>()
  let members = 0
  let markers = 0
  let news = 0

  const member = async (t: Test, init: HostileMemberInit = {}): Promise<Mallory> => {
    const name = `mallory-${++members}`
    const hostile = await createHostileMember(cluster, victim, { name, ...init })
    t.teardown(() => hostile.stop())

    /** What follows on the same link was read after what went before. */
    const mark = async (): Promise<void> => {
      const content = `marker ${++markers}`
      const signed = await sign(cluster, 'marker', content, { version: markers })
      await (await hostile.link).send(items({ record: record(signed), content }))
      await until(content, () => victim.read('marker') === content, PATIENCE_MS)
    }
    return {
      ...hostile,
      name,
      async claim(...claims) {
        await (await hostile.link).send(items(...claims))
        const notKept = await giveByPushPull(hostile, claims)
        await mark()
        return notKept
      },
    }
  }

  const look = () =>
    Promise.all(
      nodes.map(async (node) => {
        const { files } = await clientOf(node).files()
        const ignored = new Set<string>(SCENE_FILES)
        const of = files.filter(({ name }) => !ignored.has(name))
        return Object.fromEntries(
          of.map(({ name, state, current, conflict }) => [
            name,
            { state, conflict, ...current, shown: node.read(name) },
          ]),
        )
      }),
    )

  const publish: Scene['publish'] = async (
    name,
    content,
    { fields, at = honest, ...rest } = {},
  ) => {
    const signed = await sign(cluster, name, content, fields)
    await uploadTo(at, signed, content)
    await Promise.all(
      (rest.nodes ?? nodes).map((node) =>
        until(`${name} at ${node.name}`, () => shows(node, signed, content), PATIENCE_MS),
      ),
    )
    return signed
  }

  const served = async (): Promise<void> => {
    const version = ++news
    await publish('news', `news ${version}`, { fields: { version } })
  }

  return {
    ...{ cluster, victim, honest, guilty, publish, upload: uploadTo, member, look, served },
    async attack(t, { fault, member: memberInit }, work) {
      // What went before may still be on its way.
      const before = await until(
        'all nodes to agree',
        async () => {
          const [first, ...others] = await look()
          const whole = Object.values(first ?? {}).every(({ state }) => state !== 'missing')
          return (
            whole && others.every((each) => isDeepStrictEqual(each, first)) && [first, ...others]
          )
        },
        PATIENCE_MS,
      )
      const mallory = await member(t, memberInit)
      const { name } = mallory
      if (fault === undefined) await work(mallory)
      else {
        // In the middle of it the victim may have had enough.
        await work(mallory).catch((error: unknown) => t.comment(`${error}`))
        await victim.logged(
          (line) => line.level === 40 && line.name === name && line.code === fault,
          PATIENCE_MS,
        )
        guilty.add(name)
        const { peers } = await clientOf(victim).peers()
        const found = peers.find((peer) => peer.name === name)
        t.match(found?.faults, [{ code: fault }], 'GET /peers says what it did')
        const { names, codes } = await measuredAt(victim)
        t.ok(names.includes(name) && codes.includes(fault), 'and so do the metrics')
      }
      await served()
      t.strictSame(await look(), before, 'everybody shows what they showed')
      t.strictSame([...(await accusedBy(nodes))].sort(), [...guilty].sort(), 'who did it is named')
    },
  }
}
