/** The decoders of mesh. `enumeration.test.ts` fails when one is missing here. */
import { blockDecoders } from './decoders/blocks.ts'
import { clientDecoders } from './decoders/client.ts'
import { configDecoders } from './decoders/config.ts'
import { httpDecoders } from './decoders/http.ts'
import { keyDecoders } from './decoders/keys.ts'
import { statementDecoders } from './decoders/statement.ts'
import { storedDecoders } from './decoders/stored.ts'
import { unpackDecoders } from './decoders/unpack.ts'
import { utilDecoders } from './decoders/util.ts'
import { wireDecoders } from './decoders/wire.ts'
import type { Decoder } from './engine.ts'

export const decoders: readonly Decoder[] = [
  ...utilDecoders,
  ...keyDecoders,
  ...statementDecoders,
  ...configDecoders,
  ...wireDecoders,
  ...storedDecoders,
  ...blockDecoders,
  ...clientDecoders,
  ...httpDecoders,
  ...unpackDecoders,
]
