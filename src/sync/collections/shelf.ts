import { blockListDigest, createChunker } from '../../chunk/index.ts'
import { isMeshError } from '../../errors/index.ts'
import { parseOwner } from '../../blocks/index.ts'
import { formatPublicKey } from '../../keys/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { parseDigest } from '../../util/index.ts'
import { SHELF_INTERVAL_MS, SHELF_RETRY_MS } from '../limits.ts'
import type { BlockDamage, Blocks, Locate, Owner, SignedContent } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { FileRecord, Files, FileView } from '../../files/index.ts'
import type { Health, Logger, Worker, Workers } from '../../observe/index.ts'
import type { FileName } from '../../statement/index.ts'
import type { Digest } from '../../util/index.ts'

const KIND = 'file'

/** Who keeps the blocks of one content of a file. */
export const ownerOfContent = (name: FileName, digest: Digest): Owner =>
  parseOwner(`${KIND} ${name} ${digest}`)

/** What {@link ownerOfContent} was made of; `undefined` for owners of other kinds. */
const readOwner = (owner: Owner): { name: FileName; digest: Digest } | undefined => {
  const [kind, name = '', hex = ''] = owner.split(' ')
  const digest = parseDigest(hex)
  if (kind !== KIND || digest === undefined) return undefined
  return { name: parseFileName(name), digest }
}

/** Tells the block store where contents of files lie. */
export const locateContents =
  (files: Pick<Files, 'locate'>): Locate =>
  async (owner) => {
    const found = readOwner(owner)
    return found && files.locate(found.name, found.digest)
  }

/**
 * Keeps the block store in step with the files: what is shown or remembered serves its own blocks, and
 * what is gone, or was begun and is not wanted any more, is forgotten.
 */
export interface Shelf {
  start(): void
  stop(): Promise<void>
  /** Tells of each name of which a content can be served, or fetched, from now on. */
  subscribe(onAdded: (name: FileName) => void): () => void
  /** Whether its list may make this content, as far as is known. */
  fits(content: SignedContent): boolean
  /** Whether this content serves its blocks; waits for one that is just being put there. */
  holds(name: FileName, digest: Digest): Promise<boolean>
}

export interface ShelfInit {
  readonly files: Files
  readonly blocks: Blocks
  readonly logger: Logger
  readonly workers: Workers
  readonly health: Health
}

const WARNING = 'content-faulty'

