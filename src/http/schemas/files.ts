import { array, boolean, integer, nullable, object, oneOf, string } from './json-schema.ts'
import type {
  FileBody,
  FilesBody,
  HistoryBody,
  HistoryVersionBody,
  StoredBody,
  VersionBody,
} from '../../api/index.ts'

export const version = {
  id: string,
  version: integer,
  time: string,
  expires: string,
  replaces: nullable(string),
  content: nullable(
    object<NonNullable<VersionBody['content']>>({
      sha256: string,
      sizeBytes: integer,
      blocks: nullable(string),
    }),
  ),
  signers: array(string),
}

export const FILE_STATES = [
  ...['shown', 'missing', 'too-large', 'too-old', 'deleted', 'expired', 'none'],
] as const

export const file = object<FileBody>({
  name: string,
  state: oneOf(...FILE_STATES),
  current: nullable(object<VersionBody>(version)),
  conflict: boolean,
  shownAt: nullable(string),
})

export const filesSchema = object<FilesBody>({ networkId: string, files: array(file) })

export const historySchema = object<HistoryBody>({
  name: string,
  versions: array(
    object<HistoryVersionBody>({
      ...version,
      wins: boolean,
      conflict: boolean,
      contentHere: boolean,
    }),
  ),
})

export const storedSchema = object<StoredBody>({
  name: string,
  outcome: oneOf('stored', 'known'),
  current: object<VersionBody>(version),
})
