/** JSON Schema of a value, as far as we need it. */
export type Schema = Readonly<Record<string, unknown>>

export const string: Schema = { type: 'string' }
export const integer: Schema = { type: 'integer' }
export const number: Schema = { type: 'number' }
export const boolean: Schema = { type: 'boolean' }
export const nullable = (schema: Schema): Schema => ({ ...schema, nullable: true })
export const array = (items: Schema): Schema => ({ type: 'array', items })
export const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values })

/** An object with exactly the members of `T`: one forgotten here does not compile. */
export const object = <T>(properties: { readonly [K in keyof T]-?: Schema }): Schema => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
})
