/** First byte and the one after the last. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * What a `Range` field asks for (RFC 9110, section 14): one range, `whole` for anything that a
 * server may ignore (another unit, several ranges, bad form), or `unsatisfiable`.
 */
export const parseRange = (
  field: string | undefined,
  sizeBytes: number,
): ByteRange | 'whole' | 'unsatisfiable' => {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(field ?? '')
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return 'whole'
  if (first === '') {
    const count = Math.min(Number(last), sizeBytes)
    return count === 0 ? 'unsatisfiable' : { start: sizeBytes - count, end: sizeBytes }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'whole'
  if (start >= sizeBytes) return 'unsatisfiable'
  return { start, end: last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) }
}

/**
 * Whether an `If-Match` field names one of these strong entity tags, or any where there is one.
 */
export const matchesStrongly = (field: string, tags: readonly string[]): boolean =>
  field.trim() === '*'
    ? tags.length > 0
    : field.split(',').some((each) => tags.includes(each.trim()))

/** Whether an `If-None-Match` field names this strong entity tag, or any. */
export const matchesTag = (field: string | undefined, tag: string): boolean =>
  field !== undefined &&
  (field.trim() === '*' || field.split(',').some((each) => each.trim().replace(/^W\//, '') === tag))
