import { FILE_STATES, version } from './files.ts'
import { array, boolean, integer, nullable, object, oneOf, string } from './json-schema.ts'
import type { ExplainBody, ReasonBody, VersionBody } from '../../api/index.ts'

const reason = object<ReasonBody>({ code: string, message: string })

export const explainSchema = object<ExplainBody>({
  name: string,
  state: oneOf(...FILE_STATES, 'not-configured'),
  answer: string,
  reasons: array(reason),
  next: array(string),
  policy: nullable(
    object<NonNullable<ExplainBody['policy']>>({
      selector: string,
      signers: array(string),
      threshold: integer,
      deleteSigners: array(string),
    }),
  ),
  current: nullable(object<VersionBody>(version)),
  peers: array(
    object<ExplainBody['peers'][number]>({
      peerId: string,
      name: nullable(string),
      wants: nullable(boolean),
      offersContent: boolean,
    }),
  ),
  refusals: array(
    object<ExplainBody['refusals'][number]>({
      version: integer,
      code: string,
      message: string,
      signers: array(string),
      from: string,
      at: string,
    }),
  ),
})
