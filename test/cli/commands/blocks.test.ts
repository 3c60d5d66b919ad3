import t from 'tap'
import { answer, serve } from '../../client/fixtures.ts'
import { blockStat } from '../../http/harness.ts'
import { mesh } from '../harness.ts'
import type { BlocksVerifyLine } from '../../../src/api/index.ts'

const progress = { checkedBlocks: 1, checkedBytes: 1_000, damagedBlocks: 0, totalBytes: 2_003_000 }
const report = { ...progress, type: 'report', checkedBlocks: 5, contradictions: 0 } as const

const serveLines = (
  t: Parameters<typeof serve>[0],
  lines: readonly BlocksVerifyLine[],
): Promise<string> =>
  serve(t, ({ url }, response) => {
    if (url === '/blocks') return answer(response, 200, blockStat)
    response.setHeader('Content-Type', 'application/x-ndjson')
    response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  })

t.test('shows what the store of blocks holds', async (t) => {
  const url = await serve(t, (_, response) => answer(response, 200, blockStat))
  const { code, stdout } = await mesh(['blocks', 'stat', '--url', url])
  t.equal(code, 0)
  t.match(stdout, /^stored +3 blocks, 2\.9 KiB of 9\.8 KiB$/m)
  t.match(stdout, /^cache +1 block, 4 KiB of 4\.9 KiB$/m)
  t.match(stdout, /^in files +2 blocks, 1\.9 MiB in 1$/m)
  t.match(stdout, /^scrub +not done yet$/m)
  const json = await mesh(['blocks', 'stat', '--url', url, '--json'])
  t.same(JSON.parse(json.stdout), { schema: 'mesh-blocks/1', ...blockStat })
})

t.test('verifies, says what it found, and fails for damage', async (t) => {
  const good = await serveLines(t, [{ type: 'progress', ...progress }, report])
  const fine = await mesh(['blocks', 'verify', '--url', good])
  t.match(fine, { code: 0, stdout: /^checked +5 blocks/m })
  const bad = await serveLines(t, [{ ...report, damagedBlocks: 2, contradictions: 1 }])
  const damaged = await mesh(['blocks', 'verify', '--url', bad, '--json'])
  t.match(JSON.parse(damaged.stdout), { schema: 'mesh-blocks-verify/1', damagedBlocks: 2 })
  t.match(damaged, { code: 1, stderr: /2 blocks are damaged/ })
})

t.test('says so when a check cannot be finished', async (t) => {
  const full: BlocksVerifyLine = { type: 'problem', code: 'ERR_DISK_FULL', detail: 'full of it' }
  const url = await serveLines(t, [{ type: 'progress', ...progress }, full])
  t.match(await mesh(['blocks', 'verify', '--url', url]), { code: 1, stderr: /full of it/ })
  const short = await serveLines(t, [{ type: 'progress', ...progress }])
  t.match(await mesh(['blocks', 'verify', '--url', short]), { stderr: /ended without a report/ })
})

t.test('collects garbage, now if told to', async (t) => {
  const asked: string[] = []
  const url = await serve(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(response, 200, {
      ...{ removedBlocks: 1, removedBytes: 5, waitingBlocks: 2, strayFiles: 1, strayBytes: 9 },
      abandonedAssemblies: 0,
    })
  })
  t.match((await mesh(['blocks', 'gc', '--url', url])).stdout, /^removed +1 block, 5 B$/m)
  const json = await mesh(['blocks', 'gc', '--now', '--json', '--url', url])
  t.match(JSON.parse(json.stdout), { schema: 'mesh-blocks-gc/1', waitingBlocks: 2 })
  t.same(asked, ['POST /blocks/gc', 'POST /blocks/gc?now=true'])
})

t.test('begins a scrub, and waits for its end', async (t) => {
  let looks = 0
  const url = await serve(t, ({ method }, response) => {
    const running = method === 'POST' || ++looks < 2
    const scrub = { ...blockStat.scrub, running, begunAt: '2026-01-01T00:00:00.000Z' }
    const endedAt = running ? null : '2026-01-01T00:01:00.000Z'
    answer(response, 200, { ...blockStat, scrub: { ...scrub, endedAt, damagedBlocks: 1 } })
  })
  t.match((await mesh(['blocks', 'scrub', '--url', url])).stdout, /under way at 4 MiB\/s: 0 B of/)
  const waited = await mesh(['blocks', 'scrub', '--wait', '--json', '--url', url])
  t.match(JSON.parse(waited.stdout), { schema: 'mesh-blocks-scrub/1', running: false })
  t.match(waited, { code: 1, stderr: /1 block is damaged/ })
})
