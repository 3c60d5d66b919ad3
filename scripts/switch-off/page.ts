import { chapters, checks } from './checks.ts'
import { stoodFor, withoutRow } from './limits.ts'
import type { Check } from './table.ts'

const code = (text: string): string => `\`${text}\``
const cell = (text: string): string => text.replaceAll('|', '\\|')

const line = ({ name, edits, test, title }: Check): string => {
  const files = [...new Set(edits.map(({ file }) => file))].map((file) => `\`${file}\``)
  return `| ${cell(name)} | ${files.join(', ')} | \`${test}\`: ${cell(title)} |`
}

/** The table of checks as a page: docs/checks.md. */
export const checksPage = (): string => `# Checks

${checks.length} checks of mesh that somebody hostile, or a power cut, would like to be without, and the test that fails
when one is switched off. \`./dev switch-off\` switches off one after the other in a copy of the
checkout and runs its test; with words, only those whose names hold one of them. \`./dev soak\` does all of it.

Of the limits of transport, sync, HTTP and files each is in the table, stands in another line than the check
that the table takes away, or is named [at the end](#limits-without-a-row) with the reason why it is not; a test
(\`test/scripts/switch-off.test.ts\`) holds that. For all other checks nothing tells whether the table has them all.

Made by \`node scripts/docs.ts\` from [\`scripts/switch-off/checks\`](../scripts/switch-off/checks), where each
stands with the edit that takes it away. What they protect from is in [security](security.md), the numbers
are in [limits](limits.md).
${chapters
  .map(
    ({ title, checks: some }) => `
## ${title}

| check | in | switched off, this fails |
|---|---|---|
${some.map(line).join('\n')}
`,
  )
  .join('')}
## Limits without a row

| limits | why |
|---|---|
${withoutRow.map(({ why, limits }) => `| ${limits.map(code).join(', ')} | ${why} |`).join('\n')}

## Limits that another row stands for

The check is switched off in another line than that of the number, which by itself no row changes.

| limit | the check that is switched off |
|---|---|
${Object.entries(stoodFor)
  .map(([limit, row]) => `| ${code(limit)} | ${cell(row)} |`)
  .join('\n')}
`
