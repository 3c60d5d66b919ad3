import { EventEmitter } from 'node:events'
import { MeshError } from '../errors/index.ts'
import { compareStatements } from '../statement/index.ts'
import { createKeyedLock, forEachParallel, nearest } from '../util/index.ts'
import { localFiles } from '../disk/index.ts'
import { createAcceptor } from './acceptor.ts'
import { createCatalogue } from './catalogue.ts'
import { createEvict } from './evictor.ts'
import { createFallbacks } from './fallback.ts'
import { contentDigest, createInspector } from './inspector.ts'
import { isExpired } from './judge.ts'
import { ownerOf, recordBy, standingOf } from './kept.ts'
import { MAX_NAMES_AT_ONCE, UPKEEP_INTERVAL_MS } from './limits.ts'
import { TREE_CHECK_INTERVAL_MS } from './limits.ts'
import { streamShown, unlessAborted } from './opening.ts'
import { previewOf } from './preview.ts'
import { contentPath, shownPath } from './paths.ts'
import { createPublications } from './publications.ts'
import { createPublish } from './publisher.ts'
import { createQuota } from './quota.ts'
import { createRefusals } from './refusals.ts'
import { createRules } from './rules.ts'
import { changedNames, createStartup, rebuildIndex } from './startup.ts'
import { takeTurns } from './take-turns.ts'
import { createVerifier } from './verifier.ts'
import { historyOf, recordOfId, viewOf } from './view.ts'
import { createWarnings } from './warnings.ts'
import type { Disk, LocalFiles } from '../disk/index.ts'
import type { Health, Logger, Worker, Workers } from '../observe/index.ts'
import type { FileName, NetworkId, Selector, SignedStatement } from '../statement/index.ts'
import type { Store } from '../store/index.ts'
import type { IdTree } from '../tree/index.ts'
import type { Clock, Digest } from '../util/index.ts'
import type { Acceptor } from './acceptor.ts'
import type { Catalogue } from './catalogue.ts'
import type { Evict } from './evictor.ts'
import type { Inspector } from './inspector.ts'
import type { Eviction } from './quota.ts'
import type { Refusals } from './refusals.ts'
import type { Publications } from './publications.ts'
import type { Shown } from './row.ts'
import type { Rule, Rules } from './rules.ts'
import type {
  AcceptOptions,
  FileChange,
  FileExplanation,
  FilePolicy,
  FileRecord,
  Files,
  FilesEvents,
  FileState,
  FileView,
  OfferedContent,
  OpenFile,
  Origin,
  Verdict,
} from './types.ts'
import type { Verifier } from './verifier.ts'

export interface FilesComponents {
  /** Open. */
  readonly store: Store
  /** Open. */
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly health: Health
  readonly workers: Workers
  /** Where fallbacks are read from. @default the machine's files */
  readonly local?: LocalFiles
}

export interface FilesInit {
  readonly network: NetworkId
  readonly policies: readonly FilePolicy[]
}

/** Files as the policies say, over a store and a disk that nobody else uses. */
export const createFiles = (components: FilesComponents, init: FilesInit): Files =>
  new FileService(components, init)

/** `app/motd` for `motd`: a directory that was forgotten. */
const sameLastPart = (name: FileName, selectors: readonly Selector[]): Selector | undefined => {
  const last = name.split('/').at(-1)
  return selectors.find((selector) => selector.split('/').at(-1) === last)
}

const stopped = (): MeshError => new MeshError('ERR_ABORTED', 'the files are not running')

