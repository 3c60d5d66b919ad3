import { decodePushPull, encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { sameBytes } from '../engine.ts'
import type { Decoder } from '../engine.ts'

/** The messages of /mesh/push-pull/1. */
export const pushPullDecoders = (seeds: readonly Uint8Array[]): readonly Decoder[] => [
  {
    name: 'sync/push-pull/messages.ts#decodePushPull',
    seeds,
    run: (input) => sameBytes(encodePushPull(decodePushPull(input.bytes)), input),
  },
]
