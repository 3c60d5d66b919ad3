import { parse } from 'smol-toml'

/** A key or list item: where it starts, and what is inside. */
export interface Node {
  readonly at: number
  readonly keys: Map<string, Node>
  readonly items: Node[]
  /** Whether `[[…]]` makes the items, so that later headers mean the last of them. */
  tables: boolean
}

const nodeAt = (at: number): Node => ({ at, keys: new Map(), items: [], tables: false })

const BLANK = /[ \t]*/y
const VOID = /(?:[ \t\r\n]+|#[^\n]*)*/y
const BARE_KEY = /[A-Za-z0-9_-]+/y
const SCALAR = /[^\s,\]}#]+(?: \d[^\s,\]}#]*)?/y

/** What a quoted key with escapes means; the parser knows them all. */
const decodeKey = (raw: string): string => {
  try {
    return String(parse(`key = ${raw}`).key)
  } catch {
    return raw
  }
}

/**
 * Finds keys in a text that is valid TOML. The parser gives values without positions; this scanner
 * gives positions without values, and forgives everything the parser has checked already.
 */
class Scanner {
  readonly #text: string
  #at: number

  constructor(text: string) {
    this.#text = text
    this.#at = text.startsWith('\uFEFF') ? 1 : 0
  }

  scan(): Node {
    const root = nodeAt(0)
    let table = root
    for (this.#skip(VOID); this.#at < this.#text.length; this.#skip(VOID)) {
      const before = this.#at
      if (this.#text[this.#at] === '[') table = this.#header(root)
      else this.#pair(table)
      // Valid TOML always advances; anything else must not loop for ever.
      if (this.#at === before) break
    }
    return root
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  #header(root: Node): Node {
    const isArray = this.#text[this.#at + 1] === '['
    this.#at += isArray ? 2 : 1
    let node = this.#key(root)
    if (isArray) {
      node.tables = true
      node.items.push(nodeAt(node.at))
      node = node.items.at(-1) ?? node
    } else if (node.tables) node = node.items.at(-1) ?? node
    this.#skip(BLANK)
    this.#at += isArray ? 2 : 1
    return node
  }

  #pair(table: Node): void {
    const node = this.#key(table)
    this.#skip(BLANK)
    this.#at++
    this.#skip(BLANK)
    this.#value(node)
  }

  /** Reads `a."b".c` and walks there from `node`, making what is not there yet. */
  #key(from: Node): Node {
    let node = from
    for (;;) {
      this.#skip(BLANK)
      const at = this.#at
      const part = this.#keyPart()
      const parent = node.tables ? (node.items.at(-1) ?? node) : node
      node = parent.keys.get(part) ?? nodeAt(at)
      parent.keys.set(part, node)
      this.#skip(BLANK)
      if (this.#text[this.#at] !== '.') return node
      this.#at++
    }
  }

  #keyPart(): string {
    const quote = this.#text[this.#at]
    if (quote !== '"' && quote !== "'") return this.#skip(BARE_KEY)
    const start = this.#at
    this.#string(quote)
    const raw = this.#text.slice(start, this.#at)
    return raw.includes('\\') ? decodeKey(raw) : raw.slice(1, -1)
  }

  #value(node: Node): void {
    const first = this.#text[this.#at]
    if (first === '"' || first === "'") this.#string(first)
    else if (first === '[') this.#list(node)
    else if (first === '{') this.#inlineTable(node)
    else this.#skip(SCALAR)
  }

  #list(node: Node): void {
    this.#at++
    this.#each(']', () => {
      const item = nodeAt(this.#at)
      node.items.push(item)
      this.#value(item)
    })
  }

  #inlineTable(node: Node): void {
    this.#at++
    this.#each('}', () => this.#pair(node))
  }

  #each(end: string, one: () => void): void {
    for (this.#skip(VOID); this.#at < this.#text.length; this.#skip(VOID)) {
      const next = this.#text[this.#at]
      if (next === end || next === ',') this.#at++
      if (next === end) return
      if (next === ',') continue
      const before = this.#at
      one()
      if (this.#at === before) this.#at++
    }
  }

  #string(quote: string): void {
    const long = quote.repeat(3)
    const isLong = this.#text.startsWith(long, this.#at)
    const end = isLong ? long : quote
    this.#at += end.length
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === '\\' ? 2 : 1
    }
    this.#at += end.length
    // A long string may end with up to two quotes of its own.
    for (let own = 0; isLong && own < 2 && this.#text[this.#at] === quote; own++) this.#at++
  }
}

/** The tree of all keys and list items of `text`, which must be valid TOML, with their offsets. */
export const scanToml = (text: string): Node => new Scanner(text).scan()
