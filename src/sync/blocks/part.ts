/** One holder's part in the fetch of one content: what it has, and what it was asked for. */
import type { PeerId } from '../../keys/index.ts'
import type { Bitmap } from './bitmap.ts'
import type { Link, LinkedContent } from './link.ts'
import type { Meter } from './meter.ts'

export interface Part {
  readonly peer: PeerId
  readonly link: Link
  readonly linked: LinkedContent
  readonly meter: Meter
  have: 'unknown' | 'none' | 'all' | Bitmap
  /** Asked of it, and since when. */
  readonly asked: Map<number, number>
  /** It is giving these to somebody else, and said so then. */
  readonly elsewhere: Map<number, number>
  /** It said that it has these, and had not when it was asked. */
  readonly absent: Set<number>
  /** How often it then said that it has them after all. */
  retractions: number
  /** When bytes of a block came from it last. */
  movedMs: number
  /** What came from it, verified or not, since it joined or was last found to be of use; and whether it was asked. */
  term: { readonly sinceMs: number; bytes: number; asked: boolean }
}

export const hasBlock = ({ have }: Part, index: number): boolean =>
  have === 'all' || (typeof have === 'object' && have.has(index))

/** Whether it has said that it has something, or will have. */
export const isSource = ({ have }: Part): boolean => have === 'all' || typeof have === 'object'
