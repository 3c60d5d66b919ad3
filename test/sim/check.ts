/** What has to be true of machines that have come to rest. */
import { compareStatements, parseFileName } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { setsThatCount, signersOf, whyTooFew } from './signers.ts'
import type { FileView } from '../../src/files/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Upload } from './ledger.ts'
import type { Machine } from './machine.ts'
import type { Signer, Wanted } from './signers.ts'
import type { World } from './world.ts'

/** Machines by what they want. */
export const groupsOf = ({ machines, wanted }: World): Map<string, Machine[]> => {
  const groups = new Map<string, Machine[]>()
  for (const machine of machines) {
    const key = JSON.stringify(wanted.get(machine))
    groups.set(key, [...(groups.get(key) ?? []), machine])
  }
  return groups
}

const viewOf = (machine: Machine, name: string): FileView | undefined =>
  machine.node?.files.view(parseFileName(name))

/** What is seen of a name, without the moments at which it came to be seen. */
const seenOf = (machine: Machine, name: string): string => {
  const view = viewOf(machine, name)
  return `${view?.state} ${view?.winner?.id} ${view?.conflict}`
}

/** With wrong clocks the ends of files are at different moments. */
const isTimeless = (machine: Machine, name: string): boolean =>
  viewOf(machine, name)?.winner?.signed.statement.expires === 'never'

export interface Look {
  /** Whether all clocks are right. */
  readonly clocksRight: boolean
}

/** What keeps one group from being in step; empty if it is. */
export const differences = (group: readonly Machine[], wanted: Wanted, look: Look): string[] => {
  const [first, ...others] = group
  if (first?.node === undefined) return [`${first?.name ?? 'nobody'} is not up`]
  const found: string[] = []
  for (const other of others) {
    if (other.node === undefined) {
      found.push(`${other.name} is not up`)
      continue
    }
    if (other.node.files.digest() !== first.node.files.digest()) {
      found.push(`${first.name} and ${other.name} have different catalogues`)
    }
    for (const name of wanted.names) {
      if (!look.clocksRight && !isTimeless(first, name)) continue
      const [a, b] = [seenOf(first, name), seenOf(other, name)]
      if (a !== b) found.push(`${name} is ${a} at ${first.name} and ${b} at ${other.name}`)
    }
  }
  return found
}

/** Whether every group is in step, as far as it can be. */
export const isInStep = (world: World, look: Look): boolean =>
  [...groupsOf(world)].every(
    ([key, group]) => differences(group, JSON.parse(key) as Wanted, look).length === 0,
  )

const recordsOf = (machine: Machine, name: string): SignedStatement[] => {
  const { files } = machine.node ?? {}
  if (files === undefined) return []
  return [...files.index()].flatMap((each) => {
    if (each.name !== name) return []
    return files.record(each.id)?.signed ?? []
  })
}

const label = ({ statement, id }: SignedStatement): string =>
  `${statement.name} version ${statement.version} (${id.slice(0, 8)})`

/** An upload that a machine took, and that it still would. */
const standing = ({ wanted }: World, { signed, at, signers, outcome }: Upload): Signer[] => {
  const own = wanted.get(at)
  if (outcome !== 'stored' || own === undefined) return []
  return own.names.includes(signed.statement.name)
    ? signers.filter((signer) => own.signers.includes(signer))
    : []
}

/** Nothing that was answered with 201 is lost: it is there, or a greater one by the same signers. */
const lostStatements = (world: World): string[] => {
  const found: string[] = []
  for (const upload of world.ledger.uploads) {
    const { signed, at } = upload
    const { name } = signed.statement
    for (const set of setsThatCount(signed, standing(world, upload))) {
      for (const machine of world.machines) {
        const wanted = world.wanted.get(machine)
        if (!wanted?.names.includes(name)) continue
        if (!set.every((signer) => wanted.signers.includes(signer))) continue
        const has = recordsOf(machine, name).some(
          (each) =>
            signersOf(each, set).length === set.length && compareStatements(each, signed) >= 0,
        )
        if (!has)
          found.push(`${label(signed)}, acknowledged by ${at.name}, is lost at ${machine.name}`)
      }
    }
  }
  return found
}

/** The content of an acknowledged winner that nothing ever displaced is there. */
const lostContents = (world: World, { clocksRight }: Look): string[] => {
  const found: string[] = []
  for (const upload of world.ledger.uploads) {
    if (setsThatCount(upload.signed, standing(world, upload)).length === 0) continue
    const { signed, at } = upload
    const { name, expires } = signed.statement
    if (world.purged.has(`${at.name} ${name}`)) continue
    // Its only holder may believe that it is over.
    if (!clocksRight && expires !== 'never') continue
    const displaced = world.ledger.uploads.some(
      (other) =>
        other.outcome !== 'refused' &&
        other.signed.statement.name === name &&
        compareStatements(other.signed, signed) > 0,
    )
    if (displaced) continue
    for (const machine of world.machines) {
      const view = viewOf(machine, name)
      if (view?.winner?.signed.id === signed.id && view.state === 'missing') {
        found.push(
          `the content of ${label(signed)}, acknowledged by ${at.name}, is ${view.state} at ${machine.name}`,
        )
      }
    }
  }
  return found
}