class FileService implements Files {
  readonly events = new EventEmitter<FilesEvents>()
  readonly #components: FilesComponents
  readonly #catalogue: Catalogue
  readonly #publications: Publications
  readonly #verifier: Verifier
  readonly #accept: Acceptor
  readonly #startup: () => Promise<void>
  readonly #inspector: Inspector
  readonly #locks = createKeyedLock()
  readonly #quota = createQuota()
  readonly #refusals: Refusals
  readonly #evict: Evict
  #rules: Rules
  #stopping = new AbortController()
  #started: Promise<void> | undefined
  #reloading: Promise<void> = Promise.resolve()
  #workers: Worker[] = []
  #treeCheck: Worker | undefined
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(components: FilesComponents, { network, policies }: FilesInit) {
    const { store, disk, clock, health } = components
    const logger = components.logger.child('files')
    this.#components = components
    this.#rules = createRules(policies)
    const ruleOf = (name: FileName): Rule | undefined => this.#rules.get(name)
    const locks = this.#locks
    const warnings = createWarnings({ health })
    const catalogue = createCatalogue(
      { store, logger },
      { onTreeDamage: () => this.#treeCheck?.wake(1) },
    )
    const verified = (name: FileName): void => this.#verifier.add(name)
    const signal = (): AbortSignal => this.#stopping.signal
    const inspector = createInspector({ disk, logger, warnings, signal, verified })
    this.#inspector = inspector
    const local = components.local ?? localFiles
    const fallbacks = createFallbacks({ disk, catalogue, local, inspector, warnings })
    const publish = { disk, catalogue, inspector, warnings, fallbacks, clock, ruleOf, verified }
    const publications = createPublications({
      catalogue,
      clock,
      events: this.events,
      locks,
      logger,
      warnings,
      disk,
      publishNow: createPublish(publish),
      view: (name) => this.#published(name),
      worker: () => this.#workers[0],
    })
    this.#catalogue = catalogue
    this.#publications = publications
    this.#verifier = createVerifier({
      disk,
      catalogue,
      inspector,
      repair: (name) => publications.publishSoon(name, { distrust: true }),
    })
    const quota = this.#quota
    this.#refusals = createRefusals(
      { clock },
      {
        onRefusal: (refusal) => {
          try {
            this.events.emit('refused', refusal)
          } catch (error) {
            logger.error({ error }, 'a listener to file events failed')
          }
        },
      },
    )
    this.#evict = createEvict({ catalogue, locks, publications, quota, ruleOf })
    this.#accept = createAcceptor({
      ...{ disk, catalogue, clock, locks, network, ruleOf, publications, quota },
      refusals: this.#refusals,
      evict: (eviction) => this.#evictSoon([eviction]),
      onListed: (listed) => publications.tellListed(listed),
    })
    this.#startup = createStartup({
      disk,
      store,
      catalogue,
      inspector,
      warnings,
      logger,
      clock,
      network,
      signal,
      ruleOf,
      fallbackNames: () => this.#fallbackNames(),
      publications,
    })
  }

  start(): Promise<void> {
    this.#started ??= this.#start()
    return this.#started
  }

  async #start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#startup()
    this.#publications.load()
    this.#publications.retain((name) => this.wants(name))
    await this.#count()
    const { workers } = this.#components
    const upkeep = workers.add({
      name: 'files-upkeep',
      intervalMs: UPKEEP_INTERVAL_MS,
      run: (signal) => this.#publications.catchUp(signal),
    })
    const verify = workers.add({
      name: 'files-verify',
      run: (signal) => this.#verifier.checkAll(signal),
    })
    this.#treeCheck = workers.add({
      name: 'files-tree',
      intervalMs: TREE_CHECK_INTERVAL_MS,
      run: (signal) => this.#checkTree(signal),
    })
    this.#workers = [upkeep, verify, this.#treeCheck]
    this.#publications.arm()
    verify.wake()
    this.#treeCheck.wake(1)
  }

  /** Health tells of damage until a later check finds none: a disk that lied once is to be watched. */
  async #checkTree(signal: AbortSignal): Promise<void> {
    const { clock, health } = this.#components
    const pause = (): Promise<void> => takeTurns(clock, signal)
    const isSound = await this.#catalogue.isIndexSound(pause)
    // The tree as well.
    if (!isSound) {
      const ruleOf = (name: FileName): Rule | undefined => this.#rules.get(name)
      await rebuildIndex({ catalogue: this.#catalogue, ruleOf })
    }
    const isMended = await this.#catalogue.mendTree(pause)
    if (isSound && !isMended) return health.clear('tree-damaged')
    health.raise({
      code: 'tree-damaged',
      subject: '',
      severity: 'warning',
      message: `the ${isSound ? 'tree of hashes' : 'index of records'} that sync compares was damaged on the disk and was made anew; look after the disk, and run: mesh store verify`,
    })
  }

  async stop(): Promise<void> {
    if (this.#started === undefined) return
    // Workers first, so that what is cut short in them does not look like a failure.
    const ending = this.#workers.map((worker) => worker.stop())
    this.#stopping.abort()
    await this.#started.catch(() => {})
    await Promise.all([...ending, ...this.#workers.map((worker) => worker.stop())])
    await Promise.allSettled(this.#underWay)
    this.#workers = []
    this.#treeCheck = undefined
    this.#started = undefined
  }

  /** Runs `work` unless or until the files are stopped; `stop` waits for its end. */
  async #running<T>(work: () => Promise<T>): Promise<T> {
    if (this.#started === undefined || this.#stopping.signal.aborted) throw stopped()
    const running = work()
    this.#underWay.add(running)
    try {
      return await running
    } finally {
      this.#underWay.delete(running)
    }
  }

  accept(
    signed: SignedStatement,
    content: OfferedContent | undefined,
    from: Origin,
    options: AcceptOptions = {},
  ): Promise<Verdict> {
    return this.#running(async () => {
      const stopping = this.#stopping.signal
      const signal =
        options.signal === undefined ? stopping : AbortSignal.any([options.signal, stopping])
      await this.#reloading
      try {
        return await this.#accept(signed, content, from, signal)
      } catch (error) {
        this.#publications.refused(error)
        throw error
      }
    })
  }

  view(name: FileName): FileView | undefined {
    return this.#view(name, { nowMs: this.#components.clock.nowMs() })
  }

  /** As listeners were last told, whatever the clock has done since. */
  #published(name: FileName): FileView | undefined {
    return this.#view(name, {})
  }

  #view(name: FileName, clock: { nowMs?: number }): FileView | undefined {
    const rule = this.#rules.get(name)
    if (rule === undefined) return undefined
    const kept = this.#catalogue.kept(name)
    return viewOf(name, rule, { kept, row: this.#catalogue.row(name), ...clock })
  }

  *list({ state }: { state?: FileState } = {}): Iterable<FileView> {
    for (const name of this.names()) {
      if (state !== undefined && this.#publications.stateOf(name) !== state) continue
      const view = this.view(name)
      if (view !== undefined) yield view
    }
  }

  counts(): Readonly<Record<FileState, number>> {
    const counts = this.#publications.counts()
    const counted = Object.values(counts).reduce((sum, count) => sum + count, 0)
    return { ...counts, none: counts.none + this.#countNames() - counted }
  }

  #countNames(): number {
    const { names, patterns } = this.#rules
    return patterns.length === 0
      ? names.length
      : new Set([...names, ...this.#publications.names()]).size
  }

  history(name: FileName): readonly FileRecord[] {
    const rule = this.#rules.get(name)
    if (rule === undefined) return []
    return historyOf(this.#catalogue.kept(name), this.#catalogue.history(name), rule)
  }

  async open(
    name: FileName,
    { digest, signal }: { digest?: Digest; signal?: AbortSignal } = {},
  ): Promise<OpenFile | undefined> {
    const isWanted = (shown: Shown | undefined): shown is Shown =>
      shown !== undefined &&
      (digest === undefined || contentDigest(shown.signed) === digest) &&
      !isExpired(shown.signed, this.#components.clock.nowMs())
    const row = this.#catalogue.row(name)
    if (!isWanted(row?.shown)) {
      // What is being published may lie where everybody sees it, and is to be found here too.
      if (row?.pending !== true) return undefined
      await this.#running(() =>
        unlessAborted(
          this.#locks.run(name, async () => {}),
          signal,
        ),
      )
      if (!isWanted(this.#catalogue.row(name)?.shown)) return undefined
    }
    const shown = await this.#running(() => unlessAborted(this.#verifier.check(name), signal))
    const rule = this.#rules.get(name)
    if (rule === undefined || !isWanted(shown)) return undefined
    const record = recordBy(shown.signed, rule.authority)
    const { content } = shown.signed.statement
    if (record === undefined || content === 'deleted') return undefined
    return {
      record,
      sizeBytes: content.sizeBytes,
      stream: (options) => streamShown(this.#components.disk, name, shown.fingerprint, options),
    }
  }

  explain(name: FileName): FileExplanation {
    const refusals = this.#refusals.of(name)
    const rule = this.#rules.get(name)
    if (rule === undefined) {
      const { selectors } = this.#rules
      const text = nearest(name, selectors)
      const like = selectors.find((selector) => selector === text) ?? sameLastPart(name, selectors)
      return { refusals, setAside: [], ...(like === undefined ? {} : { nearest: like }) }
    }
    const { above, winner, records } = standingOf(this.#catalogue.kept(name), rule.authority)
    const isOfRevoked = rule.authority.certified?.revoked !== undefined
    const heldBack = records.filter(
      ({ signed }) => winner === undefined || compareStatements(signed, winner.signed) > 0,
    )
    const toBody = (
      why: 'signers' | 'revoked' | 'expiry',
      { statement, signatures }: SignedStatement,
    ) => ({
      version: statement.version,
      signers: signatures.map(({ key }) => key),
      why,
    })
    return {
      selector: rule.policy.name,
      refusals,
      setAside: [
        ...above.map(({ signed }) => toBody(isOfRevoked ? 'revoked' : 'signers', signed)),
        ...heldBack.map(({ signed }) => toBody('expiry', signed)),
      ],
    }
  }

  async holdsContent({ signed }: FileRecord): Promise<boolean> {
    const { name, content } = signed.statement
    if (content === 'deleted' || !this.wants(name)) return false
    const shown = this.#catalogue.row(name)?.shown
    if (shown !== undefined && contentDigest(shown.signed) === content.digest) return true
    const stat = await this.#components.disk.stat(contentPath(name, content.digest))
    return stat?.sizeBytes === content.sizeBytes
  }

  async distrust(name: FileName): Promise<void> {
    this.#verifier.forget(name)
    await this.#running(() => this.#publications.publishSoon(name, { distrust: true }))
  }

  async locate(
    name: FileName,
    digest: Digest,
  ): Promise<{ path: string; fingerprint?: string } | undefined> {
    const shown = this.#catalogue.row(name)?.shown
    if (shown !== undefined && contentDigest(shown.signed) === digest) {
      return { path: shownPath(name), fingerprint: shown.fingerprint }
    }
    const path = contentPath(name, digest)
    return (await this.#components.disk.stat(path)) === undefined ? undefined : { path }
  }

  async openVersion(
    name: FileName,
    statement: Digest,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<OpenFile | undefined> {
    const record = this.history(name).find(({ signed }) => signed.id === statement)
    const content = record?.signed.statement.content ?? 'deleted'
    if (record === undefined || content === 'deleted') return undefined
    const { digest, sizeBytes } = content
    const shown = await this.open(name, { digest, ...(signal === undefined ? {} : { signal }) })
    if (shown !== undefined) return { ...shown, record }
    const path = contentPath(name, digest)
    const { disk } = this.#components
    const isHere = this.#running(() => this.#inspector.findContent(name, digest))
    if (!(await unlessAborted(isHere, signal))) return undefined
    return { record, sizeBytes, stream: (options) => disk.stream(path, options) }
  }

  index(): Iterable<{ readonly id: Digest; readonly name: FileName }> {
    return this.#catalogue.index()
  }

  has(id: Digest): boolean {
    return this.#catalogue.place(id) !== undefined
  }

  record(id: Digest): FileRecord | undefined {
    const place = this.#catalogue.place(id)
    const rule = place === undefined ? undefined : this.#rules.get(place.name)
    if (place === undefined || rule === undefined) return undefined
    return recordOfId(this.#catalogue.kept(place.name), rule, id)
  }

  get tree(): IdTree {
    return this.#catalogue.tree
  }

  nameOf(id: Digest): FileName | undefined {
    return this.#catalogue.place(id)?.name
  }

  digest(): Digest {
    return this.#catalogue.tree.summary('').hash
  }

  wants(name: FileName): boolean {
    return this.#rules.get(name) !== undefined
  }

  selectors(): readonly Selector[] {
    return this.#rules.selectors
  }

  names(): readonly FileName[] {
    const { names, patterns } = this.#rules
    if (patterns.length === 0) return names
    return [...new Set([...names, ...this.#publications.names()])].sort()
  }

  #fallbackNames(): FileName[] {
    return this.#rules.names.filter(
      (name) => this.#rules.get(name)?.policy.fallbackPath !== undefined,
    )
  }

  /** Counts anew what signers use under patterns, and takes away what is too much. */
  async #count(): Promise<void> {
    this.#quota.clear()
    if (this.#rules.patterns.length === 0) return
    const evictions: Eviction[] = []
    for (const name of this.#catalogue.keptNames()) {
      const rule = this.#rules.get(name)
      if (rule?.pattern === undefined) continue
      const owners = this.#catalogue.kept(name).map(ownerOf)
      evictions.push(...this.#quota.add(rule, owners, name))
    }
    for (const eviction of evictions) await this.#evict(eviction)
  }

  #evictSoon(evictions: readonly Eviction[]): void {
    const work = async (): Promise<void> => {
      for (const eviction of evictions) await this.#evict(eviction)
    }
    // What fails now is counted and taken away at the next start.
    this.#running(work).catch((error: unknown) => this.#publications.refused(error))
  }

  preview(policies: readonly FilePolicy[]): readonly FileChange[] {
    return previewOf(this.#catalogue, this.#rules, createRules(policies))
  }

  reload(policies: readonly FilePolicy[]): Promise<void> {
    const after = createRules(policies)
    this.#reloading = this.#reloading.then(() => this.#running(() => this.#reload(after)))
    const reloading = this.#reloading
    // One that fails must not fail those who only wait for it.
    this.#reloading = reloading.catch(() => {})
    return reloading
  }

  async #reload(after: Rules): Promise<void> {
    const known = [...this.#publications.names(), ...this.#catalogue.keptNames()]
    const { withdrawn, others } = changedNames(this.#rules, after, known)
    const views = new Map([...withdrawn, ...others].map((name) => [name, this.#published(name)]))
    this.#rules = after
    const publish = async (name: FileName): Promise<void> => {
      const view = views.get(name)
      // A name of which nothing is known has nothing to be published.
      const hasFallback = after.get(name)?.policy.fallbackPath !== undefined
      if (hasFallback || this.#catalogue.knows(name))
        await this.#publications.publishSoon(name, {}, { view })
      else this.#publications.tellChange(name, view)
    }
    await forEachParallel(withdrawn, MAX_NAMES_AT_ONCE, publish)
    await forEachParallel(others, MAX_NAMES_AT_ONCE, publish)
    this.#publications.retain((name) => this.wants(name))
    await this.#count()
  }
}
