import { link, lstat, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readSecretFile } from '../config/index.ts'
import { describeSystemError, MeshError, systemErrorCode } from '../errors/index.ts'
import { generatePrivateKey, readPrivateKey, writePrivateKey } from '../keys/index.ts'
import { toHex } from '../util/index.ts'
import type { PrivateKey } from '../keys/index.ts'
import type { Random } from '../util/index.ts'

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return false
      throw error
    },
  )

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

/** Puts a new key at `path`, whole and durable; one that is there by then stays. */
const writeIdentity = async (path: string, text: string, random: Random): Promise<void> => {
  const directory = dirname(path)
  await mkdir(directory, { recursive: true })
  const temporary = `${path}.${toHex(random.bytes(8))}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    // A link, where a rename would: it never replaces a key that another start made meanwhile.
    await link(temporary, path).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error
    })
  } finally {
    await file.close()
    await unlink(temporary)
  }
  await syncDirectory(directory)
}

/**
 * This node's own key, made at the first start, so that its peer id stays.
 *
 * @throws MeshError `ERR_KEY_INSECURE`, `ERR_KEY_MALFORMED`, `ERR_KEY_PASSPHRASE`,
 * `ERR_STATE_UNUSABLE` if it can be neither read nor made
 */
export const loadIdentity = async (
  path: string,
  { random }: { random: Random },
): Promise<{ identity: PrivateKey; made: boolean }> => {
  let made = false
  try {
    if (!(await exists(path))) {
      const key = generatePrivateKey(random)
      await writeIdentity(
        path,
        writePrivateKey(key, { format: 'openssh', comment: 'mesh' }),
        random,
      )
      made = true
    }
  } catch (cause) {
    const why = describeSystemError(cause)
    throw new MeshError('ERR_STATE_UNUSABLE', `cannot make the identity key ${path}: ${why}`, {
      data: { path },
      cause,
    })
  }
  try {
    return { identity: readPrivateKey(await readSecretFile(path)), made }
  } catch (error) {
    if (!(error instanceof MeshError) || error.message.includes(path)) throw error
    throw new MeshError(error.code, `the identity key ${path}: ${error.message}`, {
      data: { path },
      cause: error,
    })
  }
}
