import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { describeSystemError, MeshError } from '../errors/index.ts'

/** Files of this machine that are not ours, as an administrator names them. */
export interface LocalFiles {
  /**
   * The bytes of a regular file in pieces; links are followed.
   *
   * @throws MeshError `ERR_INPUT_UNREADABLE`
   */
  read(path: string): AsyncIterable<Uint8Array>
}

const unreadable = (path: string, cause: unknown): MeshError =>
  new MeshError('ERR_INPUT_UNREADABLE', `${path} cannot be read: ${describeSystemError(cause)}`, {
    data: { path },
    cause,
  })

/** The machine's own. */
export const localFiles: LocalFiles = {
  async *read(path) {
    try {
      // Without waiting for a pipe that nobody writes.
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      try {
        if (!(await file.stat()).isFile()) throw new Error('it is not a regular file')
        yield* file.createReadStream({ autoClose: false })
      } finally {
        await file.close()
      }
    } catch (error) {
      throw unreadable(path, error)
    }
  },
}
