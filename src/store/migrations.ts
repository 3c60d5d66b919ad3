import { MeshError } from '../errors/index.ts'
import { utf8 } from '../util/index.ts'
import { table } from './table.ts'
import type { Store, Transaction } from './types.ts'

/** Brings all stored data from one format version to the next; synchronous and pure. */
export type Migration = (tx: Transaction) => void

/**
 * The chain: step `n` (counted from 0) leads from format `n + 1` to `n + 2`. Steps are never changed
 * or removed once released, so that a state directory of any age can be opened.
 */
export const migrations: readonly Migration[] = []

const meta = table('meta')
const FORMAT = utf8('format')

const readFormat = (tx: Transaction): number | undefined => {
  const value = tx.get(meta, FORMAT)
  if (value === undefined) return undefined
  if (value.length === 4) return Buffer.from(value).readUInt32LE()
  throw new MeshError('ERR_STATE_CORRUPT', `the store's format version has ${value.length} bytes`)
}

/**
 * Marks a new store with the format of today, and brings an older one to it; all in one transaction,
 * so that a crash leaves the old format or the new one.
 *
 * @throws MeshError `ERR_STATE_NEWER`, `ERR_STATE_CORRUPT`
 */
export const migrate = (
  store: Pick<Store, 'transaction'>,
  chain: readonly Migration[],
): Promise<void> =>
  store.transaction((tx) => {
    const current = chain.length + 1
    const found = readFormat(tx)
    if (found === current) return
    if (found === 0) throw new MeshError('ERR_STATE_CORRUPT', "the store's format version is 0")
    if (found !== undefined && found > current) {
      throw new MeshError(
        'ERR_STATE_NEWER',
        `the store has format ${found}, this mesh knows up to ${current}; run the newer version, or use another state_dir`,
        { data: { found, known: current } },
      )
    }
    for (const step of chain.slice((found ?? current) - 1)) step(tx)
    const value = Buffer.alloc(4)
    value.writeUInt32LE(current)
    tx.put(meta, FORMAT, value)
  })
