import { boolean, list, nullable, number, object, oneOf, text } from '../shape.ts'
import type {
  FileBody,
  FilesBody,
  HistoryBody,
  HistoryVersionBody,
  StoredBody,
  VersionBody,
} from '../../api/index.ts'

const versionMembers = {
  id: text,
  version: number,
  time: text,
  expires: text,
  replaces: nullable(text),
  content: nullable(
    object<NonNullable<VersionBody['content']>>({
      sha256: text,
      sizeBytes: number,
      blocks: nullable(text),
    }),
  ),
  signers: list(text),
}

export const version = object<VersionBody>(versionMembers)

export const FILE_STATES = [
  ...(['shown', 'missing', 'too-large', 'too-old', 'deleted', 'expired', 'none'] as const),
] as const

export const file = object<FileBody>({
  name: text,
  state: oneOf(...FILE_STATES),
  current: nullable(version),
  conflict: boolean,
  shownAt: nullable(text),
})

export const filesBody = object<FilesBody>({ networkId: text, files: list(file) })

export const historyBody = object<HistoryBody>({
  name: text,
  versions: list(
    object<HistoryVersionBody>({
      ...versionMembers,
      wins: boolean,
      conflict: boolean,
      contentHere: boolean,
    }),
  ),
})

export const storedBody = object<StoredBody>({
  name: text,
  outcome: oneOf('stored', 'known'),
  current: version,
})
