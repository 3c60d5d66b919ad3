import { boolean, list, nullable, number, object, oneOf, text } from '../shape.ts'
import { FILE_STATES, version } from './files.ts'
import type { ExplainBody, ReasonBody } from '../../api/index.ts'

export const explainBody = object<ExplainBody>({
  name: text,
  state: oneOf(...FILE_STATES, 'not-configured'),
  answer: text,
  reasons: list(object<ReasonBody>({ code: text, message: text })),
  next: list(text),
  policy: nullable(
    object<NonNullable<ExplainBody['policy']>>({
      selector: text,
      signers: list(text),
      threshold: number,
      deleteSigners: list(text),
    }),
  ),
  current: nullable(version),
  peers: list(
    object<ExplainBody['peers'][number]>({
      peerId: text,
      name: nullable(text),
      wants: nullable(boolean),
      offersContent: boolean,
    }),
  ),
  refusals: list(
    object<ExplainBody['refusals'][number]>({
      version: number,
      code: text,
      message: text,
      signers: list(text),
      from: text,
      at: text,
    }),
  ),
})
