import { MAX_NAMES_WITH_REFUSALS, MAX_REFUSALS_PER_NAME } from './limits.ts'
import type { MeshError } from '../errors/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Origin, Refusal } from './types.ts'

/** Remembers, as long as the process lives, what was refused last, so that `explain` can tell. */
export interface Refusals {
  add(signed: SignedStatement, from: Origin, error: MeshError): void
  /** The last first. */
  of(name: FileName): readonly Refusal[]
}

export const createRefusals = (
  { clock }: { clock: { nowMs(): number } },
  { onRefusal }: { onRefusal?: (refusal: Refusal & { name: FileName }) => void } = {},
): Refusals => {
  const byName = new Map<FileName, readonly Refusal[]>()
  return {
    add({ id, statement, signatures }, from, { code, message, data }) {
      const { name, version } = statement
      const refusal: Refusal = {
        statement: id,
        version,
        signers: signatures.map(({ key }) => key),
        code,
        message,
        data,
        from,
        atMs: clock.nowMs(),
      }
      // The same again is one refusal with its last time.
      const known = byName.get(name) ?? []
      const others = known.filter((each) => each.statement !== id || each.code !== code)
      byName.delete(name)
      byName.set(name, [refusal, ...others].slice(0, MAX_REFUSALS_PER_NAME))
      for (const oldest of byName.keys()) {
        if (byName.size <= MAX_NAMES_WITH_REFUSALS) break
        byName.delete(oldest)
      }
      if (others.length === known.length) onRefusal?.({ ...refusal, name })
    },
    of: (name) => byName.get(name) ?? [],
  }
}
