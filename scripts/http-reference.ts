/** The reference of docs/http-api.md, from what the routes say of themselves in /openapi.json. */
import { COMMON_PROBLEMS } from '../src/http/operation.ts'
import type { OpenapiDocument } from '../test/support/openapi.ts'

export const BEGIN = '<!-- reference: made by `node scripts/docs.ts` -->'
export const END = '<!-- end of the reference -->'

const common: readonly string[] = COMMON_PROBLEMS

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** `code` and its sentence are parted by a colon; here the codes alone are enough. */
const codesOf = (description: string): string[] => description.match(/\bERR_[A-Z_]+\b/g) ?? []

const answerLine = (
  status: string,
  { description, content = {} }: { description: string; content?: object },
): string[] => {
  const codes = codesOf(description).filter((code) => !common.includes(code))
  const types = Object.keys(content).filter((type) => !type.includes('problem'))
  const what = [...types, ...codes].map((each) => `\`${each}\``)
  const isCommon = what.length === 0 && description.includes('ERR_')
  return isCommon ? [] : [`| ${status} | ${what.length === 0 ? 'nothing' : what.join(', ')} |`]
}

/** Markdown between the marks. */
export const httpReference = ({ paths }: OpenapiDocument): string => {
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary, description, parameters, responses }]) =>
      [
        `### \`${method.toUpperCase()} ${path}\``,
        '',
        `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}. ${description}`,
        '',
        ...(parameters.length === 0
          ? []
          : [
              '| parameter | in | |',
              '|---|---|---|',
              ...parameters.map(
                (each) => `| \`${each.name}\` | ${each.in} | ${cell(each.description ?? '')} |`,
              ),
              '',
            ]),
        '| status | answer |',
        '|---|---|',
        ...Object.entries(responses).flatMap(([status, response]) => answerLine(status, response)),
      ].join('\n'),
    ),
  )
  return [BEGIN, '', ...sections.flatMap((section) => [section, '']), END].join('\n')
}

/** `page` with the reference of now. */
export const withReference = (page: string, document: OpenapiDocument): string => {
  const start = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (start < 0 || end < start)
    throw new Error('docs/http-api.md has lost the marks of its reference')
  return `${page.slice(0, start)}${httpReference(document)}${page.slice(end + END.length)}`
}
