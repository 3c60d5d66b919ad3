/** Completion scripts, run by the shells themselves. */
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { completionScript, SHELLS } from '../../src/cli/completion.ts'
import { flattenCommands } from '../../src/cli/described.ts'
import { describeProgram } from '../../src/cli/whole.ts'
import type { Test } from 'tap'
import type { Shell } from '../../src/cli/completion.ts'

const program = await describeProgram()

const isInstalled = (shell: Shell): boolean =>
  spawnSync(shell, ['-c', 'true'], { stdio: 'ignore' }).status === 0

const missing = (shell: Shell) => (isInstalled(shell) ? {} : { skip: `${shell} is not installed` })

/** A directory with the script, a file to be completed, and a `mesh` that knows two names. */
const prepare = (t: Test, shell: Shell): { directory: string; script: string } => {
  const directory = t.testdir({
    'a-file': '',
    bin: {
      mesh: '#!/bin/sh\n[ "$1 $2" = "completion names" ] && printf "motd\\ncerts/site.pem\\n"\n',
    },
  })
  execFileSync('chmod', ['755', join(directory, 'bin/mesh')])
  const script = join(directory, `mesh.${shell}`)
  writeFileSync(script, completionScript(shell, program))
  return { directory, script }
}

const environment = (directory: string) => ({
  ...process.env,
  PATH: `${directory}/bin:${process.env.PATH}`,
  HOME: directory,
  LC_ALL: 'C.UTF-8',
})

const inBash = ({ directory, script }: ReturnType<typeof prepare>, line: string): string[] => {
  const words = line.split(' ')
  const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    compopt() { [ "$2" != default ] || mapfile -t COMPREPLY < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"); }
    COMPREPLY=(); files() { :; }; _mesh 2>&1; printf '%s\\n' "\${COMPREPLY[@]}"`
  const printed = execFileSync('bash', ['--norc', '-c', program, 'bash', script, ...words], {
    cwd: directory,
    env: environment(directory),
    encoding: 'utf8',
  })
  return printed.split('\n').filter((each) => each !== '')
}

const inFish = ({ directory, script }: ReturnType<typeof prepare>, line: string): string[] => {
  const program = `source ${script}; complete -C '${line}'`
  const printed = execFileSync('fish', ['--no-config', '-c', program], {
    cwd: directory,
    env: environment(directory),
    encoding: 'utf8',
  })
  return printed.split('\n').flatMap((each) => (each === '' ? [] : [each.split('\t')[0] ?? '']))
}

t.test('bash completes commands, options, choices, names and files', missing('bash'), async (t) => {
  const made = prepare(t, 'bash')
  const completes = (line: string, ...expected: readonly string[]) =>
    t.same(inBash(made, line).sort(), [...expected].sort(), line)
  completes('mesh sta', 'status')
  completes('mesh file up', 'update')
  completes('mesh file update --ex', '--expires')
  completes('mesh completion ', 'bash', 'zsh', 'fish', 'names')
  completes('mesh file status ', 'motd', 'certs/site.pem')
  completes('mesh file status --json c', 'certs/site.pem')
  completes('mesh generate psk --output ./a-', './a-file')
  completes('mesh file update --url ')
  t.ok(inBash(made, 'mesh ').includes('file'))
})

t.test('fish completes commands, options, names and files', missing('fish'), async (t) => {
  const made = prepare(t, 'fish')
  t.same(inFish(made, 'mesh sta'), ['status'])
  t.same(inFish(made, 'mesh file up'), ['update'])
  t.ok(inFish(made, 'mesh file update --ex').includes('--expires'))
  t.same(inFish(made, 'mesh file status mo'), ['motd'])
  t.same(inFish(made, 'mesh file update --key a-f'), ['a-file'])
})

t.test('zsh reads the script and knows every command', missing('zsh'), async (t) => {
  const { directory, script } = prepare(t, 'zsh')
  const zsh = (program: string) =>
    execFileSync('zsh', ['-f', '-c', program], {
      cwd: directory,
      env: environment(directory),
      encoding: 'utf8',
    })
  zsh(`zsh -n ${script}`)
  // The function with the words that zsh would give it, and what it would be handed in place of
  // zsh's own menus.
  const at = (words: string, prefix = '') =>
    zsh(`compdef() { }; source ${script}
      _describe() { shift; local n; for n in $items; do print -r -- "\${n%%:*}"; done }
      _files() { print files }; _message() { }; compadd() { shift; print -rl -- "$@" }
      words=(${words}); CURRENT=\${#words}; PREFIX='${prefix}'; _mesh`)
      .split('\n')
      .filter((each) => each !== '')
  t.ok(at("mesh ''").includes('status'))
  t.ok(at("mesh file ''").includes('update'))
  t.ok(at('mesh file update --', '--').includes('--expires'))
  t.same(at("mesh file status ''"), ['motd', 'certs/site.pem'])
  t.same(at("mesh file update --key ''"), ['files'])
})

t.test('every command and option is in every script', async (t) => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, program)
    for (const { path, options } of flattenCommands(program)) {
      t.ok(script.includes(path.join(' ')), `${shell}: ${path.join(' ')}`)
      for (const { names } of options) {
        const long = names.at(-1) ?? ''
        t.ok(script.includes(shell === 'fish' ? `-l ${long.slice(2)}` : long), `${shell}: ${long}`)
      }
    }
  }
})
