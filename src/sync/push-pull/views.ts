import { createDigester, sha256, utf8 } from '../../util/index.ts'
import { createNameList } from './names.ts'
import type { Digest } from '../../util/index.ts'
import type { Collection } from '../collection.ts'
import type { NameList } from './names.ts'

/** What this node keeps of the names that another one wants too. */
export interface View {
  /** In order. */
  ids(): readonly Digest[]
  readonly root: Digest
}

/** Commits to a set of ids: a hash over all of them in order, never a sum that could be steered. */
export const rootOf = (ids: readonly Digest[]): Digest => {
  const digester = createDigester()
  digester.update(utf8('mesh-index 1\n'))
  // All at once: a call for each of 100,000 ids costs ten times as much.
  digester.update(Buffer.from(ids.join(''), 'hex'))
  return digester.digest()
}

/** What both sides of a round hash to see whether they are in step. */
export const stateOf = (state: {
  collection: string
  beginnerNames: Digest
  answererNames: Digest
  root: Digest
}): Digest =>
  sha256(
    `mesh-state 1\n${state.collection}\n${state.beginnerNames}\n${state.answererNames}\n${state.root}\n`,
  )

/** Distinct lists of names for which a view is kept ready. */
const MAX_VIEWS = 8

/** Views of one collection, made when asked for and kept until the collection changes. */
export interface Views {
  /** This node's own list. */
  own(): NameList
  of(other: NameList): View
  /** The collection has changed. */
  reset(): void
}

const isEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, index) => name === b[index])

export const createViews = (collection: Collection): Views => {
  const views = new Map<string, View>()

  const make = (own: NameList, other: NameList): View => {
    const theirs = own.digest === other.digest ? undefined : new Set(other.names)
    let ids: Digest[] | undefined
    const collect = (): readonly Digest[] => {
      if (ids !== undefined) return ids
      ids = []
      for (const { id, name } of collection.index()) if (theirs?.has(name) !== false) ids.push(id)
      return ids
    }
    return { ids: collect, root: theirs === undefined ? collection.digest() : rootOf(collect()) }
  }

  let ownNames = createNameList([])

  /** Compared name by name, which is a hundred times cheaper than hashing them for each round. */
  const ownList = (): NameList => {
    const names = collection.names()
    const same = names === ownNames.names || isEqual(names, ownNames.names)
    if (!same) ownNames = createNameList([...names])
    return ownNames
  }

  return {
    own: ownList,
    of(other) {
      const own = ownList()
      const key = `${own.digest} ${other.digest}`
      const ready = views.get(key)
      if (ready !== undefined) return ready
      const view = make(own, other)
      const oldest = views.keys().next()
      if (views.size >= MAX_VIEWS && !oldest.done) views.delete(oldest.value)
      views.set(key, view)
      return view
    },
    reset: () => views.clear(),
  }
}
