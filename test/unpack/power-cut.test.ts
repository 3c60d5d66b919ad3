/** What a power cut leaves of trees and of the links to them. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseFileName } from '../../src/statement/index.ts'
import { watchSyncs } from '../support/power-cut.ts'
import { tar } from './tars.ts'
import { createWorld } from './world.ts'
import type { Test } from 'tap'

const NAME = 'etc/web/site'
const site = (text: string): Buffer =>
  tar(
    { path: './', type: '5' },
    { path: 'index', content: text },
    { path: 'd/e/more', content: text, mode: 0o755 },
    { path: 'd/empty/', type: '5' },
    { path: 'd/up', type: '2', link: '../index' },
  )

const start = async (t: Test, onSync?: (leave: (to: string) => void) => void) => {
  const directory = t.testdir({ state: {} })
  const stateDir = join(directory, 'state')
  const cut = await watchSyncs(t, stateDir, { onSync: () => onSync?.(cut.leave) })
  const world = createWorld(stateDir)
  t.teardown(() => world.unpack.stop())
  /** A state directory as it is after a power cut now. */
  const leave = (): string => {
    const to = mkdtempSync(join(directory, 'left-'))
    cut.leave(to)
    return to
  }
  return { world, leave }
}

t.test('a tree that is told of survives a power cut, whole', async (t) => {
  const { world, leave } = await start(t)
  const left: string[] = []
  world.unpack.events.on('switched', () => left.push(leave()))
  await world.unpack.start()
  for (const text of ['one', 'two']) {
    world.show(NAME, site(text))
    await world.rested()
    const after = createWorld(left.at(-1) ?? '')
    after.show(NAME, site(text))
    await after.unpack.start()
    t.teardown(() => after.unpack.stop())
    await after.rested()
    t.same(after.reads, [], `${text}: nothing has to be unpacked again`)
    t.equal(after.read(NAME, 'd/up'), text)
    after.unpack.verify()
    await after.rested()
    t.same(after.reads, [NAME])
    t.same(after.health.list(), [], `${text}: it is what was signed`)
  }
})

t.test('a tree that is told to be gone is gone after a power cut', async (t) => {
  const { world, leave } = await start(t)
  world.show(NAME, site('one'))
  await world.unpack.start()
  await world.rested()
  let left = ''
  world.unpack.events.on('switched', () => {
    left = leave()
  })
  world.show(NAME, undefined)
  await world.rested()
  t.ok(existsSync(join(left, 'trees')))
  t.notOk(existsSync(join(left, 'trees', NAME)))
  t.equal(world.unpack.treeOf(parseFileName(NAME)), 'absent')
})

t.test('wherever the power fails, the link leads to the whole of one tree', async (t) => {
  const read = (left: string, path: string): string | undefined => {
    const at = join(left, 'trees', NAME, path)
    return existsSync(at) ? readFileSync(at, 'utf8') : undefined
  }
  const seen = new Set<string>()
  let count = 0
  const directory = t.testdir()
  const { world } = await start(t, (leave) => {
    const left = join(directory, `cut-${count++}`)
    leave(left)
    seen.add(['index', 'd/e/more', 'd/up'].map((path) => read(left, path) ?? 'none').join(' '))
  })
  await world.unpack.start()
  for (const text of ['one', 'two']) {
    world.show(NAME, site(text))
    await world.rested()
  }
  t.same([...seen], ['none none none', 'one one one', 'two two two'])
  t.ok(count > 10, `${count} syncs`)
})
