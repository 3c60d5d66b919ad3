/** GET /blocks */
export interface BlocksBody {
  /** In the store itself. */
  readonly storedBlocks: number
  readonly storedBytes: number
  readonly quotaBytes: number
  /** Of these, what no file here needs and stays while there is room. */
  readonly cachedBlocks: number
  readonly cachedBytes: number
  readonly cacheBytes: number
  /** Of these, what nobody keeps any more and will be removed. */
  readonly unreferencedBlocks: number
  readonly unreferencedBytes: number
  /** Files that serve their own blocks. */
  readonly contents: number
  readonly contentBlocks: number
  readonly contentBytes: number
  /** Files that are being put together, or were when the daemon ended. */
  readonly assemblies: number
  readonly damagedBlocks: number
  readonly scrub: BlocksScrubBody
}

/** The store of blocks in one line. */
export interface BlocksSummaryBody {
  readonly storedBytes: number
  /** Of files that serve their own blocks. */
  readonly contentBytes: number
  readonly damagedBlocks: number
  readonly scrubbing: boolean
}

/** The check of all blocks in the background. */
export interface BlocksScrubBody {
  readonly running: boolean
  /** 0: none by itself. */
  readonly bytesPerSecond: number
  /** Of the check under way, else of the last one. */
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly damagedBlocks: number
  readonly totalBytes: number
  /** `null`: never. */
  readonly begunAt: string | null
  readonly endedAt: string | null
}

/** POST /blocks/gc */
export interface BlocksGcBody {
  readonly removedBlocks: number
  readonly removedBytes: number
  /** What nobody keeps and somebody needs now, or what is not old enough. */
  readonly waitingBlocks: number
  /** That nothing in the store spoke of. */
  readonly strayFiles: number
  readonly strayBytes: number
  /** Files that were begun long ago and never became whole. */
  readonly abandonedAssemblies: number
}

/** How far a check of all blocks has come. */
export interface BlocksProgressBody {
  readonly type: 'progress'
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly damagedBlocks: number
  readonly totalBytes: number
}

/** What it has found. */
export interface BlocksReportBody extends Omit<BlocksProgressBody, 'type'> {
  readonly type: 'report'
  /** Rows of the database that contradicted each other, and were mended. */
  readonly contradictions: number
}

/** A line of POST /blocks/verify: some of the first kind, then one of another. */
export type BlocksVerifyLine =
  | BlocksProgressBody
  | BlocksReportBody
  | { readonly type: 'problem'; readonly code: string; readonly detail: string }
