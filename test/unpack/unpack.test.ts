/** What becomes of the trees of many names, on a disk that does not always do what it should. */
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseFileName } from '../../src/statement/index.ts'
import { TREE_GRACE_MS, TREE_RETRY_MS, TREE_VERIFY_INTERVAL_MS } from '../../src/unpack/limits.ts'
import { tar } from './tars.ts'
import { createWorld } from './world.ts'
import type { Test } from 'tap'

const site = (text: string): Buffer => tar({ path: 'index', content: text })

/** Started, and stopped with the test. */
const start = async (
  t: Test,
  shown: Readonly<Record<string, Buffer | undefined>>,
  init: Parameters<typeof createWorld>[1] = {},
) => {
  const stateDir = t.testdir()
  const world = createWorld(stateDir, init)
  for (const [name, bytes] of Object.entries(shown)) world.show(name, bytes)
  await world.unpack.start()
  t.teardown(() => world.unpack.stop())
  await world.rested()
  return { ...world, stateDir }
}

t.test(
  'a name below a directory that is not there has no tree, and nothing is wrong',
  async (t) => {
    const { health, unpack, stateDir } = await start(t, { 'a/b': undefined, 'c/d/e': undefined })
    t.same(health.list(), [])
    t.same(readdirSync(join(stateDir, 'trees')), [])
    t.equal(unpack.treeOf(parseFileName('a/b')), 'absent')
  },
)

t.test('taking a name away removes nothing through the link of another', async (t) => {
  const world = await start(t, {
    a: tar({ path: 'b/c', content: 'c' }, { path: 'b/d/', type: '5' }),
  })
  // As after a reload that puts names below a in the place of a.
  for (const name of ['a/b', 'a/b/c', 'a/b/d/e', 'a/none/e']) world.show(name, undefined)
  await world.rested()
  t.equal(world.read('a', 'b/c'), 'c')
  t.ok(existsSync(join(world.stateDir, 'trees/a/b/d')))
  t.same(world.health.list(), [])
})

t.test('a name in whose place a directory of others is has no tree, and they stay', async (t) => {
  const world = await start(t, { 'a/b': site('b') })
  world.show('a', undefined)
  await world.rested()
  t.equal(world.read('a/b', 'index'), 'b')
  t.same(world.health.list(), [])
})

t.test('a name takes the place of others that lay below it, and they take it back', async (t) => {
  const world = await start(t, { 'a/b': site('b'), 'a/c': site('c') })
  world.show('a', site('a'))
  world.show('a/b', undefined)
  world.show('a/c', undefined)
  await world.rested()
  t.equal(world.read('a', 'index'), 'a')
  t.equal(world.trees().length, 1, 'nothing is left of them')
  world.show('a/b', site('b'))
  world.show('a', undefined)
  await world.rested()
  t.equal(world.read('a/b', 'index'), 'b')
  t.equal(world.trees().length, 1)
  t.same(world.health.list(), [])
})

t.test('one name that fails holds up no other, and is tried again in time', async (t) => {
  let isBroken = true
  const onRead = (name: string): void => {
    if (isBroken && name !== 'good') throw Object.assign(new Error('bad disk'), { code: 'EIO' })
  }
  const shown = { bad: site('bad'), worse: site('worse'), good: site('one') }
  const world = await start(t, shown, { onRead, verifyBytesPerSecond: 2 ** 20 })
  t.equal(world.read('good', 'index'), 'one')
  t.match(world.health.list(), [
    { code: 'tree-failed', subject: 'bad', message: /bad disk/ },
    { code: 'tree-failed', subject: 'worse' },
  ])
  t.same(world.reads, ['bad', 'worse', 'good', 'good'], 'the one that is there was verified')

  await world.clock.advance(TREE_RETRY_MS / 2)
  world.show('good', site('two'))
  await world.rested()
  t.equal(world.read('good', 'index'), 'two')
  t.same(world.reads.slice(4), ['good'], 'and the others were left in peace')
  await world.clock.advance(TREE_RETRY_MS / 2)
  await world.rested()
  t.same(world.reads.slice(5), ['bad', 'worse'])

  await world.clock.advance(TREE_GRACE_MS)
  await world.rested()
  t.equal(world.trees().length, 1, 'what was replaced is removed meanwhile')

  isBroken = false
  world.show('bad', site('new'))
  await world.rested()
  t.equal(world.read('bad', 'index'), 'new')
  await world.clock.advance(TREE_RETRY_MS)
  await world.rested()
  t.equal(world.read('worse', 'index'), 'worse')
  t.same(world.health.list(), [])
})

