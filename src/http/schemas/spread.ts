import { array, boolean, integer, nullable, object, oneOf, string } from './json-schema.ts'
import type { PeerVersionBody, SpreadBody } from '../../api/index.ts'

export const spreadSchema = object<SpreadBody>({
  peers: array(
    object<SpreadBody['peers'][number]>({
      peerId: string,
      name: nullable(string),
      connected: boolean,
      comparedAt: nullable(string),
    }),
  ),
  files: array(
    object<SpreadBody['files'][number]>({
      name: string,
      version: nullable(integer),
      peers: array(
        object<PeerVersionBody>({
          has: oneOf('same', 'before', 'refuses', 'other', 'unwanted', 'unknown'),
          version: nullable(integer),
        }),
      ),
    }),
  ),
  next: nullable(string),
})
