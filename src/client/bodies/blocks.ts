import { boolean, nullable, number, object, oneOf, text } from '../shape.ts'
import type {
  BlocksBody,
  BlocksGcBody,
  BlocksProgressBody,
  BlocksReportBody,
  BlocksScrubBody,
  BlocksVerifyLine,
} from '../../api/index.ts'
import type { Shape } from '../shape.ts'

export const blocksBody = object<BlocksBody>({
  storedBlocks: number,
  storedBytes: number,
  quotaBytes: number,
  cachedBlocks: number,
  cachedBytes: number,
  cacheBytes: number,
  unreferencedBlocks: number,
  unreferencedBytes: number,
  contents: number,
  contentBlocks: number,
  contentBytes: number,
  assemblies: number,
  damagedBlocks: number,
  scrub: object<BlocksScrubBody>({
    running: boolean,
    bytesPerSecond: number,
    checkedBlocks: number,
    checkedBytes: number,
    damagedBlocks: number,
    totalBytes: number,
    begunAt: nullable(text),
    endedAt: nullable(text),
  }),
})

export const blocksGcBody = object<BlocksGcBody>({
  removedBlocks: number,
  removedBytes: number,
  waitingBlocks: number,
  strayFiles: number,
  strayBytes: number,
  abandonedAssemblies: number,
})

const checked = {
  checkedBlocks: number,
  checkedBytes: number,
  damagedBlocks: number,
  totalBytes: number,
}

const verifyLines: { readonly [T in BlocksVerifyLine['type']]: Shape<BlocksVerifyLine> } = {
  progress: object<BlocksProgressBody>({ type: oneOf('progress'), ...checked }),
  report: object<BlocksReportBody>({ type: oneOf('report'), ...checked, contradictions: number }),
  problem: object<Extract<BlocksVerifyLine, { type: 'problem' }>>({
    type: oneOf('problem'),
    code: text,
    detail: text,
  }),
}

/** A line of POST /blocks/verify. */
export const blocksVerifyLine: Shape<BlocksVerifyLine> = (value, path) => {
  const { type } = object<Pick<BlocksVerifyLine, 'type'>>({
    type: oneOf('progress', 'report', 'problem'),
  })(value, path)
  return verifyLines[type](value, path)
}
