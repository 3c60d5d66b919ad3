import type { PeerId } from '../keys/index.ts'
import type { Admission } from './membership.ts'

/** A connection whose other side has proved its key and its right. */
export interface Session {
  readonly peer: PeerId
  /** As it was shown; judged again when the membership changes. */
  readonly certificate: string | undefined
  admission: Admission
  /** Monotonic time of the last bytes from the other side. */
  heardMs: number
}
