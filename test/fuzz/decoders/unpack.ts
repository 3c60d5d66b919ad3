/** The tars whose trees are shown. */
import { readTar } from '../../../src/unpack/read-tar.ts'
import { pax, tar } from '../../unpack/tars.ts'
import { holds } from '../engine.ts'
import type { TarSink } from '../../../src/unpack/read-tar.ts'
import type { Decoder } from '../engine.ts'

const MAX_BYTES = 64 * 2 ** 10
/** Pieces that cut through headers. */
const PIECE_BYTES = 700

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

const isBelow = (path: string): boolean =>
  path !== '' && path.split('/').every((part) => !['', '.', '..'].includes(part))

/** Takes everything in, and holds it to what is promised of it. */
const createStrictSink = (): TarSink => {
  const told = new Set<string>()
  const take = (path: string): void => {
    holds(isBelow(path), `not below the tree: ${path}`)
    holds(!told.has(path), `told twice: ${path}`)
    told.add(path)
  }
  return {
    async directories(paths) {
      paths.forEach(take)
    },
    async link(path, target) {
      take(path)
      holds(!target.startsWith('/'), `a link out of the tree: ${target}`)
    },
    async file(path, content) {
      take(path)
      let size = 0
      for await (const piece of content) size += piece.length
      holds(size <= MAX_BYTES, `${size} bytes of one file`)
    },
    async finish(entries) {
      holds(entries <= told.size, `${entries} entries, of which ${told.size} were told`)
    },
  }
}

export const unpackDecoders: readonly Decoder[] = [
  {
    name: 'unpack/read-tar.ts#readTar',
    cost: 4,
    seeds: [
      tar({ path: 'a', content: 'alpha' }),
      tar(
        { path: './', type: '5' },
        { path: './d/', type: '5' },
        { path: './d/run', content: '#!/bin/sh\n', mode: 0o755 },
        { path: './now', type: '2', link: 'd/run' },
      ),
      tar(pax({ path: 'long/er' }), { path: 'b', content: 'x' }),
    ],
    run: ({ bytes }) =>
      readTar(pieces(bytes), createStrictSink(), {
        maxBytes: MAX_BYTES,
        signal: new AbortController().signal,
      }),
  },
]
