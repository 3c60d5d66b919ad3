import { chapters, checks } from './checks.ts'
import type { Check } from './table.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

const line = ({ name, edits, test, title }: Check): string => {
  const files = [...new Set(edits.map(({ file }) => file))].map((file) => `\`${file}\``)
  return `| ${cell(name)} | ${files.join(', ')} | \`${test}\`: ${cell(title)} |`
}

/** The table of checks as a page: docs/checks.md. */
export const checksPage = (): string => `# Checks

Each check of mesh that somebody hostile, or a power cut, would like to be without, and the test that fails
when it is switched off: ${checks.length} of them. \`./dev switch-off\` switches off one after the other in a copy of the
checkout and runs its test; with words, only those whose names hold one of them. \`./dev soak\` does all of it.

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
  .join('')}`
