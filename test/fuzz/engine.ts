/**
 * Feeds decoders what an attacker may: anything, and what is almost right. What they must do with it
 * is the same for all: decode it to what encodes to it again, or throw a MeshError, soon and cheaply.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { isMeshError } from '../../src/errors/index.ts'

const SOAK = process.env.MESH_TEST_TIER === 'soak'
/** Inputs for one decoder and one way of making them. */
export const RUNS = Number(process.env.MESH_FUZZ_RUNS ?? (SOAK ? 20_000 : 200))
/** Processor time of one input; generous, because all threads of a busy machine count. */
const MAX_CPU_MS = 2_000
/** Memory that one input may make a decoder take. */
const MAX_MEMORY_BYTES = 96 * 2 ** 20

export const corpusDirectory = join(import.meta.dirname, 'corpus')

/** One decoder of what comes from outside. */
export interface Decoder {
  /** Module below `src`, `#`, function. */
  readonly name: string
  /** Whether it takes text; else bytes. */
  readonly text?: boolean
  /** Good inputs, which are decoded as they are and then bent. */
  readonly seeds: readonly (string | Uint8Array)[]
  /** Takes the input; throws a plain `Error` with {@link broken} if what it makes of it is wrong. */
  readonly run: (input: Input) => unknown
  /** Further errors that are part of its contract. */
  readonly throws?: (error: unknown) => boolean
  /** How much more costly than most it is; it is given so many times fewer inputs. @default 1 */
  readonly cost?: number
  /** What its callers never exceed, if it relies on that. @default no limit */
  readonly maxBytes?: number
  /** Whether its seeds are no more than near to what it takes. */
  readonly anySeeds?: boolean
}

/** As bytes and as text; which of them counts is the decoder's matter. */
export interface Input {
  readonly bytes: Uint8Array
  readonly text: string
}

export const inputOf = (value: string | Uint8Array): Input =>
  typeof value === 'string'
    ? { text: value, bytes: Buffer.from(value) }
    : { bytes: value, text: Buffer.from(value).toString('latin1') }

/** A decoder that answers something it must not. */
export const broken = (why: string): Error => new Error(why)

/** Fails unless what was decoded encodes to the very bytes. */
export const sameBytes = (again: Uint8Array, { bytes }: Input): void => {
  if (Buffer.compare(again, bytes) !== 0) {
    throw broken(`it encodes to other bytes: ${Buffer.from(again).toString('hex').slice(0, 400)}`)
  }
}

/** Fails unless what was decoded is written as the very text. */
export const sameText = (again: string, { text }: Input): void => {
  if (again !== text)
    throw broken(`it is written otherwise: ${JSON.stringify(again.slice(0, 400))}`)
}

/** Fails unless something holds. */
export const holds = (fact: boolean, what: string): void => {
  if (!fact) throw broken(what)
}

/** Runs the decoder on one input; rejects if it does anything that it may not. */
export const tryInput = async (decoder: Decoder, input: Input): Promise<'taken' | 'refused'> => {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  let result: 'taken' | 'refused' = 'taken'
  try {
    await decoder.run(input)
  } catch (error) {
    if (!isMeshError(error) && decoder.throws?.(error) !== true) throw error
    result = 'refused'
  }
  const { user, system } = process.cpuUsage(cpu)
  if ((user + system) / 1_000 > MAX_CPU_MS) throw broken(`it took ${(user + system) / 1_000} ms`)
  const { heapUsed, external } = process.memoryUsage()
  const tookBytes = heapUsed + external - memory.heapUsed - memory.external
  if (tookBytes > MAX_MEMORY_BYTES) throw broken(`it took ${tookBytes} bytes of memory`)
  return result
}

/* What to put in: numbers at the edges of their widths, and words that mean something somewhere. */
const EDGES = ['00', '01', '7f', '80', 'ff', '0000', 'ffff', 'ff7f', '00000080', 'ffffffff']
  .concat(['ffffff7f', 'ffffffffffff1f00', 'ffffffffffffffff', '0000000000002000', '00000001'])
  .map((hex) => Buffer.from(hex, 'hex'))
