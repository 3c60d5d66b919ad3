import { list, nullable, number, object, oneOf, text } from '../shape.ts'
import type { FileChangeBody, PreviewBody } from '../../api/index.ts'

export const previewBody = object<PreviewBody>({
  refused: nullable(text),
  restartNeeded: list(text),
  changes: list(
    object<FileChangeBody>({
      name: text,
      kind: oneOf('withdrawn', 'reverted', 'advanced', 'added', 'policy'),
      before: nullable(number),
      after: nullable(number),
      removedSigners: list(text),
      addedSigners: list(text),
    }),
  ),
})