export const createShelf = (init: ShelfInit): Shelf => {
  const { files, blocks, logger, workers, health } = init
  const adding = new Map<Owner, Promise<void>>()
  /** Names that have to be looked at. */
  const due = new Set<FileName>()
  let worker: Worker | undefined
  const ends: (() => void)[] = []
  const listeners = new Set<(name: FileName) => void>()

  const add = (name: FileName, digest: Digest, list: BlockList): Promise<void> => {
    const owner = ownerOfContent(name, digest)
    track(name, digest)
    const work = blocks
      .addContent(owner, { list, digest })
      .then(() => {
        for (const tell of listeners) tell(name)
      })
      .catch((error: unknown) => {
        // Found again by the next look, and read once more.
        due.add(name)
        logger.warn({ name, error }, 'the blocks of a content could not be kept')
      })
      .finally(() => {
        if (adding.get(owner) === work) adding.delete(owner)
      })
    adding.set(owner, work)
    return work
  }

  /** Reads a content whose blocks nobody knows, because it is older than the store. */
  const cut = async ({ signed }: FileRecord, signal: AbortSignal): Promise<void> => {
    const { name, content, blocks: listDigest } = signed.statement
    if (content === 'deleted' || listDigest === 'none') return
    const owner = ownerOfContent(name, content.digest)
    await adding.get(owner)
    if (blocks.hasContent(owner)) return
    if (blocks.assemblies().some((each) => each.owner === owner && each.running)) return
    const open = await files.openVersion(name, signed.id, { signal })
    if (open === undefined) return
    const chunker = createChunker()
    for await (const piece of open.stream({ signal })) chunker.update(piece)
    const { digest, list } = chunker.end()
    if (digest !== content.digest || blockListDigest(list) !== listDigest) {
      logger.warn({ name }, 'a signed block list is not that of its content: no blocks are served')
      return
    }
    await add(name, content.digest, list)
  }

  /** Names of which health says that their content cannot be had. */
  const faulty = new Set<FileName>()
  /** Contents of names that somebody may keep blocks of. */
  const tracked = new Map<FileName, Set<Digest>>()
  const track = (name: FileName, digest: Digest): void => {
    const digests = tracked.get(name)
    if (digests === undefined) tracked.set(name, new Set([digest]))
    else digests.add(digest)
  }

  /** Digest of the content that is missing of a name and can be had; health tells of one that cannot. */
  const wantedOf = (name: FileName, view: FileView | undefined): Digest | undefined => {
    const { statement, signatures = [] } = view?.winner?.signed ?? {}
    const { content = 'deleted', blocks: list = 'none' } = statement ?? {}
    const isMissing = view?.state === 'missing' && content !== 'deleted'
    if (!isMissing || list === 'none' || !blocks.isMisfit({ list, ...content })) {
      health.clear(WARNING, name)
      // It was found to be right after all.
      if (faulty.delete(name) && isMissing) for (const tell of listeners) tell(name)
      return isMissing ? content.digest : undefined
    }
    const by = signatures.map(({ key }) => formatPublicKey(key, 'openssh')).join(', ')
    faulty.add(name)
    health.raise({
      code: WARNING,
      subject: name,
      severity: 'warning',
      message: `version ${statement?.version} of ${name}, signed by ${by}, contradicts itself: its block list does not make its content, so nobody can have it; have a higher version signed (mesh file update), and ask that signer`,
    })
    return undefined
  }

  /** Answers whether it is to be looked at again soon. */
  const tidy = async (name: FileName): Promise<boolean> => {
    const view = files.view(name)
    const content = view?.winner?.signed.statement.content ?? 'deleted'
    if (content !== 'deleted' && view?.winner?.signed.statement.blocks !== 'none') {
      track(name, content.digest)
    }
    const wanted = wantedOf(name, view)
    let again = false
    for (const digest of [...(tracked.get(name) ?? [])]) {
      const owner = ownerOfContent(name, digest)
      if (digest === wanted || adding.has(owner)) continue
      if (blocks.hasContent(owner) && (await files.locate(name, digest)) !== undefined) continue
      // Whoever runs it ends it first.
      if (blocks.assemblies().some((each) => each.owner === owner && each.running)) again = true
      else {
        await blocks.remove(owner)
        tracked.get(name)?.delete(digest)
      }
    }
    if (tracked.get(name)?.size === 0) tracked.delete(name)
    return again
  }

  const look = async (name: FileName, signal: AbortSignal): Promise<void> => {
    if (await tidy(name)) {
      due.add(name)
      worker?.wake(SHELF_RETRY_MS)
    }
    for (const record of files.history(name)) {
      if (signal.aborted) return
      const { content, blocks: list } = record.signed.statement
      if (content === 'deleted' || list === 'none') continue
      if (blocks.hasContent(ownerOfContent(name, content.digest))) continue
      if (await files.holdsContent(record)) await cut(record, signal)
    }
  }

  const everything = (): Iterable<FileName> => {
    for (const { owner } of blocks.owners()) {
      const found = readOwner(owner)
      if (found !== undefined) track(found.name, found.digest)
    }
    return [...tracked.keys(), ...files.names()]
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    if (due.size === 0) for (const name of everything()) due.add(name)
    for (const name of [...due]) {
      if (signal.aborted) return
      due.delete(name)
      try {
        await look(name, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!isMeshError(error)) throw error
        logger.debug({ name, error }, 'the blocks of a name could not be looked at')
      }
    }
  }

  const soon = (name: FileName): void => {
    due.add(name)
    worker?.wake(1)
  }

  const onDamage = ({ owner, where }: BlockDamage): void => {
    const found = owner && readOwner(owner)
    if (found === undefined || where !== 'content') return
    logger.error({ name: found.name }, 'a published content is damaged and is looked at')
    soon(found.name)
    files.distrust(found.name).catch((error: unknown) => {
      logger.warn({ name: found.name, error }, 'a damaged content could not be looked at')
    })
  }

  /** Statements of other names may say the same; those that are told of already are looked at again. */
  const onMisfit = (owner: Owner): void => {
    const found = readOwner(owner)
    if (found !== undefined) soon(found.name)
    for (const name of faulty) soon(name)
  }

  return {
    start() {
      if (worker !== undefined) return
      worker = workers.add({ name: 'file-blocks', intervalMs: SHELF_INTERVAL_MS, run })
      const onListed = ({
        name,
        digest,
        list,
      }: {
        name: FileName
        digest: Digest
        list: BlockList
      }) => void add(name, digest, list)
      const onChange = ({ name }: { name: FileName }): void => soon(name)
      const onRecord = ({ record }: { record: FileRecord }): void =>
        soon(record.signed.statement.name)
      files.events.on('listed', onListed).on('change', onChange).on('record', onRecord)
      blocks.events.on('damage', onDamage).on('misfit', onMisfit)
      ends.push(() => {
        files.events.off('listed', onListed).off('change', onChange).off('record', onRecord)
        blocks.events.off('damage', onDamage).off('misfit', onMisfit)
      })
      worker.wake(1)
    },
    async stop() {
      for (const end of ends.splice(0)) end()
      await worker?.stop()
      worker = undefined
      await Promise.allSettled(adding.values())
    },
    subscribe(onAdded) {
      listeners.add(onAdded)
      return () => listeners.delete(onAdded)
    },
    fits: (content) => !blocks.isMisfit(content),
    async holds(name, digest) {
      const owner = ownerOfContent(name, digest)
      await adding.get(owner)
      return blocks.hasContent(owner)
    },
  }
}
