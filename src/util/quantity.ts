const DURATION_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZE_BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

const parse = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?([A-Za-z]+)$/.exec(text)
  const unit = units[match?.[2] ?? '']
  const value = unit === undefined ? undefined : Math.round(Number(match?.[1]) * unit)
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined
}

const format = (value: number, units: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(units)
  const [name, size] = entries.findLast(([, size]) => Math.abs(value) >= size) ??
    entries[0] ?? ['', 1]
  return `${Number((value / size).toFixed(1))} ${name}`
}

/** Milliseconds of `"30s"`, `"1.5h"`, `"250ms"`, `"14d"`; `undefined` for anything else. */
export const parseDuration = (text: string): number | undefined => parse(text, DURATION_MS)

/** `"30 s"` for 30,000. */
export const formatDuration = (durationMs: number): string => format(durationMs, DURATION_MS)

/** Bytes of `"64MiB"`, `"1.5 GiB"`, `"512B"`; `undefined` for anything else. */
export const parseSize = (text: string): number | undefined => parse(text, SIZE_BYTES)

/** `"64 MiB"` for 67,108,864. */
export const formatSize = (sizeBytes: number): string => format(sizeBytes, SIZE_BYTES)
