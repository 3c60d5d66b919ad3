import { isMeshError } from '../../errors/index.ts'
import { createDigester, utf8 } from '../../util/index.ts'
import { MAX_NAMES_BYTES, MAX_NAMES_CACHE_BYTES, NAMES_A_TURN } from '../limits.ts'
import { malformed } from '../wire.ts'
import { MAX_PAGE_NAMES_BYTES } from './messages.ts'
import type { Digest } from '../../util/index.ts'
import type { Collection, Selection } from '../collection.ts'

/** What one node wants of one collection. */
export interface NameList {
  readonly digest: Digest
  readonly selection: Selection
}

/** Our own list, which can be told to others. */
export interface OwnNames extends NameList {
  /** Sorted, each once. */
  readonly selectors: readonly string[]
}

const LABEL = utf8('mesh-names 1\n')
/** Names that are hashed at once: a call for each one costs ten times as much. */
const HASHED_NAMES = 1_000

const createListDigester = () => {
  const digester = createDigester()
  digester.update(LABEL)
  return {
    add(names: readonly string[]): void {
      for (let at = 0; at < names.length; at += HASHED_NAMES) {
        const some = names.slice(at, at + HASHED_NAMES)
        digester.update(utf8(some.map((name) => `${name}\n`).join('')))
      }
    },
    digest: digester.digest,
  }
}

export const digestOfNames = (names: readonly string[]): Digest => {
  const digester = createListDigester()
  digester.add(names)
  return digester.digest()
}

export const createOwnNames = (collection: Collection, selectors: readonly string[]): OwnNames => {
  let selection: Selection | undefined
  return {
    digest: digestOfNames(selectors),
    selectors,
    // Not needed as long as all nodes have the same list.
    get selection() {
      if (selection === undefined) {
        const builder = collection.createSelection()
        for (const selector of selectors) builder.add(selector)
        selection = builder.finish()
      }
      return selection
    },
  }
}

/** Cuts a list into pages that fit into one frame each; an empty list is one empty page. */
export const pagesOf = (names: readonly string[]): string[][] => {
  const pages: string[][] = [[]]
  let pageBytes = 0
  for (const name of names) {
    const nameBytes = 4 + Buffer.byteLength(name)
    if (pageBytes > 0 && pageBytes + nameBytes > MAX_PAGE_NAMES_BYTES) {
      pages.push([])
      pageBytes = 0
    }
    pages.at(-1)?.push(name)
    pageBytes += nameBytes
  }
  return pages
}

/** Puts pages together again, without keeping the names. @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const createNameReader = (collection: Collection, expected: Digest) => {
  const builder = collection.createSelection()
  const digester = createListDigester()
  let before = Buffer.alloc(0)
  let sizeBytes = 0

  const take = (name: string): void => {
    const bytes = Buffer.from(name)
    if (sizeBytes > 0 && before.compare(bytes) >= 0) throw malformed('names are not sorted')
    before = bytes
    sizeBytes += 4 + bytes.length
    if (sizeBytes > MAX_NAMES_BYTES) throw malformed(`more than ${MAX_NAMES_BYTES} bytes of names`)
    try {
      builder.add(name)
    } catch (error) {
      throw isMeshError(error) ? malformed(error.message) : error
    }
  }

  return {
    /** Answers with the list after its last page. */
    add(page: readonly string[], last: boolean): NameList | undefined {
      if (page.length === 0 && !last) throw malformed('an empty page of names')
      for (const name of page) take(name)
      digester.add(page)
      if (!last) return undefined
      if (digester.digest() !== expected) throw malformed('names that are not those announced')
      return { digest: expected, selection: builder.finish() }
    },
  }
}

/** Takes a page in parts, and waits for a `turn` between them. */
export const takePage = async (
  reader: ReturnType<typeof createNameReader>,
  { names, last }: { readonly names: readonly string[]; readonly last: boolean },
  turn: () => Promise<void>,
): Promise<NameList | undefined> => {
  let at = 0
  for (; names.length - at > NAMES_A_TURN; at += NAMES_A_TURN) {
    reader.add(names.slice(at, at + NAMES_A_TURN), false)
    await turn()
  }
  return reader.add(names.slice(at), last)
}

/** Lists of other nodes by digest: in a fleet, many nodes have the same one. */
export interface NamesCache {
  get(digest: Digest): NameList | undefined
  put(list: NameList): void
}

/** What remembering one list costs beside it. */
const ENTRY_BYTES = 512

export const createNamesCache = (maxBytes: number = MAX_NAMES_CACHE_BYTES): NamesCache => {
  const lists = new Map<Digest, NameList>()
  let cachedBytes = 0
  const sizeOf = ({ selection }: NameList): number => selection.sizeBytes + ENTRY_BYTES
  return {
    get(digest) {
      const list = lists.get(digest)
      if (list === undefined) return undefined
      lists.delete(digest)
      lists.set(digest, list)
      return list
    },
    put(list) {
      if (lists.has(list.digest)) return
      lists.set(list.digest, list)
      cachedBytes += sizeOf(list)
      for (const [digest, each] of lists) {
        if (cachedBytes <= maxBytes || digest === list.digest) break
        lists.delete(digest)
        cachedBytes -= sizeOf(each)
      }
    },
  }
}
