import { sha256 } from '../../util/index.ts'
import { MAX_NAMES_BYTES, MAX_NAMES_CACHE_BYTES } from '../limits.ts'
import { malformed } from '../wire.ts'
import { MAX_PAGE_NAMES_BYTES } from './messages.ts'
import type { Digest } from '../../util/index.ts'

/** The names that one node wants of one collection. */
export interface NameList {
  readonly digest: Digest
  /** Sorted, each once. */
  readonly names: readonly string[]
}

export const createNameList = (names: readonly string[]): NameList => ({
  digest: sha256(`mesh-names 1\n${names.map((name) => `${name}\n`).join('')}`),
  names,
})

const sizeOf = (names: readonly string[]): number =>
  // A string in memory is about this much more than its characters.
  names.reduce((sizeBytes, name) => sizeBytes + name.length + 32, 0)

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

/** Puts pages together again. @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const createNameReader = (expected: Digest) => {
  const names: string[] = []
  let sizeBytes = 0
  return {
    /** Answers with the list after its last page. */
    add(page: readonly string[], last: boolean): NameList | undefined {
      if (page.length === 0 && !last) throw malformed('an empty page of names')
      for (const name of page) {
        if (names.length > 0 && (names.at(-1) ?? '') >= name)
          throw malformed('names are not sorted')
        names.push(name)
      }
      sizeBytes += sizeOf(page)
      if (sizeBytes > MAX_NAMES_BYTES)
        throw malformed(`more than ${MAX_NAMES_BYTES} bytes of names`)
      if (!last) return undefined
      const list = createNameList(names)
      if (list.digest !== expected) throw malformed('names that are not those announced')
      return list
    },
  }
}

/** Lists of other nodes by digest: in a fleet, many nodes have the same one. */
export interface NamesCache {
  get(digest: Digest): NameList | undefined
  put(list: NameList): void
}

export const createNamesCache = (maxBytes: number = MAX_NAMES_CACHE_BYTES): NamesCache => {
  const lists = new Map<Digest, NameList>()
  let cachedBytes = 0
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
      cachedBytes += sizeOf(list.names)
      for (const [digest, { names }] of lists) {
        if (cachedBytes <= maxBytes || digest === list.digest) break
        lists.delete(digest)
        cachedBytes -= sizeOf(names)
      }
    },
  }
}
