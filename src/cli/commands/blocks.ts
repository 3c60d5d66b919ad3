import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { formatSize } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printFields, printJson } from '../print.ts'
import { createProgress } from '../progress.ts'
import type { BlocksBody, BlocksReportBody, BlocksScrubBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

type Options = DaemonOptions & ReadOptions

/** How often a scrub that is waited for is looked at. */
const LOOK_INTERVAL_MS = 1_000

const counted = (blocks: number, bytes: number): string =>
  `${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${formatSize(bytes)}`

const scrubText = (scrub: BlocksScrubBody): string => {
  const { running, checkedBytes, totalBytes, damagedBlocks, bytesPerSecond, endedAt } = scrub
  const pace = bytesPerSecond === 0 ? 'without a pause' : `at ${formatSize(bytesPerSecond)}/s`
  const found = damagedBlocks === 0 ? '' : `; ${damagedBlocks} damaged`
  if (running) {
    return `under way ${pace}: ${formatSize(checkedBytes)} of ${formatSize(totalBytes)}${found}`
  }
  if (endedAt === null) return 'not done yet'
  return `done ${endedAt}: ${formatSize(checkedBytes)}${found}`
}

const fieldsOf = (body: BlocksBody): [string, string][] => [
  ['stored', `${counted(body.storedBlocks, body.storedBytes)} of ${formatSize(body.quotaBytes)}`],
  ['cache', `${counted(body.cachedBlocks, body.cachedBytes)} of ${formatSize(body.cacheBytes)}`],
  ['unreferenced', counted(body.unreferencedBlocks, body.unreferencedBytes)],
  ['in files', `${counted(body.contentBlocks, body.contentBytes)} in ${body.contents}`],
  ['unfinished', `${body.assemblies}`],
  ['damaged', `${body.damagedBlocks}`],
  ['scrub', scrubText(body.scrub)],
]

const damageError = (damagedBlocks: number): MeshError =>
  new MeshError(
    'ERR_STATE_CORRUPT',
    `${damagedBlocks} ${damagedBlocks === 1 ? 'block is' : 'blocks are'} damaged and not served; what a file needs is fetched again; look after the disk, and run: mesh blocks stat`,
    { data: { damagedBlocks } },
  )

const printReport = async (
  context: Context,
  { checkedBlocks, checkedBytes, damagedBlocks, contradictions }: BlocksReportBody,
): Promise<void> =>
  printFields(context, [
    ['checked', counted(checkedBlocks, checkedBytes)],
    ['damaged', `${damagedBlocks}`],
    ['contradictions', contradictions === 0 ? '0' : `${contradictions}, mended`],
  ])

export const blocksStatCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows what the block store of a daemon holds: stored blocks, the cache, files that serve their own blocks, damage, and how the check in the background stands. Only the unix socket tells this.',
    )
    .option(...JSON_OPTION)
    .action(async ({ json, ...daemon }: Options) => {
      const body = await connect(daemon, context).blocks({ signal: context.signal })
      if (json === true) return printJson(context, 'mesh-blocks/1', body)
      await printFields(context, fieldsOf(body))
    })

export const blocksVerifyCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Reads everything that a daemon keeps as blocks, at full speed, and compares it with what was signed. What is damaged is put aside, not served, and fetched again. Fails if anything was.',
    )
    .option(...JSON_OPTION)
    .action(async ({ json, ...daemon }: Options) => {
      const client = connect(daemon, context)
      const { signal } = context
      const { scrub } = await client.blocks({ signal })
      const progress = createProgress(context, scrub.totalBytes)
      let report: BlocksReportBody
      try {
        report = await client.verifyBlocks({
          signal,
          onProgress: ({ checkedBytes }) => progress.update(checkedBytes),
        })
      } finally {
        progress.end()
      }
      if (json === true) {
        const { type: _, ...body } = report
        await printJson(context, 'mesh-blocks-verify/1', body)
      } else await printReport(context, report)
      if (report.damagedBlocks > 0) throw damageError(report.damagedBlocks)
    })

export const blocksGcCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Has a daemon remove blocks that no file needs any more, and files in its store of blocks that belong to nothing. A daemon does this by itself every ten minutes; a block goes an hour after its last use.',
    )
    .option('--now', 'remove blocks whatever their age; what a transfer needs stays all the same')
    .option(...JSON_OPTION)
    .action(async ({ json, now, ...daemon }: Options & { now?: boolean }) => {
      const { signal } = context
      const body = await connect(daemon, context).collectBlocks({ now: now === true, signal })
      if (json === true) return printJson(context, 'mesh-blocks-gc/1', body)
      await printFields(context, [
        ['removed', counted(body.removedBlocks, body.removedBytes)],
        ['waiting', `${body.waitingBlocks}`],
        ['stray files', `${body.strayFiles}, ${formatSize(body.strayBytes)}`],
        ['given up', `${body.abandonedAssemblies}`],
      ])
    })

export const blocksScrubCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Begins the check of everything that a daemon keeps as blocks in the background now, at the pace of blocks.scrub_rate, and shows how it stands. It goes on where it was after a restart.',
    )
    .option('-w, --wait', 'wait for its end, and fail if anything was damaged')
    .option(...JSON_OPTION)
    .action(async ({ json, wait, ...daemon }: Options & { wait?: boolean }) => {
      const client = connect(daemon, context)
      const { signal } = context
      let { scrub } = await client.scrubBlocks({ signal })
      if (wait === true) {
        const progress = createProgress(context, scrub.totalBytes)
        while (scrub.running && !signal.aborted) {
          progress.update(scrub.checkedBytes)
          await context.sleep(LOOK_INTERVAL_MS)
          scrub = (await client.blocks({ signal })).scrub
        }
        progress.end()
      }
      if (json === true) await printJson(context, 'mesh-blocks-scrub/1', scrub)
      else await printFields(context, [['scrub', scrubText(scrub)]])
      if (wait === true && scrub.damagedBlocks > 0) throw damageError(scrub.damagedBlocks)
    })
