import { MeshError } from '../errors/index.ts'
import { table } from '../store/index.ts'
import { digestFromBytes, digestToBytes, fromUtf8, utf8 } from '../util/index.ts'
import type { Store } from '../store/index.ts'
import type { Digest } from '../util/index.ts'

/** By name: what was to be seen of it when its hook last succeeded. */
const HANDLED = table('hooks-handled')

/** The statement whose content was to be seen, or that there was none. */
export type Handled = Digest | 'absent'

const FORMAT = 1

/** Entries that are looked at in one turn. */
const PAGE = 500

export const encodeHandled = (handled: Handled): Uint8Array =>
  handled === 'absent' ? Uint8Array.of(FORMAT) : Uint8Array.of(FORMAT, ...digestToBytes(handled))

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeHandled = (bytes: Uint8Array): Handled => {
  if (bytes[0] === FORMAT && bytes.length === 1) return 'absent'
  if (bytes[0] === FORMAT && bytes.length === 33) return digestFromBytes(bytes.subarray(1))
  throw new MeshError('ERR_STATE_CORRUPT', 'what was remembered of a hook is damaged')
}

/** What hooks have handled, durably. */
export const createHandled = (store: Store) => ({
  /** What is damaged is as good as nothing: the hook runs once more. */
  get(name: string): Handled | undefined {
    const bytes = store.get(HANDLED, utf8(name))
    try {
      return bytes === undefined ? undefined : decodeHandled(bytes)
    } catch {
      return undefined
    }
  },
  set: (name: string, handled: Handled): Promise<void> =>
    store.transaction((tx) => tx.put(HANDLED, utf8(name), encodeHandled(handled))),
  /** Forgets names that have no hook; `pause` gives others their turn. */
  async retain(hasHook: (name: string) => boolean, pause: () => Promise<void>): Promise<void> {
    let start = new Uint8Array()
    for (;;) {
      const page = [...store.range(HANDLED, { ...(start.length > 0 && { start }), limit: PAGE })]
      const gone = page.filter(({ key }) => {
        const name = fromUtf8(key)
        return name === undefined || !hasHook(name)
      })
      if (gone.length > 0) {
        await store.transaction((tx) => {
          for (const { key } of gone) tx.remove(HANDLED, key)
        })
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      // The key right behind it.
      start = Uint8Array.of(...last.key, 0)
      await pause()
    }
  },
})
