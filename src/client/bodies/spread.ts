import { boolean, list, nullable, number, object, oneOf, text } from '../shape.ts'
import type { PeerVersionBody, SpreadBody } from '../../api/index.ts'

export const spreadBody = object<SpreadBody>({
  peers: list(
    object<SpreadBody['peers'][number]>({
      peerId: text,
      name: nullable(text),
      connected: boolean,
      comparedAt: nullable(text),
    }),
  ),
  files: list(
    object<SpreadBody['files'][number]>({
      name: text,
      version: nullable(number),
      peers: list(
        object<PeerVersionBody>({
          has: oneOf('same', 'before', 'refuses', 'other', 'unwanted', 'unknown'),
          version: nullable(number),
        }),
      ),
    }),
  ),
  next: nullable(text),
})
