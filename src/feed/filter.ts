import { EVENT_FAMILIES, EVENT_TYPES } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { createSelection } from '../statement/index.ts'
import { MAX_EVENT_FILTERS } from './limits.ts'
import type { EventType } from '../api/index.ts'
import type { ReadInit } from './types.ts'

/** What an event is asked about. */
export interface Filtered {
  readonly type: EventType
  /** Of the file that it is about. */
  readonly name: string | undefined
}

/** A name is matched as it stands, or by patterns in time that depends on its length alone. */
export const createFilter = ({
  names = [],
  types = [],
}: Pick<ReadInit, 'names' | 'types'>): ((event: Filtered) => boolean) => {
  if (names.length + types.length > MAX_EVENT_FILTERS) {
    const message = `${names.length + types.length} names and types, and at most ${MAX_EVENT_FILTERS} may be asked for; take a pattern`
    throw new MeshError('ERR_REQUEST_MALFORMED', message)
  }
  const known: readonly string[] = [...EVENT_TYPES, ...EVENT_FAMILIES]
  const unknown = types.find((type) => !known.includes(type))
  if (unknown !== undefined) {
    const message = `${JSON.stringify(unknown.slice(0, 60))} is not a type of events; there are ${known.join(', ')}`
    throw new MeshError('ERR_REQUEST_MALFORMED', message)
  }
  const selection = names.length === 0 ? undefined : createSelection(names)
  const wanted = types.length === 0 ? undefined : new Set(types)
  const ofType = (type: EventType): boolean =>
    wanted === undefined || wanted.has(type) || wanted.has(type.split('-')[0] ?? '')
  return ({ type, name }) =>
    ofType(type) && (selection === undefined || (name !== undefined && selection.has(name)))
}
