import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createConfigSource } from '../../src/daemon/config-source.ts'

t.test('a configuration that is named has to be there', async (t) => {
  const path = join(t.testdir(), 'dm.toml')
  const source = createConfigSource({ path, isNamed: true })
  await t.rejects(source.load(), { code: 'ERR_CONFIG_NOT_FOUND' })
  writeFileSync(path, 'log_level = "debug"\n')
  t.equal((await source.load()).logLevel, 'debug')
})

t.test('the usual one may be missing, until it has been read once', async (t) => {
  const path = join(t.testdir(), 'dm.toml')
  const source = createConfigSource({ path, isNamed: false })
  t.equal((await source.load()).logLevel, 'info', 'defaults')
  writeFileSync(path, 'log_level = "debug"\n')
  t.equal((await source.load()).logLevel, 'debug')
  rmSync(path)
  await t.rejects(source.load(), { code: 'ERR_CONFIG_NOT_FOUND', message: path })
})

t.test('what is broken is not taken for missing', async (t) => {
  const path = join(t.testdir(), 'dm.toml')
  symlinkSync('/nowhere/dm.toml', path)
  const source = createConfigSource({ path, isNamed: false })
  await t.rejects(source.load(), { code: 'ERR_CONFIG_NOT_FOUND', message: path })
  rmSync(path)
  t.equal((await source.load()).logLevel, 'info', 'nothing was read, so nothing is lost')
  writeFileSync(path, '= broken')
  await t.rejects(source.load(), { code: 'ERR_CONFIG_SYNTAX' })
})
