import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { serve, status, answer } from '../client/fixtures.ts'
import { mesh } from './harness.ts'
import { spawn } from 'node:child_process'

const root = join(import.meta.dirname, '../..')
const start = join(root, 'src/cli/start.js')

const node = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, args, {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
    timeout: 120_000,
  })

t.test('says in one sentence that Node is too old', async (t) => {
  for (const version of ['18.20.4', '20.19.0', '22.17.1']) {
    const old = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`
    const { status, stdout, stderr } = node([
      '--import',
      `data:text/javascript,${old}`,
      start,
      '--help',
    ])
    t.equal(status, 1)
    t.equal(stdout, '')
    t.match(stderr, /^mesh: needs Node 22\.18 or newer, and this is v\S+; .*\n$/)
  }
})

t.test('keeps compiled code in a directory that only this user can write', async (t) => {
  const directory = t.testdir({})
  const compiled = join(directory, '.cache/mesh/compiled')
  t.equal(node([start, '--version'], { HOME: directory }).status, 0)
  t.ok(existsSync(compiled))
  const service = join(directory, 'service')
  node([start, '--version'], { HOME: directory, CACHE_DIRECTORY: `${service}:/elsewhere` })
  t.ok(existsSync(join(service, 'compiled')))
})

t.test('keeps compiled code nowhere that others could prepare', async (t) => {
  const directory = t.testdir({})
  const open = join(directory, 'open')
  mkdirSync(join(open, 'mesh'), { recursive: true })
  chmodSync(join(open, 'mesh'), 0o777)
  for (const env of [{ XDG_CACHE_HOME: open }, { HOME: '' }, { XDG_CACHE_HOME: 'relative' }, {}]) {
    t.match(node([start, '--version'], env), { status: 0, stderr: '' })
  }
  t.notOk(existsSync(join(open, 'mesh/compiled')))
  const missing = join(directory, 'missing')
  t.match(node([start, '--version'], { HOME: missing }), { status: 0, stderr: '' })
  t.notOk(existsSync(missing), 'a home that does not exist is not made')
})

t.test('bin/mesh finds its tree through links, and takes the Node it is told', async (t) => {
  const directory = t.testdir({})
  symlinkSync(join(root, 'bin/mesh'), join(directory, 'real'))
  mkdirSync(join(directory, 'deep'))
  symlinkSync('../real', join(directory, 'deep/mesh'))
  const fake = join(directory, 'fake-node')
  writeFileSync(fake, '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 })
  const run = (program: string, env: Readonly<Record<string, string>>) =>
    spawnSync(program, ['a b', 'c'], {
      env: { PATH: `${join(directory, 'deep')}:${process.env.PATH}`, ...env },
      cwd: '/',
      encoding: 'utf8',
      timeout: 120_000,
    })
  for (const program of [join(directory, 'deep/mesh'), 'mesh']) {
    const { stdout } = run(program, { MESH_NODE: fake })
    const [flag, entry = '', ...rest] = stdout.trim().split('\n')
    t.equal(flag, '--max-semi-space-size=2')
    t.equal(readFileSync(entry, 'utf8'), readFileSync(start, 'utf8'))
    t.same(rest, ['a b', 'c'])
  }
  t.match(run('mesh', { MESH_NODE: '/nonexistent/node' }), {
    status: 1,
    stderr: /needs Node 22\.18 or newer, and there is no \/nonexistent\/node/,
  })
})

t.test('prints version and help on standard output, and mistakes on the other', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.same(await mesh(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  t.match(await mesh(['--help']), { code: 0, stdout: /Commands:\n {2}server/, stderr: '' })
  t.match(await mesh([]), { code: 2, stdout: '', stderr: /Commands:/ })
  t.match(await mesh(['file']), { code: 2, stdout: '', stderr: /Commands:/ })
  const help = await mesh(['help', 'file', 'update'])
  t.match(help, { code: 0, stdout: /^Usage: mesh file update \[options\] <path>/ })
  t.same(help, await mesh(['file', 'update', '--help']))
  t.match(await mesh(['satus']), {
    code: 2,
    stderr: "mesh: unknown command 'satus' (Did you mean status?); see mesh --help\n",
  })
  t.match(await mesh(['file', 'update']), {
    code: 2,
    stderr: /missing required argument 'path'; see mesh file update --help/,
  })
  t.match(await mesh(['status', '--nonsense']), { code: 2, stderr: /unknown option '--nonsense'/ })
  t.match(await mesh(['file', 'update', 'x', '--version', '0']), {
    code: 2,
    stderr: /whole number from 1 on/,
  })
})

t.test('a help text fits 80 columns', async (t) => {
  for (const words of [['--help'], ['file', '--help'], ['file', 'update', '--help']]) {
    const { stdout } = await mesh(words)
    for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  }
})

/** Every module that a command line loads. */
const loaded = (args: readonly string[], log: string): Promise<string[]> => {
  const hook = `import{registerHooks}from'node:module';import{appendFileSync}from'node:fs';registerHooks({load(url,context,next){appendFileSync(${JSON.stringify(log)},url+'\\n');return next(url,context)}})`
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${hook}`, start, ...args],
    {
      env: { PATH: process.env.PATH },
      timeout: 120_000,
      stdio: 'ignore',
    },
  )
  return new Promise((resolve) =>
    child.once('exit', () => resolve(readFileSync(log, 'utf8').trim().split('\n'))),
  )
}

t.test('--help and status load nothing heavy', async (t) => {
  const directory = t.testdir({})
  const url = await serve(t, (_, response) => answer(response, 200, status))
  const help = await loaded(['--help'], join(directory, 'help'))
  const shown = await loaded(['status', '--url', url], join(directory, 'status'))
  for (const modules of [help, shown]) {
    const packages = modules.flatMap(
      (module) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(module)?.[1] ?? [],
    )
    t.same([...new Set(packages)], ['commander'])
  }
  const folders = (modules: readonly string[]): string[] =>
    [...new Set(modules.flatMap((module) => /\/src\/([a-z]+)\//.exec(module)?.[1] ?? []))].sort()
  t.same(folders(help), ['cli', 'errors', 'util'])
  t.same(folders(shown), ['api', 'cli', 'client', 'errors', 'util'])
})

t.test('a reader that goes away is the end, and no error', async (t) => {
  const files = Array.from({ length: 20_000 }, (_, index) => ({
    ...{ name: `file-${index}`, state: 'none', current: null, conflict: false, shownAt: null },
  }))
  const url = await serve(t, (_, response) => answer(response, 200, { networkId: 'local', files }))
  const child = spawn(process.execPath, [start, 'file', 'list', '--url', url], {
    env: { PATH: process.env.PATH },
    timeout: 120_000,
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += chunk))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.once('close', resolve))
  t.same({ code, stderr }, { code: 0, stderr: '' })
})
