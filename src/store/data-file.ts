import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError, systemErrorCode } from '../errors/index.ts'

/** Name of the one file that LMDB keeps its pages in. */
export const DATA_FILE = 'data.mdb'

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const META_BYTES = 168
const MIN_PAGE_BYTES = 512
const MAX_PAGE_BYTES = 64 * 2 ** 10
/** Page number of an empty tree's root. */
const NO_PAGE = 2n ** 64n - 1n

/** `fresh`: nothing there yet. `suspicious`: shorter than it says, which is rare but can be right. */
export type DataFileState = 'fresh' | 'plausible' | 'suspicious'

const corrupt = (path: string, why: string): MeshError =>
  new MeshError('ERR_STATE_CORRUPT', `${path} is damaged: ${why}`, { data: { path } })

interface Meta {
  readonly pageBytes: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

/** Offsets of LMDB's `MDB_meta`, after the page header of 24 bytes, on 64-bit little-endian machines. */
const readMeta = (page: Buffer, path: string): Meta => {
  if (page.readUInt32LE(24) !== MAGIC) throw corrupt(path, 'it is not an LMDB file')
  const version = page.readUInt32LE(28) & 0xffff
  if (version !== DATA_VERSION) throw corrupt(path, `its LMDB format is ${version}`)
  const pageBytes = page.readUInt32LE(48)
  if (
    pageBytes < MIN_PAGE_BYTES ||
    pageBytes > MAX_PAGE_BYTES ||
    (pageBytes & (pageBytes - 1)) !== 0
  ) {
    throw corrupt(path, `its page size is ${pageBytes}`)
  }
  const lastPage = page.readBigUInt64LE(144)
  for (const root of [page.readBigUInt64LE(88), page.readBigUInt64LE(136)]) {
    if (root !== NO_PAGE && root > lastPage) throw corrupt(path, 'a tree starts outside of it')
  }
  return { pageBytes, lastPage, transaction: page.readBigUInt64LE(152) }
}

/**
 * Looks at the two pages that everything else in the file hangs on. LMDB maps the file into memory
 * and trusts it, so that one that is cut short or overwritten kills the process when it is opened.
 *
 * @throws MeshError `ERR_STATE_CORRUPT`
 */
export const checkDataFile = async (directory: string): Promise<DataFileState> => {
  const path = join(directory, DATA_FILE)
  const file = await open(path, 'r').catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return 'fresh'
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw corrupt(path, 'it is not a regular file')
    if (stats.size === 0) return 'fresh'
    const readPage = async (position: number): Promise<Meta> => {
      const page = Buffer.alloc(META_BYTES)
      const { bytesRead } = await file.read(page, 0, META_BYTES, position)
      if (bytesRead < META_BYTES) throw corrupt(path, `it has only ${stats.size} bytes`)
      return readMeta(page, path)
    }
    const first = await readPage(0)
    const second = await readPage(first.pageBytes)
    if (second.pageBytes !== first.pageBytes) throw corrupt(path, 'its two page sizes differ')
    const latest = first.transaction > second.transaction ? first : second
    const expected = (latest.lastPage + 1n) * BigInt(latest.pageBytes)
    return BigInt(stats.size) < expected ? 'suspicious' : 'plausible'
  } finally {
    await file.close()
  }
}
