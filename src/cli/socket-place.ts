import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Why somebody else may answer in the place of the daemon. */
export interface SocketDoubt {
  /** Of its directories, the one that is open. */
  readonly directory: string
  readonly message: string
  readonly next: string
}

const STICKY = 0o1000
const OTHERS_WRITE = 0o002

const modeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ mode }) => mode,
    // What is not there is made by whoever runs the daemon.
    () => 0,
  )

/**
 * Whether everybody may put a socket of their own in the place of the daemon's: clients would hand it
 * what is meant for the daemon, and believe its answers. With the sticky bit only in the directory
 * itself, while there is none of the daemon.
 */
export const doubtSocket = async (socketPath: string): Promise<SocketDoubt | undefined> => {
  const next = 'set http.socket to a directory that only the user of the daemon may write to'
  for (let path = dirname(socketPath), isFirst = true; ; path = dirname(path), isFirst = false) {
    const mode = await modeOf(path)
    if ((mode & OTHERS_WRITE) !== 0 && (isFirst || (mode & STICKY) === 0)) {
      const when = (mode & STICKY) === 0 ? '' : ' while the daemon is away'
      const message = `everybody may write to ${path}, and put a socket of their own in the place of ${socketPath}${when}`
      return { directory: path, message, next }
    }
    if (path === dirname(path)) return undefined
  }
}
