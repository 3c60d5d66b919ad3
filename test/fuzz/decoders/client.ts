/** What a daemon, or whoever answers in its place, tells the command line. */
import * as bodies from '../../../src/client/bodies/index.ts'
import { toTarget } from '../../../src/client/address.ts'
import { fromProblem } from '../../../src/client/failures.ts'
import { ShapeError } from '../../../src/client/shape.ts'
import { isMeshError } from '../../../src/errors/index.ts'
import { holds } from '../engine.ts'
import type { Decoder } from '../engine.ts'

/** Answers of daemons of any age, and of what is none. */
const seeds = [
  { networkId: 'example', files: [] },
  { name: 'a', versions: [], outcome: 'stored', current: null },
  { status: 'ok', warnings: [{ code: 'x', severity: 'error', message: 'm' }] },
  { peers: [{ id: '12D3', state: 'connected', addresses: ['/ip4/1.2.3.4/tcp/1'] }] },
  [null, true, 1e308, '__proto__', { constructor: { prototype: [] } }],
].map((value) => JSON.stringify(value))

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const clientDecoders: readonly Decoder[] = [
  ...Object.entries(bodies).map(
    ([name, shape]): Decoder => ({
      name: `client/bodies/index.ts#${name}`,
      text: true,
      seeds,
      run: ({ text }) => shape(parse(text), ''),
      throws: (error) => error instanceof ShapeError,
      anySeeds: true,
    }),
  ),
  {
    name: 'client/failures.ts#fromProblem',
    text: true,
    seeds: ['{"code":"ERR_ABORTED","title":"t","detail":"d","name":"a"}', '{"code":"toString"}'],
    run: ({ text }) => holds(isMeshError(fromProblem('http://a', 500, text)), 'no error of ours'),
  },
  {
    name: 'client/address.ts#toTarget',
    text: true,
    seeds: ['http://127.0.0.1:7331', 'https://[::1]/mesh/'],
    run: ({ text }) => {
      const { options } = toTarget({ url: text })
      holds(!('hostname' in options) || options.hostname !== '', 'no host')
    },
  },
]
