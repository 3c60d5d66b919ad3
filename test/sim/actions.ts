/** Makes the things of a plan happen. */
import { isMeshError } from '../../src/errors/index.ts'
import { cosign, policiesOf, SHARED, signDraft, signersOf } from './signers.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { SeededRandom } from '../support/random.ts'
import type { Death, Machine } from './machine.ts'
import type { Action, Kind } from './plan.ts'
import type { Draft, Signer, Wanted } from './signers.ts'
import type { Upload } from './ledger.ts'
import type { World } from './world.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS
/** From the first machine with a new configuration to the last. */
export const MAX_ROLL_OUT_MS = 5 * SECOND_MS
/** What clients do not wait for. */
const CLIENT_TIMEOUT_MS = 60 * SECOND_MS

async function* source(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 16_384) yield content.subarray(at, at + 16_384)
}

/** A client that uploads and waits for the answer, while other things happen. */
export const sendUpload = async (
  world: World,
  at: Machine,
  init: { signed: SignedStatement; content: Uint8Array | undefined; sent?: Uint8Array },
): Promise<void> => {
  const { node } = at
  if (node === undefined) return
  const { signed, content, sent = content } = init
  const allowed = () => signersOf(signed, world.inForce.get(at)?.signers ?? [])
  const upload: Upload = { signed, content, at, signers: allowed(), outcome: 'pending' }
  world.ledger.add(upload)
  const { name, version } = signed.statement
  const what = `${name} version ${version} ${signed.id.slice(0, 8)}`
  const give = (outcome: Upload['outcome'], detail = ''): void => {
    if (upload.outcome !== 'pending') return
    upload.outcome = outcome
    upload.signers = upload.signers.filter((signer) => allowed().includes(signer))
    world.note(`${at.name} answers ${what}: ${outcome}${detail}`)
    if (outcome === 'stored') at.onAnswer?.()
  }
  const cancel = world.clock.schedule(CLIENT_TIMEOUT_MS, () => give('lost'))
  try {
    const verdict = await node.files.accept(signed, sent === undefined ? undefined : source(sent), {
      kind: 'upload',
      force: true,
    })
    if (verdict.outcome === 'refused') give('refused', ` ${verdict.error.code}`)
    else give('stored')
  } catch (error) {
    // A full disk, or a daemon that stops: 507 or 503, and the client does not know.
    give('lost', ` ${isMeshError(error) ? error.code : String(error)}`)
    if (!isMeshError(error)) world.wrong.push(`${at.name}: an upload throws ${String(error)}`)
  } finally {
    cancel()
  }
}

const highest = ({ ledger }: World, name: string): number =>
  ledger.uploads.reduce(
    (most, { signed: { statement } }) =>
      statement.name === name ? Math.max(most, statement.version) : most,
    0,
  )

/** A few blocks, some of them the same in all large contents, and now and then twice in one. */
const drawLarge = (random: SeededRandom): Uint8Array => {
  const common = Buffer.alloc(300_000, 'a text that is the same in all of them, ')
  const own = Buffer.alloc(100_000 + random.below(500_000), Buffer.from(random.bytes(997)))
  return Buffer.concat(random.shuffle([common, own, common]).slice(0, 2 + random.below(2)))
}

const drawContent = (random: SeededRandom): Uint8Array | undefined => {
  if (random.below(8) === 0) return undefined
  if (random.below(10) === 0) return drawLarge(random)
  const sizeBytes = random.below(random.pick([1, 100, 100, 30_000]))
  return Buffer.concat([random.bytes(8), Buffer.alloc(sizeBytes, random.below(256))])
}

const draft = (world: World, random: SeededRandom, by: readonly Signer[]): Draft => {
  const name = random.pick(world.names)
  const base = highest(world, name)
  const nowMs = world.clock.nowMs()
  const content = drawContent(random)
  const step = random.pick([1, 1, 1, 1, 0, 0, 2, -1])
  const expires = content !== undefined && random.below(5) === 0
  return {
    name,
    version: Math.max(1, base + step),
    timeMs: nowMs + random.pick([0, 0, -MINUTE_MS, 2 * MINUTE_MS, -YEAR_MS]) - random.below(1000),
    ...(expires ? { expiresMs: nowMs + random.below(40 * MINUTE_MS) } : {}),
    content,
    by,
  }
}