const WORDS = [
  '',
  ' ',
  '\n',
  '\r\n',
  '\0',
  '\t',
  '-',
  '.',
  '..',
  '/',
  '//',
  '%2e',
  '"',
  "'",
  '\\',
  '=',
]
  .concat(['[', ']', '{', '}', ',', ':', ';', '#', '0', '00', '-1', '1e999', '9007199254740993'])
  .concat([
    'NaN',
    '__proto__',
    'constructor',
    '\ufeff',
    '\ud800',
    '\udfff',
    'é',
    '😀',
    'none',
    'never',
  ])
  .concat(['-----BEGIN ', '-----END ', 'A'.repeat(5_000), '\n'.repeat(300), '['.repeat(2_000)])

interface Bend {
  readonly kind: number
  readonly at: number
  readonly length: number
  readonly byte: number
  readonly piece: number
}

const bends: fc.Arbitrary<readonly Bend[]> = fc.array(
  fc.record({
    kind: fc.nat(8),
    at: fc.oneof(fc.nat(2 ** 16), fc.nat(64)),
    length: fc.nat(40),
    byte: fc.nat(255),
    piece: fc.nat(2 ** 16),
  }),
  { minLength: 1, maxLength: 5 },
)

/** `base` flipped, cut, extended, spliced with `other`, and with lengths that are lies. */
const bendBytes = (base: Uint8Array, other: Uint8Array, all: readonly Bend[]): Uint8Array => {
  let bytes = Buffer.from(base)
  for (const { kind, at, length, byte, piece } of all) {
    const from = at % (bytes.length + 1)
    const to = Math.min(bytes.length, from + length)
    const replace = (middle: Uint8Array, until = from): void => {
      bytes = Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(until)])
    }
    const edge = EDGES[piece % EDGES.length] ?? Buffer.alloc(0)
    if (kind === 0) replace(Buffer.of(byte), from + 1)
    else if (kind === 1) replace(Buffer.of((bytes[from] ?? 0) ^ (1 << (byte % 8))), from + 1)
    else if (kind === 2) replace(Buffer.alloc(0), to)
    else if (kind === 3) bytes = bytes.subarray(0, from)
    else if (kind === 4) replace(Buffer.alloc(length, byte))
    else if (kind === 5) replace(bytes.subarray(from, to))
    else if (kind === 6) replace(edge, from + edge.length)
    else if (kind === 7) replace(edge)
    else
      bytes = Buffer.concat([bytes.subarray(0, from), other.subarray(piece % (other.length + 1))])
  }
  return bytes
}

const bendText = (base: string, other: string, all: readonly Bend[]): string => {
  let text = base
  for (const { kind, at, length, byte, piece } of all) {
    const from = at % (text.length + 1)
    const to = from + length
    const put = (middle: string, until = from): void => {
      text = text.slice(0, from) + middle + text.slice(until)
    }
    const word = WORDS[piece % WORDS.length] ?? ''
    if (kind === 0) put(String.fromCharCode(byte), from + 1)
    else if (kind === 1) put(word, from + 1)
    else if (kind === 2) put('', to)
    else if (kind === 3) text = text.slice(0, from)
    else if (kind === 4) put(text.slice(from, to))
    else if (kind === 5) put(word)
    else if (kind === 6) put((text.slice(from, to) || word).repeat(1 + (byte % 40)))
    else if (kind === 7) put(swapCase(text.slice(from, to)), to)
    else text = text.slice(0, from) + other.slice(piece % (other.length + 1))
  }
  return text
}

const swapCase = (text: string): string =>
  text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase()

const anything = ({ text }: Decoder): fc.Arbitrary<Input> =>
  text === true
    ? fc
        .oneof(
          fc.string({ unit: 'binary', maxLength: 200 }),
          fc.string({ unit: 'binary-ascii', maxLength: 200 }),
          fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join('')),
        )
        .map(inputOf)
    : fc
        .oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc
            .array(fc.constantFrom(...EDGES), { maxLength: 40 })
            .map((edges) => new Uint8Array(Buffer.concat(edges))),
        )
        .map(inputOf)

const almostRight = ({ text, seeds, maxBytes }: Decoder): fc.Arbitrary<Input> => {
  const seed = fc.constantFrom(...seeds.map(inputOf))
  return fc
    .tuple(seed, seed, bends)
    .map(([base, other, all]) =>
      inputOf(
        text === true
          ? bendText(base.text, other.text, all).slice(0, maxBytes)
          : bendBytes(base.bytes, other.bytes, all).subarray(0, maxBytes),
      ),
    )
}

