/**
 * Checks and copies a value of JSON; `path` is where it stands, for the message.
 *
 * @throws ShapeError
 */
export type Shape<T> = (value: unknown, path: string) => T

/** A value that is not what the API says. */
export class ShapeError extends Error {}

const expected = (what: string, path: string): ShapeError =>
  new ShapeError(`${path === '' ? 'the body' : path} is not ${what}`)

export const text: Shape<string> = (value, path) => {
  if (typeof value !== 'string') throw expected('a string', path)
  return value
}

export const number: Shape<number> = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw expected('a number', path)
  return value
}

export const boolean: Shape<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw expected('true or false', path)
  return value
}

export const oneOf =
  <const T extends readonly string[]>(...words: T): Shape<T[number]> =>
  (value, path) => {
    const word = words.find((each) => each === value)
    if (word === undefined) throw expected(`one of ${words.join(', ')}`, path)
    return word
  }

export const nullable =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value, path) =>
    value === null ? null : shape(value, path)

export const list =
  <T>(shape: Shape<T>): Shape<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) throw expected('a list', path)
    return value.map((item, index) => shape(item, `${path}[${index}]`))
  }

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An object with exactly these members; what a newer daemon adds is left out. */
export const object =
  <T extends object>(members: { readonly [K in keyof T]-?: Shape<T[K]> }): Shape<T> =>
  (value, path) => {
    if (!isRecord(value)) throw expected('an object', path)
    const result: Partial<T> = {}
    for (const key in members) {
      const member = Object.hasOwn(value, key) ? value[key] : undefined
      result[key] = members[key](member, path === '' ? key : `${path}.${key}`)
    }
    return result as T
  }

/** Whether a value has a member, to tell apart bodies that one route may answer. */
export const hasMember = (value: unknown, name: string): boolean =>
  isRecord(value) && Object.hasOwn(value, name)