const drawSigners = (random: SeededRandom, counts = [1, 1, 1, 2]): Signer[] => {
  const pool: Signer[] = ['anna', 'bert', 'cleo', 'dave']
  return random.shuffle(pool).slice(0, random.pick(counts))
}

/** Some machines: one, a few or all of them. */
const some = ({ machines }: World, random: SeededRandom): Machine[] =>
  random
    .shuffle(machines)
    .slice(0, random.pick([1, 1 + random.below(machines.length), machines.length]))

const configure = (world: World, random: SeededRandom, change: (wanted: Wanted) => Wanted) => {
  for (const machine of some(world, random)) {
    const before = world.wanted.get(machine)
    if (before === undefined) continue
    const wanted = change(before)
    world.wanted.set(machine, wanted)
    // Not all at the same moment: a roll-out takes its time.
    world.clock.schedule(random.below(random.pick([1, MAX_ROLL_OUT_MS])), () => {
      // The last word, whichever roll-out comes first, or a machine would keep another one.
      const latest = world.wanted.get(machine) ?? wanted
      world.note(`${machine.name} wants ${latest.names.join()} by ${latest.signers.join()}`)
      world.inForce.set(machine, latest)
      machine.reload(policiesOf(latest)).catch((error: unknown) => {
        if (!isMeshError(error)) world.wrong.push(`${machine.name}: reload: ${String(error)}`)
      })
    })
  }
}

const without =
  (signer: Signer) =>
  (wanted: Wanted): Wanted => ({
    ...wanted,
    signers: wanted.signers.filter((each) => each !== signer),
  })
const having =
  (signer: Signer) =>
  (wanted: Wanted): Wanted => ({
    ...wanted,
    signers: [...new Set([...wanted.signers, signer])].sort(),
  })

const dieFor = (world: World, random: SeededRandom, machine: Machine, how: Death): void => {
  machine.die(how, how === 'power' ? random.below(30 * SECOND_MS) : 0)
  world.clock.schedule(random.below(random.pick([SECOND_MS, MINUTE_MS])), () => machine.boot())
}

const breakDisk = (world: World, random: SeededRandom, code: string): void => {
  const machine = random.pick(world.machines)
  const share = random.pick([0.05, 0.5, 1])
  const writing = ['create', 'write', 'sync', 'sync-directory', 'rename', 'make-directory']
  machine.fault = ({ kind }) =>
    (code === 'EIO' || writing.includes(kind)) && random.fraction() < share ? code : undefined
  world.clock.schedule(random.below(30 * SECOND_MS), () => {
    machine.fault = undefined
  })
}

const handlers: Readonly<
  Record<Kind, (world: World, random: SeededRandom) => void | Promise<void>>
