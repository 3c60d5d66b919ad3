import { boolean, integer, nullable, object, string } from './json-schema.ts'
import type { BlocksBody, BlocksGcBody, BlocksScrubBody } from '../../api/index.ts'

export const blocksSchema = object<BlocksBody>({
  storedBlocks: integer,
  storedBytes: integer,
  quotaBytes: integer,
  cachedBlocks: integer,
  cachedBytes: integer,
  cacheBytes: integer,
  unreferencedBlocks: integer,
  unreferencedBytes: integer,
  contents: integer,
  contentBlocks: integer,
  contentBytes: integer,
  assemblies: integer,
  damagedBlocks: integer,
  scrub: object<BlocksScrubBody>({
    running: boolean,
    bytesPerSecond: integer,
    checkedBlocks: integer,
    checkedBytes: integer,
    damagedBlocks: integer,
    totalBytes: integer,
    begunAt: nullable(string),
    endedAt: nullable(string),
  }),
})

export const blocksGcSchema = object<BlocksGcBody>({
  removedBlocks: integer,
  removedBytes: integer,
  waitingBlocks: integer,
  strayFiles: integer,
  strayBytes: integer,
  abandonedAssemblies: integer,
})
