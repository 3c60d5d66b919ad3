import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockStateDirectory } from '../disk/index.ts'
import { MeshError } from '../errors/index.ts'
import { checkCatalogue } from '../files/index.ts'
import { createLmdbStore } from '../store/index.ts'
import type { CatalogueCheck } from '../files/index.ts'

/**
 * Checks the database of a daemon that does not run: that it can be read, that its index is of what is
 * kept, and that its tree of hashes is of the index. With `mend`, makes a tree that does not fit anew.
 *
 * @throws MeshError `ERR_STATE_LOCKED` while a daemon runs, `ERR_STATE_CORRUPT` if the database cannot
 * be read, `ERR_STATE_UNUSABLE`
 */
export const verifyStore = async (
  stateDir: string,
  { mend }: { mend: boolean },
): Promise<CatalogueCheck> => {
  const path = join(stateDir, 'store')
  // Opening would make one, and find nothing wrong with it.
  const there = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!there) {
    throw new MeshError(
      'ERR_STATE_UNUSABLE',
      `there is no database at ${path}; name the state directory of a daemon, or its configuration`,
      { data: { path } },
    )
  }
  const lock = await lockStateDirectory(stateDir)
  try {
    const store = createLmdbStore({ path })
    try {
      await store.open()
      return await checkCatalogue(store, { mend })
    } finally {
      // A daemon that died is still to look closer at its next start: nothing was put right here.
      await store.close({ keepUncleanOpens: true })
    }
  } finally {
    await lock.release()
  }
}
