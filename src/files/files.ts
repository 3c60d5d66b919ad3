import { EventEmitter } from 'node:events'
import { MeshError } from '../errors/index.ts'
import { createDigestThreads, createKeyedLock, forEachParallel } from '../util/index.ts'
import { localFiles } from '../disk/index.ts'
import { createAcceptor } from './acceptor.ts'
import { createCatalogue } from './catalogue.ts'
import { createEvict } from './evictor.ts'
import { createFallbacks } from './fallback.ts'
import { explanationOf } from './explanation.ts'
import { createIndexUpkeep } from './index-upkeep.ts'
import { createInspector } from './inspector.ts'
import { MAX_NAMES_AT_ONCE, UPKEEP_INTERVAL_MS } from './limits.ts'
import { TREE_CHECK_INTERVAL_MS } from './limits.ts'
import { createOpener } from './opener.ts'
import { previewOf } from './preview.ts'
import { createPublications } from './publications.ts'
import { createPublish } from './publisher.ts'
import { createQuota } from './quota.ts'
import { recount } from './recount.ts'
import { createRefusals } from './refusals.ts'
import { createRules } from './rules.ts'
import { changedNames, createStartup } from './startup.ts'
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
import type { Opener } from './opener.ts'
import type { Eviction } from './quota.ts'
import type { Refusals } from './refusals.ts'
import type { Publications } from './publications.ts'
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

const stopped = (): MeshError => new MeshError('ERR_ABORTED', 'the files are not running')

class FileService implements Files {
  readonly events = new EventEmitter<FilesEvents>()
  readonly #components: FilesComponents
  readonly #catalogue: Catalogue
  readonly #publications: Publications
  readonly #verifier: Verifier
  readonly #accept: Acceptor
  readonly #startup: () => Promise<void>
  readonly #checkIndex: (signal: AbortSignal) => Promise<void>
  readonly #opener: Opener
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
    this.#checkIndex = createIndexUpkeep({ catalogue, clock, health, ruleOf })
    const local = components.local ?? localFiles
    const fallbacks = createFallbacks({ disk, catalogue, local, inspector, warnings, ruleOf })
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
    this.#opener = createOpener({
      ...{ catalogue, clock, disk, inspector, locks, ruleOf, verifier: this.#verifier },
      history: (name) => this.history(name),
      running: (work) => this.#running(work),
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
      threads: createDigestThreads(),
      refusals: this.#refusals,
      evict: (eviction) => this.#evictSoon([eviction]),
      onListed: (listed) => publications.tellListed(listed),
    })
    this.#startup = createStartup({
      disk,
      store,
      catalogue,
      inspector,
      fallbacks,
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
      run: this.#checkIndex,
    })
    this.#workers = [upkeep, verify, this.#treeCheck]
    this.#publications.arm()
    verify.wake()
    this.#treeCheck.wake(1)
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
      if (state !== undefined && this.#publications.states.get(name) !== state) continue
      const view = this.view(name)
      if (view !== undefined) yield view
    }
  }

  counts(): Readonly<Record<FileState, number>> {
    const { states } = this.#publications
    const counts = states.counts()
    const unknown = this.#rules.names.filter((name) => !states.has(name)).length
    return { ...counts, none: counts.none + unknown }
  }

  history(name: FileName): readonly FileRecord[] {
    const rule = this.#rules.get(name)
    if (rule === undefined) return []
    return historyOf(this.#catalogue.kept(name), this.#catalogue.history(name), rule)
  }

  open(
    name: FileName,
    options?: { digest?: Digest; signal?: AbortSignal },
  ): Promise<OpenFile | undefined> {
    return this.#opener.open(name, options)
  }

  openVersion(
    name: FileName,
    statement: Digest,
    options?: { signal?: AbortSignal },
  ): Promise<OpenFile | undefined> {
    return this.#opener.openVersion(name, statement, options)
  }

  locate(
    name: FileName,
    digest: Digest,
  ): Promise<{ path: string; fingerprint?: string } | undefined> {
    return this.#opener.locate(name, digest)
  }

  holdsContent(record: FileRecord): Promise<boolean> {
    return this.#opener.holdsContent(record)
  }

  explain(name: FileName): FileExplanation {
    const refusals = this.#refusals.of(name)
    const [catalogue, quota] = [this.#catalogue, this.#quota]
    return explanationOf(name, { rules: this.#rules, refusals, catalogue, quota })
  }

  async distrust(name: FileName): Promise<void> {
    this.#verifier.forget(name)
    await this.#running(() => this.#publications.publishSoon(name, { distrust: true }))
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
    return patterns.length === 0 ? names : this.#publications.states.sortedWith(names)
  }

  #fallbackNames(): FileName[] {
    return this.#rules.names.filter(
      (name) => this.#rules.get(name)?.policy.fallbackPath !== undefined,
    )
  }

  /** Counts anew what signers use under patterns, and takes away what is too much. */
  async #count(): Promise<void> {
    const evictions = recount(this.#quota, { rules: this.#rules, catalogue: this.#catalogue })
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
    const known = [...this.#publications.states.keys(), ...this.#catalogue.keptNames()]
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