/** Nothing that was refused everywhere is stored, shown or sent on, and nothing that nobody signed. */
const strays = (world: World): string[] => {
  const found: string[] = []
  const { ledger } = world
  const refused = ledger.refusedEverywhere()
  const judge = (id: SignedStatement['id'], where: string): void => {
    if (refused.has(id)) found.push(`${id.slice(0, 8)} was refused, and is ${where}`)
    else if (!ledger.known.has(id))
      found.push(`${id.slice(0, 8)} was never uploaded, and is ${where}`)
  }
  for (const id of ledger.forged) {
    found.push(`${id.slice(0, 8)} is sent by an honest node with a signature that does not hold`)
  }
  for (const id of ledger.sent) judge(id, 'sent by an honest node')
  for (const machine of world.machines) {
    const { files } = machine.node ?? {}
    for (const name of files?.names() ?? []) {
      for (const { signed } of files?.history(name) ?? []) judge(signed.id, `at ${machine.name}`)
    }
  }
  return found
}

/** Whom a policy asks for has signed what wins. */
const tooFew = ({ machines, wanted }: World): string[] =>
  machines.flatMap((machine) =>
    (wanted.get(machine)?.names ?? []).flatMap((name) => {
      const winner = viewOf(machine, name)?.winner
      const why = winner === undefined ? undefined : whyTooFew(winner.signed)
      return why === undefined ? [] : [`${machine.name} has ${name} ${why}`]
    }),
  )

/** What lies on the disks is what the views say. */
const wrongBytes = async (world: World): Promise<string[]> => {
  const found: string[] = []
  for (const machine of world.machines) {
    for (const name of world.wanted.get(machine)?.names ?? []) {
      const view = viewOf(machine, name)
      const shown = view?.state === 'shown' ? view.winner : view?.shownMeanwhile
      const content = shown?.signed.statement.content
      const expected = content === undefined || content === 'deleted' ? undefined : content.digest
      const bytes = await machine.readShown(name)
      const actual = bytes === undefined ? undefined : sha256(bytes)
      if (actual !== expected) {
        found.push(`${machine.name} shows ${actual} for ${name}, its view says ${expected}`)
      }
    }
  }
  return found
}

/**
 * How often one machine may announce one record to one neighbour in one life: once as news, and again
 * when its configuration has changed what it makes of it.
 */
const MAX_REPEATS = 3

/** Nothing is told again and again. */
export const repeated = ({ ledger }: World): string[] =>
  [...ledger.repeats]
    .filter(([, count]) => count > MAX_REPEATS)
    .map(([what, count]) => `${what.slice(0, 130)} ${count} times`)

/** What has ended by right clocks is shown by nobody, and lies on no disk. */
export const lapsed = async (world: World): Promise<string[]> => {
  const found: string[] = []
  for (const machine of world.machines) {
    for (const name of world.wanted.get(machine)?.names ?? []) {
      const view = viewOf(machine, name)
      const expires = view?.winner?.signed.statement.expires
      if (expires === undefined || expires === 'never') continue
      if (expires > world.clock.nowMs()) continue
      const shown = (await machine.readShown(name)) !== undefined
      if (view?.state === 'expired' && !shown) continue
      found.push(
        `${machine.name} has ${name} as ${view?.state}${shown ? ', and on its disk' : ''}, though it has expired`,
      )
    }
  }
  return found
}

const avoided = (world: World): string[] =>
  world.machines.flatMap((machine) =>
    (machine.node?.peering.status() ?? [])
      .filter(({ peerId, avoidedUntilMs }) =>
        avoidedUntilMs === undefined
          ? false
          : world.machines.some((each) => each.peerId === peerId),
      )
      .map(({ peerId }) => `${machine.name} avoids ${peerId}, which is honest`),
  )

/** Everything that is not as it has to be; of machines at rest. */
export const violations = async (world: World, look: Look): Promise<string[]> => [
  ...world.wrong,
  ...[...groupsOf(world)].flatMap(([key, group]) =>
    differences(group, JSON.parse(key) as Wanted, look),
  ),
  ...lostStatements(world),
  ...lostContents(world, look),
  ...strays(world),
  ...tooFew(world),
  ...repeated(world),
  ...(await wrongBytes(world)),
  ...avoided(world),
]
