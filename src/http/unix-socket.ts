import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { MAX_SOCKET_PATH_BYTES } from '../api/index.ts'
import { describeSystemError, MeshError, systemErrorCode } from '../errors/index.ts'
import type { Server } from 'node:http'

const failed = (path: string, why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_LISTEN_FAILED', `cannot listen on the unix socket ${path}: ${why}`, {
    data: { socket: path },
    ...(cause === undefined ? {} : { cause }),
  })

/** Whether somebody answers there. */
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) =>
      ['ECONNREFUSED', 'ENOENT'].includes(systemErrorCode(error)) ? resolve(false) : reject(error),
    )
  })

/** Removes the socket that a daemon left behind which did not get to stop. */
const removeStale = async (path: string): Promise<void> => {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw failed(path, 'something that is not a socket has this name; move it away')
  }
  if (await answers(path)) {
    throw failed(path, 'another daemon answers on it; stop that one or set http.socket')
  }
  await unlink(path)
}

/**
 * Listens on a unix socket that has exactly the permission bits `mode` from its first moment. The
 * server removes it when it closes.
 *
 * @throws MeshError `ERR_LISTEN_FAILED`
 */
export const listenOnSocket = async (
  server: Server,
  { path, mode }: { path: string; mode: number },
): Promise<void> => {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw failed(path, `the path is longer than ${MAX_SOCKET_PATH_BYTES} bytes; set http.socket`)
  }
  try {
    await removeStale(path)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // bind() happens inside listen(), and makes the socket with what the mask leaves.
      const mask = process.umask(0o777 & ~mode)
      try {
        server.listen({ path }, () => {
          server.off('error', reject)
          resolve()
        })
      } finally {
        process.umask(mask)
      }
    })
  } catch (error) {
    if (error instanceof MeshError) throw error
    throw failed(path, describeSystemError(error), error)
  }
}
