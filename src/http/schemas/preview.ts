import { array, integer, nullable, object, oneOf, string } from './json-schema.ts'
import type { FileChangeBody, PreviewBody } from '../../api/index.ts'

export const previewSchema = object<PreviewBody>({
  refused: nullable(string),
  restartNeeded: array(string),
  changes: array(
    object<FileChangeBody>({
      name: string,
      kind: oneOf('withdrawn', 'reverted', 'advanced', 'added', 'policy'),
      before: nullable(integer),
      after: nullable(integer),
      removedSigners: array(string),
      addedSigners: array(string),
    }),
  ),
})
