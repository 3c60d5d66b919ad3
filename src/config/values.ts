import { isMeshError } from '../errors/index.ts'
import * as v from 'valibot'
import { nearest, parseDuration, parseSize } from '../util/index.ts'
import { parseAddress } from './address.ts'
import { MAX_LIST_ITEMS, MIN_RATE_BYTES_PER_SECOND } from './limits.ts'
import { describeValue, isTable } from './toml.ts'
import type { AddressKind } from './address.ts'
import type { Table } from './toml.ts'

/** What the reference says about a key. */
export interface Setting {
  /** As `duration`, `list of multiaddrs`. */
  readonly type: string
  /** What it does, in sentences. */
  readonly about: string
  /** The default in words, where it is not one fixed value. */
  readonly fallback?: string
  /** Whether a value pasted here by mistake could be a secret. */
  readonly secret?: boolean
}

const mustBe =
  (what: string) =>
  (issue: { readonly input: unknown }): string =>
    `must be ${what}, not ${describeValue(issue.input)}`

const shorten = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

/** Thrown by the parsers below to say what is wrong with a text. */
class Wrong extends Error {}

/** Runs a parser on a text; what it throws is a problem at this key. */
const parsed = <T>(parse: (text: string) => T): v.RawTransformAction<string, T> =>
  v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
    try {
      return parse(dataset.value)
    } catch (error) {
      if (!(error instanceof Wrong) && !isMeshError(error)) throw error
      addIssue({ message: error.message })
      return NEVER
    }
  })

/** A string that `parse` reads. */
export const textOf = <T>(what: string, parse: (text: string) => T) =>
  v.pipe(v.string(mustBe(what)), parsed(parse))

/** `"30s"`, as milliseconds. */
export const duration = (leastMs: number, mostMs: number, range: string) =>
  textOf('a duration such as "30s"', (text) => {
    const durationMs = parseDuration(text)
    if (durationMs === undefined) {
      throw new Wrong(`${shorten(text)} is not a duration; write "500ms", "30s", "5m", "2h", "7d"`)
    }
    if (durationMs < leastMs || durationMs > mostMs) throw new Wrong(`must be ${range}`)
    return durationMs
  })

/** `"64MiB"`, as bytes. */
/** Bytes a second, as a size. Less than a piece of content a minute would look like a dead peer. */
export const rate = () =>
  v.pipe(size(), v.minValue(MIN_RATE_BYTES_PER_SECOND, 'must be at least "16KiB" (a second)'))

export const size = () =>
  textOf('a size such as "64MiB"', (text) => {
    const sizeBytes = parseSize(text)
    if (sizeBytes === undefined) {
      throw new Wrong(`${shorten(text)} is not a size; write "512B", "16KiB", "64MiB", "2GiB"`)
    }
    return sizeBytes
  })

/** `"0644"`, as permission bits. A number would be read as decimal, so it is refused. */
export const fileMode = (check: (mode: number) => string | undefined) =>
  textOf('a string of octal digits such as "0644"', (text) => {
    if (!/^0?[0-7]{3}$/.test(text)) {
      throw new Wrong(`${shorten(text)} is not a file mode; write four octal digits as "0644"`)
    }
    const mode = Number.parseInt(text, 8)
    const wrong = check(mode)
    if (wrong !== undefined) throw new Wrong(wrong)
    return mode
  })

/** A path; relative ones are made absolute later. A key pasted in place of one is refused. */
export const path = () =>
  textOf('a path', (text) => {
    if (/PRIVATE KEY|\/key\/swarm\/psk/.test(text)) {
      throw new Wrong('must be the path of a file that holds the secret, never the secret itself')
    }
    if (text === '' || /[\0\r\n]/.test(text)) throw new Wrong('must be a path, and is not')
    return text
  })

/** An integer in a range. */
export const integer = (least: number, most: number) => {
  const what = `a whole number from ${least} to ${most}`
  return v.pipe(
    v.number(mustBe(what)),
    v.integer(`must be ${what}`),
    v.minValue(least, `must be ${what}`),
    v.maxValue(most, `must be ${what}`),
  )
}

export const boolean = () => v.boolean(mustBe('true or false'))

/** One of a few words. */
export const word = <const T extends readonly string[]>(words: T) => {
  const all = words.map((each) => JSON.stringify(each)).join(', ')
  return v.picklist(words, ({ input }) => {
    if (typeof input !== 'string') return `must be one of ${all}, not ${describeValue(input)}`
    const near = nearest(input, words)
    const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`
    return `${shorten(input)} is not one of ${all}${hint}`
  })
}

/** A list of what `item` reads, in the order written. */
export const list = <TItem extends v.GenericSchema>(
  item: TItem,
  what: string,
  maxItems = MAX_LIST_ITEMS,
) =>
  v.pipe(
    // The length comes first: of millions of bad items none is looked at.
    v.array(v.unknown(), mustBe(`a list of ${what}`)),
    v.maxLength(maxItems, `must have at most ${maxItems} items`),
    v.array(item),
  )

/** A TCP multiaddr, or `HOST:PORT`, as a multiaddr; one with a peer id where that is asked for. */
export const address = (kind: AddressKind) =>
  textOf('an address', (text) => {
    const found = parseAddress(text, kind)
    if (found !== undefined) return found
    const examples = kind.listen
      ? '"/ip4/0.0.0.0/tcp/7946" or "/ip6/::/tcp/7946"'
      : '"/ip4/192.0.2.1/tcp/7946", "/dns/node.example/tcp/7946" or "192.0.2.1:7946"'
    if (kind.peerId) {
      if (parseAddress(text, { ...kind, peerId: false }) !== undefined) {
        throw new Wrong(
          `${shorten(text)} does not say which peer is there; add its peer id, as in ` +
            '"/dns/node.example/tcp/7946/p2p/12D3KooW…" (`mesh peer id --key FILE` or `mesh status` there tells it)',
        )
      }
      throw new Wrong(
        `${shorten(text)} is not the TCP address of a peer; write ` +
          '"/ip4/192.0.2.1/tcp/7946/p2p/12D3KooW…" or "/dns/node.example/tcp/7946/p2p/12D3KooW…"',
      )
    }
    throw new Wrong(`${shorten(text)} is not a TCP address; write ${examples}`)
  })

/** Any table; its keys are looked at elsewhere. */
export const anyTable = (what: string) => v.custom<Table>(isTable, mustBe(what))

/** A table with these keys. Unknown ones are found by `findUnknownKeys`. */
export const table = <T extends v.ObjectEntries>(entries: T) =>
  v.pipe(v.custom<Table>(isTable, mustBe('a table')), v.object(entries))

/** Ends a key's definition with what the reference says about it. */
export const setting = <TInput>(
  about: Setting,
): v.MetadataAction<TInput, { readonly setting: Setting }> => v.metadata({ setting: about })

export const wrong = (message: string): Error => new Wrong(message)