> = {
  async upload(world, random) {
    const any = draft(world, random, drawSigners(random))
    const drawn = any.name === SHARED ? { ...any, by: drawSigners(random, [1, 2, 2, 3]) } : any
    const signed = await signDraft(drawn)
    void sendUpload(world, random.pick(world.machines), { signed, content: drawn.content })
  },
  async 'upload again'(world, random) {
    const { uploads } = world.ledger
    if (uploads.length === 0) return
    const { signed, content } = random.pick(uploads)
    // What takes two signers is often signed by one after the other.
    const more = signed.statement.name === SHARED ? drawSigners(random, [1, 2]) : undefined
    const again = more === undefined ? signed : await cosign(signed, more)
    void sendUpload(world, random.pick(world.machines), { signed: again, content })
  },
  async 'upload by a stranger'(world, random) {
    const drawn = draft(world, random, ['eve'])
    const signed = await signDraft(drawn)
    // As another signer's, in half of the cases.
    const [own] = signed.signatures
    const [other] = (await signDraft({ ...drawn, by: ['anna'] })).signatures
    const forged =
      random.below(2) === 0 || own === undefined || other === undefined
        ? signed
        : { ...signed, signatures: [{ key: other.key, signature: own.signature }] }
    void sendUpload(world, random.pick(world.machines), {
      signed: forged,
      content: drawn.content,
    })
  },
  async 'upload of something else'(world, random) {
    const content = random.bytes(50)
    const drawn = { ...draft(world, random, ['anna']), content }
    const sent = random.bytes(random.pick([10, 50, 90]))
    const signed = await signDraft(drawn)
    void sendUpload(world, random.pick(world.machines), { signed, content, sent })
  },
  'stop and start': (world, random) => {
    const machine = random.pick(world.machines)
    const downMs = random.below(30 * SECOND_MS)
    void machine.stop().then(() => world.clock.schedule(downMs, () => machine.boot()))
  },
  'process dies': (world, random) => dieFor(world, random, random.pick(world.machines), 'process'),
  'power fails': (world, random) => dieFor(world, random, random.pick(world.machines), 'power'),
  'dies in a call': (world, random) => {
    const machine = random.pick(world.machines)
    machine.dieAtCall(1 + random.below(60), random.pick(['process', 'power']))
    world.clock.schedule(random.below(MINUTE_MS), () => machine.boot())
  },
  'power fails after an answer': (world, random) => {
    const machine = random.pick(world.machines)
    machine.onAnswer = () => {
      machine.onAnswer = undefined
      dieFor(world, random, machine, 'power')
    }
  },
  partition: (world, random) => {
    const ids = random.shuffle(world.machines).map(({ peerId }) => peerId)
    const cut = 1 + random.below(ids.length - 1)
    world.network.partition([ids.slice(0, cut), ids.slice(cut)], {
      detectMs: random.below(40 * SECOND_MS),
    })
    world.clock.schedule(random.below(3 * MINUTE_MS), () => world.network.heal())
  },
  heal: (world) => world.network.heal(),
  'bad link': (world, random) => {
    const [a, b] = random.shuffle(world.machines)
    if (a === undefined || b === undefined) return
    world.network.setLink(a.peerId, b.peerId, {
      latencyMs: random.pick([0, 5, 300, 3 * SECOND_MS]),
      jitterMs: random.pick([0, 100, 2 * SECOND_MS]),
      lossRate: random.pick([0, 0.3]),
      resetRate: random.pick([0, 0.05]),
    })
  },
  'clock jumps': (world, random) => {
    const machine = random.pick(world.machines)
    const beforeMs = machine.wallOffsetMs
    machine.wallOffsetMs = random.pick([
      0,
      -world.clock.nowMs(),
      3 * YEAR_MS,
      -2 * YEAR_MS,
      HOUR_MS,
      -HOUR_MS,
      40 * DAY_MS,
      6 * MINUTE_MS,
    ])
    // Content of a withdrawn name is kept for a day, by the clock of the machine.
    if (machine.wallOffsetMs - beforeMs >= DAY_MS - HOUR_MS) {
      const { names = [] } = world.inForce.get(machine) ?? {}
      for (const name of world.names) {
        if (!names.includes(name)) world.purged.add(`${machine.name} ${name}`)
      }
    }
    world.note(`${machine.name}'s clock is off by ${machine.wallOffsetMs} ms`)
  },
  'disk full': (world, random) => breakDisk(world, random, 'ENOSPC'),
  'disk fails': (world, random) => breakDisk(world, random, 'EIO'),
  'names change': (world, random) => {
    const name = random.pick(world.names)
    const add = random.below(2) === 0
    configure(world, random, (wanted) => ({
      ...wanted,
      names: add
        ? [...new Set([...wanted.names, name])].sort()
        : wanted.names.filter((each) => each !== name),
    }))
  },
  'signer removed': (world, random) =>
    configure(world, random, without(random.pick(['anna', 'bert', 'cleo'] as const))),
  'signer returns': (world, random) =>
    configure(world, random, having(random.pick(['anna', 'bert', 'cleo'] as const))),
  'new signer': (world, random) => configure(world, random, having('dave')),
}

export const act = async (world: World, action: Action): Promise<void> => {
  const random = world.random.fork(`action ${action.number}`)
  world.note(`-- ${action.number} ${action.kind}`)
  await handlers[action.kind](world, random)
}
