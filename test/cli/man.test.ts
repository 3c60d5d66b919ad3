/** Manual pages: one for each command, and nothing in them that troff takes for a request. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flattenCommands } from '../../src/cli/described.ts'
import { manPages } from '../../src/cli/man.ts'
import { describeProgram } from '../../src/cli/whole.ts'
import { mesh } from './harness.ts'

const program = await describeProgram()
const pages = manPages(program, '1.2.3')

t.test('there is a page for each command', async (t) => {
  t.same(
    pages.map(({ file }) => file),
    flattenCommands(program).map(({ path }) => `${path.join('-')}.1`),
  )
})

t.test('a page names every option, argument and exit code', async (t) => {
  const update = pages.find(({ file }) => file === 'mesh-file-update.1')?.text ?? ''
  t.match(update, /^\.TH MESH\\-FILE\\-UPDATE 1 "" "mesh 1\.2\.3"/m)
  t.match(update, /^\.TP\n\\fB\\-k\\fR, \\fB\\-\\-key\\fR \\fIpath\\fR\n/m)
  t.match(update, /^\.SH ARGUMENTS\n\.TP\n\\fIpath\\fR\n/m)
  t.match(update, /^\.SH EXIT STATUS\n\.TP\n\.B 0\n/m)
  t.match(pages[0]?.text ?? '', /^\.BR mesh\\-file \(1\)/m)
})

const whyNoGroff = spawnSync('groff', ['--version']).error !== undefined && 'groff is not installed'

t.test('troff has nothing to say about them', { skip: whyNoGroff }, async (t) => {
  const troff = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z'], {
    input: pages.map(({ text }) => text).join(''),
    encoding: 'utf8',
  })
  t.equal(troff.stderr, '')
})

t.test('a line that begins with a dot stays text', async (t) => {
  const [page] = manPages(
    { ...program, about: ".TH is\n'quoted\\ and - dashed", commands: [] },
    '1',
  )
  t.match(page?.text ?? '', /^\.SH DESCRIPTION\n\\&\.TH is\n\\&'quoted\\e and \\- dashed$/m)
})

t.test('mesh manual writes them into a directory', async (t) => {
  const directory = join(t.testdir(), 'man')
  const { code, stderr } = await mesh(['manual', '--output', directory])
  t.equal(code, 0)
  t.match(stderr, `${pages.length} pages written to ${directory}`)
  t.same(readdirSync(directory).sort(), pages.map(({ file }) => file).sort())
  t.match(readFileSync(join(directory, 'mesh.1'), 'utf8'), /^\.SH NAME\nmesh \\- /m)
  const file = join(directory, 'mesh.1')
  t.match(await mesh(['manual', '--output', file]), { code: 2, stderr: /cannot be made/ })
})
