/** What a daemon, or whoever answers in its place, tells the command line. */
import { isDeepStrictEqual } from 'node:util'
import * as bodies from '../../../src/client/bodies/index.ts'
import { toTarget } from '../../../src/client/address.ts'
import { fromProblem } from '../../../src/client/failures.ts'
import { ShapeError } from '../../../src/client/shape.ts'
import { isMeshError } from '../../../src/errors/index.ts'
import * as good from '../../client/fixtures.ts'
import { holds } from '../engine.ts'
import type { Decoder } from '../engine.ts'

const { version, file } = good
const place = { cursor: '0123456789abcdef-7', at: version.time }
const [warning] = good.status.health
const scrub = {
  ...{ running: true, bytesPerSecond: 1, checkedBlocks: 2, checkedBytes: 3, damagedBlocks: 0 },
  ...{ totalBytes: 4, begunAt: version.time, endedAt: null },
}

/** What a daemon answers, one of each form that a body has. */
const answers: Readonly<Record<keyof typeof bodies, readonly unknown[]>> = {
  blocksBody: [
    {
      ...{ storedBlocks: 1, storedBytes: 2, quotaBytes: 3, cachedBlocks: 4, cachedBytes: 5 },
      ...{ cacheBytes: 6, unreferencedBlocks: 7, unreferencedBytes: 8, contents: 9 },
      ...{ contentBlocks: 10, contentBytes: 11, assemblies: 12, damagedBlocks: 13, scrub },
    },
  ],
  blocksGcBody: [
    {
      ...{ removedBlocks: 1, removedBytes: 2, waitingBlocks: 3, strayFiles: 4, strayBytes: 5 },
      abandonedAssemblies: 6,
    },
  ],
  blocksVerifyLine: [
    { type: 'progress', checkedBlocks: 1, checkedBytes: 2, damagedBlocks: 0, totalBytes: 3 },
    {
      ...{ type: 'report', checkedBlocks: 1, checkedBytes: 2, damagedBlocks: 0, totalBytes: 3 },
      contradictions: 1,
    },
    { type: 'problem', code: 'ERR_ABORTED', detail: 'd' },
  ],
  certificatesBody: [good.certificates],
  eventBody: [
    { ...place, type: 'file-shown', name: 'x', file },
    {
      ...{ ...place, type: 'file-refused', name: 'x', version: 1, code: 'ERR_ABORTED' },
      ...{ message: 'm', signers: ['ssh-ed25519 AAAA'], from: '12D3KooWpeer', suppressed: 0 },
    },
    { ...place, type: 'peer-gone', peerId: '12D3KooWpeer', peerName: null, address: '/ip4/a' },
    {
      ...{ ...place, type: 'health-raised', code: 'c', subject: '', severity: 'error' },
      message: 'm',
    },
    {
      ...{ ...place, type: 'transfer', name: 'x', direction: 'sending', phase: 'done' },
      ...{ doneBytes: 1, totalBytes: 1, peerId: null },
    },
    { ...place, type: 'configuration-reloaded', applied: true, restartNeeded: ['http.port'] },
  ],
  explainBody: [
    {
      ...{ name: 'x', state: 'missing', answer: 'a', reasons: [{ code: 'c', message: 'm' }] },
      ...{ next: ['n'], current: version },
      policy: { selector: 'x', signers: ['ssh-ed25519 AAAA'], threshold: 1, deleteSigners: [] },
      peers: [{ peerId: '12D3KooWpeer', name: null, wants: true, offersContent: false }],
      refusals: [
        {
          ...{ version: 1, code: 'ERR_ABORTED', message: 'm', signers: [], from: '12D3KooWpeer' },
          at: version.time,
        },
      ],
    },
  ],
  filesBody: [{ networkId: 'local', files: [file] }],
  gapBody: [{ ...place, type: 'gap', missed: 3 }],
  healthBody: [
    { status: 'ok', warnings: [] },
    { status: 'degraded', warnings: [warning, { code: 'c', severity: 'error' }] },
  ],
  historyBody: [
    { name: 'x', versions: [{ ...version, wins: true, conflict: false, contentHere: true }] },
  ],
  peersBody: [{ peers: [good.peer] }],
  previewBody: [good.preview],
  spreadBody: [good.spread],
  statusBody: [good.status, { version: '0.1.0', networkId: 'local', peerId: '12D3KooWxyz' }],
  storedBody: [good.stored],
  streamStartBody: [{ ...place, type: 'start', networkId: 'local' }],
  transfersBody: [good.transfers],
}

type Places = readonly [holder: Record<string, unknown>, key: string][]

/** Every member of an object or list, and their members. */
const placesIn = (value: unknown): Places => {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((key) => [
    [holder, key] as const,
    ...placesIn(holder[key]),
  ]) as Places
}

/** An answer of which one member is something else; which and what is up to the text. */
const spoiled = (answer: unknown, text: string): unknown => {
  const copy = structuredClone(answer)
  const places = placesIn(copy)
  const number = Buffer.from(text).reduce((sum, byte) => (31 * sum + byte) % 65_521, 7)
  const [holder, key] = places[number % places.length] ?? []
  const values = [text, number, -0.5, null, true, [], {}, [text], { [text]: text }, undefined]
  if (holder !== undefined && key !== undefined) holder[key] = values[number % values.length]
  return copy
}

/** What is no JSON any more stands for an answer with one member that is wrong. */
const read = (text: string, answer: unknown): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return spoiled(answer, text)
  }
}

export const clientDecoders: readonly Decoder[] = [
  ...Object.entries(bodies).map(([name, shape]): Decoder => {
    const whole = answers[name as keyof typeof bodies]
    const seeds = whole.map((answer) => JSON.stringify(answer))
    return {
      name: `client/bodies/index.ts#${name}`,
      text: true,
      seeds,
      run: ({ text }) => {
        const taken = shape(read(text, whole[text.length % whole.length]), '')
        holds(isDeepStrictEqual(shape(taken, ''), taken), 'what it has taken it takes otherwise')
      },
      throws: (error) => error instanceof ShapeError,
    }
  }),
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