/** What is large, or the same over and over: where time or memory grows faster than the input. */
export const largeInputs = ({ text, seeds, maxBytes }: Decoder): Input[] => {
  const size = maxBytes ?? 2 ** 17
  const filled = (piece: string): string =>
    piece.repeat(Math.ceil(size / Math.max(1, piece.length))).slice(0, size)
  if (text === true) {
    const words = [
      'a',
      '[',
      '{',
      '"',
      '/',
      '.',
      ' ',
      '\n',
      '0',
      '=',
      ',',
      '-----BEGIN X-----\n',
      'é',
    ]
    const around = seeds.map((seed) => inputOf(seed).text)
    const middle = (seed: string): string => {
      const half = seed.length >> 1
      return seed.slice(0, half) + filled('a') + seed.slice(half)
    }
    return [
      ...words.map(filled),
      ...around.slice(0, 3).flatMap((seed) => [filled(seed), middle(seed)]),
    ].map(inputOf)
  }
  const fills = [0x00, 0x01, 0x7f, 0x80, 0xff].map((byte) => Buffer.alloc(size, byte))
  const repeated = seeds.slice(0, 3).flatMap((seed) => {
    const { bytes } = inputOf(seed)
    if (bytes.length === 0) return []
    return [Buffer.alloc(size, bytes), Buffer.concat([bytes, Buffer.alloc(size, bytes)])]
  })
  return [...fills, ...repeated].map(inputOf)
}

/** Folder of a decoder's saved inputs. */
const corpusOf = ({ name }: Decoder): string =>
  join(corpusDirectory, name.replace(/\.ts#/, '.').replaceAll('/', '.'))

interface Saved {
  readonly about?: string
  readonly text?: string
  readonly hex?: string
}

/** Inputs that were once too much for a decoder. */
export const savedInputs = (
  decoder: Decoder,
): { readonly file: string; readonly input: Input }[] => {
  const directory = corpusOf(decoder)
  if (!existsSync(directory)) return []
  return readdirSync(directory).map((file) => {
    const { text, hex }: Saved = JSON.parse(readFileSync(join(directory, file), 'utf8'))
    return { file, input: inputOf(text ?? Buffer.from(hex ?? '', 'hex')) }
  })
}

const save = (decoder: Decoder, { bytes, text }: Input, about: string): string => {
  const saved: Saved =
    decoder.text === true ? { about, text } : { about, hex: Buffer.from(bytes).toString('hex') }
  const json = `${JSON.stringify(saved, undefined, 2)}\n`
  const directory = corpusOf(decoder)
  const file = join(
    directory,
    `${createHash('sha256').update(json).digest('hex').slice(0, 12)}.json`,
  )
  if (process.env.MESH_FUZZ_SAVE === undefined) return `to keep it, write to ${file}:\n${json}`
  mkdirSync(directory, { recursive: true })
  writeFileSync(file, json)
  return `kept as ${file}`
}

/**
 * Tries many inputs; answers how many were taken, or throws with what repeats the failure.
 * `MESH_FUZZ_SEED` and `MESH_FUZZ_PATH` repeat one.
 */
export const fuzz = async (
  decoder: Decoder,
  way: 'anything' | 'almost right',
): Promise<{ taken: number; runs: number }> => {
  const { MESH_FUZZ_SEED, MESH_FUZZ_PATH } = process.env
  let taken = 0
  let runs = 0
  const property = fc.asyncProperty(
    way === 'anything' ? anything(decoder) : almostRight(decoder),
    async (input) => {
      runs++
      if ((await tryInput(decoder, input)) === 'taken') taken++
    },
  )
  const details = await fc.check(property, {
    numRuns: Math.max(20, Math.ceil(RUNS / (decoder.cost ?? 1))),
    ...(MESH_FUZZ_SEED === undefined ? {} : { seed: Number(MESH_FUZZ_SEED) }),
    ...(MESH_FUZZ_PATH === undefined ? {} : { path: MESH_FUZZ_PATH }),
  })
  if (!details.failed) return { taken, runs }
  const [input] = details.counterexample ?? []
  const cause = details.errorInstance
  const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  throw new Error(
    `${decoder.name} with ${way}: ${what}\n` +
      `again: MESH_FUZZ_ONLY=${decoder.name} MESH_FUZZ_WAY='${way}' MESH_FUZZ_SEED=${details.seed} ` +
      `MESH_FUZZ_PATH=${details.counterexamplePath} node test/fuzz/decoders.test.ts\n` +
      (input === undefined ? '' : save(decoder, input, String(cause).split('\n', 1)[0] ?? '')),
  )
}
