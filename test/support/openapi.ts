/** Holds answers against the OpenAPI document: what it does not say is not answered. */

type Json = Readonly<Record<string, unknown>>

export interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

interface Operation {
  readonly summary: string
  readonly description: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly description?: string
  }[]
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string
        readonly content?: Readonly<Record<string, { schema: Json }>>
      }
    >
  >
}

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const typeOk = (type: unknown, value: unknown): boolean => {
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isJson(value)
  return type === undefined || typeof value === type
}

/** What is wrong with a value; an object may have no member that its schema does not know. */
export const faultsOf = (
  schema: Json,
  value: unknown,
  document: OpenapiDocument,
  at = '',
): string[] => {
  const { $ref } = schema
  if (typeof $ref === 'string') {
    const found = document.components.schemas[$ref.split('/').at(-1) ?? '']
    return found === undefined ? [`${at}: no schema ${$ref}`] : faultsOf(found, value, document, at)
  }
  if (value === null && schema.nullable === true) return []
  for (const key of ['oneOf', 'anyOf'] as const) {
    const choices = listOf(schema[key]).filter(isJson)
    if (choices.length === 0) continue
    const faults = choices.map((each) => faultsOf(each, value, document, at))
    const fitting = faults.filter((each) => each.length === 0).length
    if (fitting === 0) return [`${at}: fits none of ${choices.length}`, ...faults.flat()]
    if (key === 'oneOf' && fitting > 1) return [`${at}: fits ${fitting} of ${choices.length}`]
  }
  const all = listOf(schema.allOf).filter(isJson)
  // Members are known if any of them knows them.
  const known = [schema, ...all].flatMap((each) => {
    const target = typeof each.$ref === 'string' ? document.components.schemas.Problem : each
    return isJson(target?.properties) ? Object.keys(target.properties) : []
  })
  const open = [schema, ...all].some((each) => {
    const target = typeof each.$ref === 'string' ? document.components.schemas.Problem : each
    return target?.additionalProperties === true
  })
  const faults = all.flatMap((each) =>
    faultsOf({ ...each, additionalProperties: true }, value, document, at),
  )
  if (!typeOk(schema.type, value)) return [`${at}: ${JSON.stringify(value)} is no ${schema.type}`]
  const words = listOf(schema.enum)
  if (words.length > 0 && !words.includes(value)) faults.push(`${at}: ${value} is none of ${words}`)
  if (Array.isArray(value) && isJson(schema.items)) {
    const { items } = schema
    for (const [index, each] of value.entries()) {
      faults.push(...faultsOf(items, each, document, `${at}[${index}]`))
    }
  }
  if (!isJson(value)) return faults
  for (const name of listOf(schema.required)) {
    if (typeof name === 'string' && !Object.hasOwn(value, name))
      faults.push(`${at}.${name} is missing`)
  }
  const properties = isJson(schema.properties) ? schema.properties : {}
  for (const [name, member] of Object.entries(value)) {
    const inner = properties[name]
    if (isJson(inner)) faults.push(...faultsOf(inner, member, document, `${at}.${name}`))
    else if (
      schema.type === 'object' &&
      !open &&
      schema.additionalProperties !== true &&
      !known.includes(name)
    ) {
      faults.push(`${at}.${name} is not in the schema`)
    }
  }
  return faults
}

/** Path of the document that a request's path is one of. */
const templateOf = (document: OpenapiDocument, path: string): string | undefined => {
  const plain = path.split('?')[0] ?? ''
  if (Object.hasOwn(document.paths, plain)) return plain
  return Object.keys(document.paths).find(
    (each) => each.endsWith('/{name}') && plain.startsWith(each.slice(0, -'{name}'.length)),
  )
}

export interface Seen {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
}

/** What an answer has that the document does not say. */
export const undocumented = (
  document: OpenapiDocument,
  method: string,
  path: string,
  { status, type, body }: Seen,
): string[] => {
  const template = templateOf(document, path)
  const operation =
    document.paths[template ?? '']?.[method === 'HEAD' ? 'get' : method.toLowerCase()]
  // What is not part of the API, and a method that is not, are answered by the same problems.
  if (operation === undefined)
    return status >= 400 || path === '/' || path.startsWith('/page/') ? [] : ['no operation']
  const response = operation.responses[status]
  if (response === undefined)
    return [`${status} is not among ${Object.keys(operation.responses)}: ${body.slice(0, 300)}`]
  if (response.content === undefined || method === 'HEAD' || status === 304) return []
  const media = type?.split(';')[0] ?? ''
  const content = Object.entries(response.content).find(
    ([each]) => each === '*/*' || each.split(';')[0] === media,
  )
  if (content === undefined) return [`${media} is not among ${Object.keys(response.content)}`]
  if (!media.endsWith('json') || content[0] === '*/*' || path === '/openapi.json') return []
  return faultsOf(content[1].schema, JSON.parse(body), document)
}
