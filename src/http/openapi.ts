import { PROBLEM_MEDIA_TYPE } from '../api/index.ts'
import { errorTable } from '../errors/index.ts'
import { COMMON_PROBLEMS } from './operation.ts'
import { problemStatus } from './problem.ts'
import type { RouteOptions } from 'fastify'
import type { ErrorCode } from '../errors/index.ts'
import type { Operation } from './operation.ts'

type Json = Readonly<Record<string, unknown>>

/** A route as far as it is described. */
type Described = Pick<RouteOptions, 'method' | 'url' | 'schema'>

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const membersOf = (value: unknown, key: string): [string, unknown][] => {
  const member = isJson(value) ? value[key] : undefined
  return isJson(member) ? Object.entries(member) : []
}

/** One or several of a word: what a query says by repeating a parameter. */
const listOrOne = (schema: unknown): unknown => {
  const choices = isJson(schema) ? schema.anyOf : undefined
  const list = Array.isArray(choices)
    ? choices.find((each) => isJson(each) && each.type === 'array')
    : undefined
  return list ?? schema
}

const parametersOf = ({ url, schema }: Described, operation: Operation): Json[] => {
  const describe = (name: string): Json => {
    const description = operation.about?.[name]
    return description === undefined ? {} : { description }
  }
  const path = url.endsWith('*')
    ? [
        {
          ...{ name: 'name', in: 'path', required: true, schema: { type: 'string' } },
          description: 'Name of the file; each part is percent-encoded, and "/" stays.',
        },
      ]
    : []
  const query = membersOf(schema?.querystring, 'properties').map(([name, each]) => ({
    ...{ name, in: 'query', schema: listOrOne(each) },
    ...describe(name),
  }))
  const fields = (operation.fields ?? []).map((name) => ({
    ...{ name, in: 'header', schema: { type: 'string' } },
    ...describe(name),
  }))
  return [...path, ...query, ...fields]
}

const goodAnswers = ({ schema }: Described, operation: Operation): [string, Json][] => {
  const answers = new Map<string, Json>()
  for (const [status, body] of membersOf(schema, 'response')) {
    answers.set(status, { 'application/json': { schema: body } })
  }
  for (const [status, type] of Object.entries(operation.gives ?? {})) {
    const more = type === null ? {} : { [type]: { schema: { type: 'string', format: 'binary' } } }
    answers.set(status, { ...answers.get(status), ...more })
  }
  return [...answers].map(([status, content]) => [
    status,
    { description: 'done', ...(Object.keys(content).length > 0 && { content }) },
  ])
}

const problemAnswers = (codes: readonly ErrorCode[]): [string, Json][] => {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of new Set(codes)) {
    const status = problemStatus[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return [...byStatus].map(([status, each]) => [
    `${status}`,
    {
      description: each.map((code) => `${code}: ${errorTable[code]}`).join(' '),
      content: {
        [PROBLEM_MEDIA_TYPE]: {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Problem' },
              { type: 'object', properties: { code: { type: 'string', enum: each } } },
            ],
          },
        },
      },
    },
  ])
}

/** Answers of one status by several bodies, as 503 of /healthz, are one. */
const merge = (answers: readonly [string, Json][]): Json => {
  const merged: Record<string, Json> = {}
  for (const [status, answer] of answers) {
    const before = merged[status]
    merged[status] =
      before === undefined
        ? answer
        : {
            description: `${before.description}; or: ${answer.description}`,
            content: Object.fromEntries([
              ...membersOf(before, 'content'),
              ...membersOf(answer, 'content'),
            ]),
          }
  }
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => Number(a) - Number(b)))
}

const operationOf = (route: Described, operation: Operation): Json => {
  const { summary, overTcp, problems = [], takes } = operation
  const body =
    takes === undefined ? undefined : { [takes]: { schema: { type: 'string', format: 'binary' } } }
  return {
    summary,
    description: `Over TCP without a token: ${overTcp}.`,
    parameters: parametersOf(route, operation),
    ...(body === undefined ? {} : { requestBody: { content: body } }),
    responses: merge([
      ...goodAnswers(route, operation),
      ...problemAnswers([...COMMON_PROBLEMS, ...problems]),
    ]),
  }
}

const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
  },
  additionalProperties: true,
}

/** Path as OpenAPI writes it. */
export const pathOf = (url: string): string => url.replace(/\*$/, '{name}')

/** The OpenAPI document of these routes; those that say nothing of themselves are left out. */
export const createOpenapi = (
  routes: readonly Described[],
  { version }: { readonly version: string },
): Json => {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const operation = route.schema?.operation
    if (operation === undefined) continue
    const path = pathOf(route.url)
    const methods = [route.method].flat().filter((method) => method !== 'HEAD')
    for (const method of methods) {
      paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(route, operation) }
    }
  }
  return {
    openapi: '3.0.3',
    info: {
      title: 'mesh',
      version,
      description:
        'The HTTP API of a mesh daemon, on TCP and on a unix socket, which shows more. Every GET answers HEAD, too. Times are YYYY-MM-DDTHH:MM:SS.mmmZ, sizes bytes, durations milliseconds, digests lower-case hex.',
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}
