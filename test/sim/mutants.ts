/**
 * Shows that each property can fail: breaks a copy of the product on purpose and looks for a seed that
 * notices.
 *
 *     node test/sim/mutants.ts [WORD …]      all, or those whose description has one of the words
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Mutant {
  /** What is wrong with it. */
  readonly what: string
  readonly file: string
  readonly find: string
  readonly replace: string
  /** What a violation has to speak of. */
  readonly notices: RegExp
  /** Whether a scenario notices it, so that this can be seen in seconds. @default false */
  readonly quick?: boolean
}

export const MUTANTS: readonly Mutant[] = [
  {
    what: 'the local clock decides which statements of peers count',
    file: 'src/files/judge.ts',
    find: "if (from.kind !== 'upload') return\n",
    replace: '',
    notices: /different catalogues/,
  },
  {
    what: 'of two statements of one version, the first to arrive stays',
    file: 'src/files/kept.ts',
    find: 'b === undefined || compareStatements(a, b) > 0',
    replace: 'b === undefined || a.statement.version > b.statement.version',
    notices: /different catalogues/,
    quick: true,
  },
  {
    what: 'an upload is answered before its commit is durable',
    file: 'src/files/acceptor.ts',
    find: 'left = await catalogue.change(name, changeOf(taking))',
    replace: 'void catalogue.change(name, changeOf(taking)).catch(() => {})',
    notices: /acknowledged by .* is lost|different catalogues/,
  },
  {
    what: 'content is not synced before it is named',
    file: 'src/disk/staged.ts',
    find: 'await open.sync()',
    replace: '',
    notices: /acknowledged by .* is missing|shows .* its view says/,
  },
  {
    what: 'a rename is not made durable',
    file: 'src/disk/directories.ts',
    find: 'await handle.sync().finally(() => handle.close())',
    replace: 'await handle.close()',
    notices: /acknowledged by .* is missing|shows .* its view says/,
  },
  {
    what: 'what a reload sets aside loses its content',
    file: 'src/files/publisher.ts',
    find: 'const retained = retainedContent(holding)',
    replace: 'const retained = new Set<Digest>()',
    notices: /acknowledged by .* is missing/,
  },
  {
    what: 'signatures are not checked',
    file: 'src/files/judge.ts',
    find: 'if (!verifyEntry(signed, entry)) {',
    replace: 'if (verifyEntry === undefined) {',
    notices: /was never uploaded|was refused|blames .* honest/,
    quick: true,
  },
  {
    what: 'unwanted statements are relayed before they are checked',
    file: 'src/sync/intake.ts',
    find: 'if (!arrival.verify()) throw forged(arrival.name)',
    replace: 'void forged',
    notices: /blames .* honest|signature that does not hold/,
    quick: true,
  },
  {
    what: 'unwanted statements are relayed again and again',
    file: 'src/sync/intake.ts',
    find: 'if (!arrival.relayable || seen.has(key)) return false',
    replace: 'if (!arrival.relayable) return false',
    notices: /tells .* \d+ times|bytes of announcements/,
    quick: true,
  },
  {
    what: 'another configuration is held against a peer',
    file: 'src/sync/collections/files.ts',
    find: "if (POLICY.has(code)) return 'policy'",
    replace: "if (POLICY.has(code)) throw new MeshError('ERR_SIGNATURE_INVALID', code)",
    notices: /blames .* honest/,
  },
  {
    what: 'push-pull never begins',
    file: 'src/sync/sync.ts',
    find: '      pushPull.start()\n',
    replace: '',
    notices: /different catalogues|is lost at/,
  },
  {
    what: 'expiry is forgotten',
    file: 'src/files/publications.ts',
    find: 'for (const name of new Set([...catalogue.awake(clock.nowMs()), ...unfinished.keys()])) {',
    replace: 'for (const name of new Set(unfinished.keys())) {',
    notices: /though it has expired|its view says/,
    quick: true,
  },
  {
    what: 'one signature is enough where two are asked for',
    file: 'src/files/authority.ts',
    find: 'subsets(ours, threshold)',
    replace: 'subsets(ours, 1)',
    notices: /alone/,
  },
  {
    what: 'everybody who signs may delete',
    file: 'src/files/authority.ts',
    find: 'const set of subsets(any, threshold)) {\n    if (deleteSigners.size === 0 ||',
    replace: 'const set of subsets(any, threshold)) {\n    if (set.length > 0 ||',
    notices: /deleted by .*, without/,
  },
  {
    what: 'each wake of a worker leaves a timer behind',
    file: 'src/observe/workers.ts',
    find: 'timer?.cancel()\n    timer = undefined',
    replace: 'timer = undefined',
    notices: /times at rest/,
  },
  {
    what: 'waits for a dial are measured by the wall clock',
    file: 'src/transport/attempts.ts',
    find: 'const dueMs = clock.monotonicMs() +',
    replace: 'const dueMs = clock.nowMs() +',
    notices: /different catalogues|is lost at/,
    quick: true,
  },
]

