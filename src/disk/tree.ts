import { join } from 'node:path'
import { isAbsent } from './failure.ts'
import type { Directories } from './directories.ts'
import type { FileSystem, NodeKind } from './file-system.ts'
import type { FileStat } from './types.ts'

export interface Tree {
  readonly fileSystem: FileSystem
  readonly directories: Directories
}

/** Calls of `stat` that a survey has under way at once. */
const SURVEY_BATCH = 64

type Visit = (directory: { path: string; absolute: string; names: string[] }) => Promise<void>

/** Visits every directory with the names of what is in it and is no directory. */
const walk = async (tree: Tree, path: string, visit: Visit): Promise<void> => {
  let absolute: string
  let entries: Awaited<ReturnType<FileSystem['list']>>
  try {
    absolute = await tree.directories.enter(path)
    entries = await tree.fileSystem.list(absolute)
  } catch (error) {
    if (isAbsent(error)) return
    throw error
  }
  const isDirectory = ({ kind }: { kind: NodeKind }): boolean => kind === 'directory'
  const names = entries.filter((entry) => !isDirectory(entry)).map(({ name }) => name)
  await visit({ path, absolute, names })
  for (const { name } of entries.filter(isDirectory)) await walk(tree, `${path}/${name}`, visit)
}

export const listTree = async (tree: Tree, directory: string): Promise<string[]> => {
  const found: string[] = []
  await walk(tree, directory, async ({ path, names }) => {
    for (const name of names) found.push(`${path}/${name}`)
  })
  return found
}

export const surveyTree = async (tree: Tree, directory: string): Promise<Map<string, FileStat>> => {
  const found = new Map<string, FileStat>()
  const look = async (path: string, absolute: string): Promise<void> => {
    try {
      const { sizeBytes, fingerprint } = await tree.fileSystem.stat(absolute)
      found.set(path, { sizeBytes, fingerprint })
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  }
  await walk(tree, directory, async ({ path, absolute, names }) => {
    // The system takes a few calls at a time; more at once would only wait in memory.
    for (let at = 0; at < names.length; at += SURVEY_BATCH) {
      const batch = names.slice(at, at + SURVEY_BATCH)
      await Promise.all(batch.map((name) => look(`${path}/${name}`, join(absolute, name))))
    }
  })
  return found
}
