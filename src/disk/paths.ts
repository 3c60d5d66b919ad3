import { MeshError } from '../errors/index.ts'

/** Longest path below the root, in bytes; stops names that the system would refuse half-way. */
export const MAX_PATH_BYTES = 2 * 2 ** 10
/** Longest part of a path, in bytes; what Linux file systems take. */
export const MAX_PATH_PART_BYTES = 255

const isPart = (part: string): boolean =>
  part !== '' &&
  part !== '.' &&
  part !== '..' &&
  !part.includes('\0') &&
  Buffer.byteLength(part) <= MAX_PATH_PART_BYTES

/** `path` itself if it stays below the root by its spelling. Links are a matter of the disk. */
export const checkPath = (path: string): string => {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES || !path.split('/').every(isPart)) {
    throw new MeshError(
      'ERR_STATE_UNUSABLE',
      `${JSON.stringify(path.slice(0, 80))} is not a path inside the state directory`,
    )
  }
  return path
}

/** The directory of `path`, `''` for the root. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
