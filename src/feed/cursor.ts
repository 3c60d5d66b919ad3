import { MeshError } from '../errors/index.ts'

/** A place between two events of one ring. */
export interface Cursor {
  /** Which ring of which run of the daemon. */
  readonly ring: string
  /** Of the last event before it, from 1; 0 is before the first. */
  readonly sequence: number
}

const FORM = /^([0-9a-f]{16})-(0|[1-9][0-9]{0,14})$/

export const formatCursor = ({ ring, sequence }: Cursor): string => `${ring}-${sequence}`

/** @throws MeshError `ERR_REQUEST_MALFORMED` */
export const parseCursor = (text: string): Cursor => {
  const [, ring, sequence] = FORM.exec(text) ?? []
  if (ring === undefined || sequence === undefined) {
    const shown = JSON.stringify(text.slice(0, 60))
    const message = `${shown} is not a cursor; take one from an answer, or leave it out to begin now`
    throw new MeshError('ERR_REQUEST_MALFORMED', message)
  }
  return { ring, sequence: Number(sequence) }
}