const ROOT = join(import.meta.dirname, '..', '..')
const SEEDS = 60
const MAX_RUN_MS = 30 * 60_000
const run = promisify(execFile)

export interface Noticed {
  /** `seed 7`, or a scenario and its title. */
  readonly by: string
  readonly violations: readonly string[]
}

/** A copy of the product with the mutant in it, for as long as `use` takes. */
const withCopy = async <T>(mutant: Mutant, use: (copy: string) => Promise<T>): Promise<T> => {
  const copy = mkdtempSync(join(tmpdir(), 'mesh-mutant-'))
  try {
    for (const path of ['src', 'package.json', 'test/sim', 'test/support']) {
      cpSync(join(ROOT, path), join(copy, path), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    const path = join(copy, mutant.file)
    const text = readFileSync(path, 'utf8')
    if (text.split(mutant.find).length !== 2) {
      throw new Error(`${mutant.file} has not exactly one ${JSON.stringify(mutant.find)}`)
    }
    writeFileSync(
      path,
      text.replace(mutant.find, () => mutant.replace),
    )
    return await use(copy)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** What the first of a command's blocks of violations says. */
const firstOf = async (args: readonly string[], env = {}): Promise<Noticed | undefined> => {
  const { stdout, stderr, failed } = await run(process.execPath, args, {
    env: { ...process.env, ...env, NODE_OPTIONS: '' },
    maxBuffer: 2 ** 27,
    // A mutant may keep itself busy for ever.
    timeout: MAX_RUN_MS,
    killSignal: 'SIGKILL',
  })
    .then((output) => ({ ...output, failed: false }))
    .catch(({ stdout = '', stderr = '' }: { stdout?: string; stderr?: string }) => ({
      ...{ stdout, stderr, failed: true },
    }))
  const lines = stdout.split('\n')
  const at = lines.findIndex((line) => line.includes(' VIOLATIONS'))
  // What does not even run has noticed nothing.
  if (at < 0 && failed) throw new Error(`nothing came of it: ${stderr.slice(-1_000)}`)
  if (at < 0) return undefined
  const [by = ''] = /^(seed \d+|scenario "[^"]*")/.exec(lines[at] ?? '') ?? []
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('  '))
  return { by, violations: lines.slice(at + 1, end).map((line) => line.trim()) }
}

/** The first scenario that notices. */
export const tryScenarios = (mutant: Mutant): Promise<Noticed | undefined> =>
  withCopy(mutant, (copy) => firstOf([join(copy, 'test/sim/scenarios.ts')]))

/** The first seed that notices. */
export const trySeeds = (mutant: Mutant): Promise<Noticed | undefined> =>
  withCopy(mutant, (copy) =>
    firstOf([join(copy, 'test/sim/replay.ts'), '--first'], { MESH_SIM_SEED: `1-${SEEDS}` }),
  )

if (import.meta.main) {
  const words = process.argv.slice(2)
  let survivors = 0
  for (const mutant of MUTANTS) {
    if (words.length > 0 && !words.some((word) => mutant.what.includes(word))) continue
    const cells: string[] = []
    let noticed = false
    for (const attempt of [trySeeds, tryScenarios]) {
      const found = await attempt(mutant)
      const said = found?.violations.find((each) => mutant.notices.test(each))
      noticed ||= said !== undefined
      cells.push(
        found === undefined
          ? 'no'
          : `${found.by}: ${said ?? `OTHERWISE: ${found.violations[0]}`}`.slice(0, 200),
      )
    }
    if (!noticed) survivors++
    process.stdout.write(`| ${mutant.what} | ${cells.join(' | ')} |\n`)
  }
  process.exitCode = survivors === 0 ? 0 : 1
}