t.test('a switch that fails leaves no copy behind, however often it is tried', async (t) => {
  const world = await start(t, { site: site('one') })
  const { stateDir } = world
  const [trees, aside] = [join(stateDir, 'trees'), join(stateDir, 'aside')]
  renameSync(trees, aside)
  writeFileSync(trees, 'no directory')
  world.show('other', site('other'))
  for (let attempt = 0; attempt < 3; attempt++) {
    await world.rested()
    t.match(world.health.list(), [{ code: 'tree-failed', subject: 'other' }])
    t.equal(world.trees().length, 1, 'the tree that is shown')
    await world.clock.advance(TREE_RETRY_MS)
  }
  rmSync(trees)
  renameSync(aside, trees)
  await world.clock.advance(TREE_RETRY_MS)
  await world.rested()
  t.equal(world.read('other', 'index'), 'other')
  t.same(readdirSync(trees).sort(), ['other', 'site'])
  t.same(world.health.list(), [])
})

t.test('looking at every name takes nothing away from a switch that is under way', async (t) => {
  const world = await start(t, { 'a/b': site('b') })
  const half = join(world.stateDir, 'trees/a/-0123456789abcdef')
  symlinkSync('nowhere', half)
  world.unpack.refresh()
  await world.rested()
  t.equal(readlinkSync(half), 'nowhere')
  await world.unpack.stop()
  await world.unpack.start()
  await world.rested()
  t.notOk(readdirSync(join(world.stateDir, 'trees/a')).includes('-0123456789abcdef'))
  t.equal(world.read('a/b', 'index'), 'b')
})

t.test('looking at every name while directories come and go finds the rest', async (t) => {
  const names = Array.from({ length: 8 }, (_, index) => `d${index}/x/name`)
  const world = await start(t, Object.fromEntries(names.map((name) => [name, site(name)])))
  for (const name of names) world.show(name, undefined)
  for (let turn = 0; turn < 20; turn++) world.unpack.refresh()
  await world.rested()
  t.same(readdirSync(join(world.stateDir, 'trees')), [])
  t.same(world.health.list(), [])
})

t.test('what cannot be listed is told of, and listed again', async (t) => {
  const world = await start(t, { site: site('one') })
  const { stateDir } = world
  const [trees, aside] = [join(stateDir, 'trees'), join(stateDir, 'aside')]
  renameSync(trees, aside)
  writeFileSync(trees, 'no directory')
  world.drop('site')
  world.unpack.refresh()
  await world.rested()
  t.match(world.health.list(), [{ code: 'tree-failed', subject: '', severity: 'error' }])
  rmSync(trees)
  renameSync(aside, trees)
  await world.clock.advance(TREE_RETRY_MS)
  await world.rested()
  t.same(world.health.list(), [])
  t.same(readdirSync(trees), [])
})

t.test('a look at all trees is one look', async (t) => {
  const shown = { one: site('one'), two: site('two') }
  const world = await start(t, shown, { verifyBytesPerSecond: 2 ** 20 })
  t.same(world.reads, ['one', 'two', 'one', 'two'], 'each unpacked, and held against its tar')
  world.reads.length = 0
  for (let turn = 0; turn < 3; turn++) world.unpack.verify()
  await world.rested()
  t.ok(world.reads.length <= 4, `asked for while it is under way: ${world.reads}`)
  world.reads.length = 0
  await world.clock.advance(TREE_VERIFY_INTERVAL_MS)
  await world.rested()
  t.same(world.reads, ['one', 'two'], 'once a week')
})

t.test('a tree that differs is made anew, and no other is read for that', async (t) => {
  const world = await start(t, { one: site('one'), two: site('two') })
  mkdirSync(join(world.stateDir, 'trees/one/added'))
  world.unpack.verify()
  await world.rested()
  t.same(world.reads.slice(2), ['one', 'two', 'one'], 'looked at, and the one made anew')
})
