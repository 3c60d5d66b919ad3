import { createHash } from 'node:crypto'

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const entriesOf = (value: unknown): [string, unknown][] =>
  isJson(value) ? Object.entries(value) : []

const memberOf = (value: unknown, key: string): unknown => (isJson(value) ? value[key] : undefined)

const textOf = (value: unknown, key: string): string => {
  const member = memberOf(value, key)
  return typeof member === 'string' ? member : ''
}

const toHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const code = (text: string): string => `<code>${toHtml(text)}</code>`

/** A schema in a few words, as `{ name: string, files: [FileBody…] }`. */
export const showSchema = (schema: unknown, depth = 0): string => {
  const nullable = memberOf(schema, 'nullable') === true ? ' | null' : ''
  const choices = memberOf(schema, 'oneOf') ?? memberOf(schema, 'anyOf')
  if (Array.isArray(choices)) return choices.map((each) => showSchema(each, depth)).join(' | ')
  const words = memberOf(schema, 'enum')
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(' | ') + nullable
  const type = textOf(schema, 'type')
  if (type === 'array') return `[${showSchema(memberOf(schema, 'items'), depth)}, …]${nullable}`
  if (type !== 'object') return (type === '' ? 'any' : type) + nullable
  const indent = '  '.repeat(depth + 1)
  const members = entriesOf(memberOf(schema, 'properties')).map(
    ([name, each]) => `${indent}${name}: ${showSchema(each, depth + 1)}`,
  )
  return `{\n${members.join(',\n')}\n${'  '.repeat(depth)}}${nullable}`
}

const STYLE = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; font-size: 1.1rem } h2 b { display: inline-block; min-width: 4.5rem }
table { border-collapse: collapse } td { vertical-align: top; padding: .1rem 1rem .1rem 0 }
pre { overflow: auto; padding: .5rem; border: 1px solid #8884 } summary { cursor: pointer }
`

const table = (rows: readonly (readonly string[])[]): string =>
  rows.length === 0
    ? ''
    : `<table>${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`

const answerRow = ([status, answer]: [string, unknown]): string[] => {
  const contents = entriesOf(memberOf(answer, 'content')).map(([type, content]) => {
    const schema = memberOf(content, 'schema')
    if (type !== 'application/json') return code(type)
    const shape = `<pre>${toHtml(showSchema(schema))}</pre>`
    return `<details><summary>${code(type)}</summary>${shape}</details>`
  })
  return [code(status), contents.join(' '), toHtml(textOf(answer, 'description'))]
}

const operationSection = (path: string, method: string, operation: unknown): string => {
  const given = memberOf(operation, 'parameters')
  const parameters = (Array.isArray(given) ? given : []).map((each: unknown) => [
    code(textOf(each, 'name')),
    toHtml(textOf(each, 'in')),
    toHtml(textOf(each, 'description')),
  ])
  const answers = entriesOf(memberOf(operation, 'responses')).map(answerRow)
  return [
    `<h2><b>${toHtml(method.toUpperCase())}</b> ${code(path)}</h2>`,
    `<p>${toHtml(textOf(operation, 'summary'))}. ${toHtml(textOf(operation, 'description'))}</p>`,
    table(parameters),
    table(answers),
  ].join('\n')
}

/** The OpenAPI document as a page: no script, nothing from elsewhere. */
export const renderDocsPage = (document: Json): { html: string; policy: string } => {
  const sections = entriesOf(document.paths).flatMap(([path, methods]) =>
    entriesOf(methods).map(([method, operation]) => operationSection(path, method, operation)),
  )
  const html = [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><title>mesh: HTTP API</title>',
    '<meta name="viewport" content="width=device-width">',
    `<style>${STYLE}</style></head><body>`,
    `<h1>mesh: HTTP API</h1><p>${toHtml(textOf(document.info, 'description'))}</p>`,
    '<p>For programs: <a href="/openapi.json">openapi.json</a></p>',
    ...sections,
    '</body></html>',
    '',
  ].join('\n')
  const hash = createHash('sha256').update(STYLE).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`
  return { html, policy }
}
