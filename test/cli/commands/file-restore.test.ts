import t from 'tap'
import { answer } from '../../client/fixtures.ts'
import { startFakeDaemon } from '../fake-daemon.ts'
import { mesh, publicText, writeKey } from '../harness.ts'
import type { Test } from 'tap'

interface Remembered {
  readonly version: number
  readonly deleted?: boolean
  readonly here?: boolean
}

/** A daemon that remembers these versions of `x`, the winner first. */
const begin = async (t: Test, versions: readonly Remembered[]) => {
  const daemon = await startFakeDaemon(t, ['x'])
  daemon.before = ({ url }, response) => {
    if (url !== '/history/x') return false
    const bodies = versions.map(({ version, deleted = false, here = true }, index) => ({
      ...{ id: `${version}`.repeat(64), version, expires: 'never', replaces: null },
      ...{ time: '2026-01-01T00:00:00.000Z', signers: [publicText(1)], conflict: false },
      content: deleted ? null : { sha256: 'ab'.repeat(32), sizeBytes: 3, blocks: null },
      ...{ wins: index === 0, contentHere: here && !deleted },
    }))
    answer(response, 200, { name: 'x', versions: bodies })
    return true
  }
  const key = writeKey(t.testdir({}), 1)
  const at = ['--url', daemon.url]
  return {
    history: () => mesh(['file', 'history', 'x', ...at]),
    restore: (...args: string[]) => mesh(['file', 'restore', 'x', '--key', key, ...args, ...at]),
  }
}

t.test('after a deletion it is said which version can come back, and how', async (t) => {
  const { history, restore } = await begin(t, [
    { version: 4, deleted: true },
    { version: 2 },
    { version: 3 },
    { version: 1, here: false },
  ])
  const advice = /version 3 back with: mesh file restore x --version 3 --key …, and 1 older here/
  const shown = await history()
  t.equal(shown.code, 0)
  t.match(shown.stdout, /^Version 4 is a deletion, so that nothing is shown;\nbring version 3/m)
  t.match(shown.stdout, advice)
  t.match(await restore(), { code: 2, stderr: advice })
  t.match((await restore()).stderr, /name what to restore .*: version 4 is a deletion/)
  t.match(await restore('--version', '4'), { code: 2, stderr: /4 of x is a deletion and has no/ })
  t.match((await restore('--version', '4')).stderr, advice)
  t.match(await restore('--version', '9'), {
    code: 3,
    stderr: /remembers no version 9 of x; bring/,
  })
  const gone = await restore('--version', '1')
  t.match(gone, {
    code: 3,
    stderr: /the content of version 1 is not at .* any more; bring version 3/,
  })
})

t.test('after a deletion that took all content away it is said what is left to do', async (t) => {
  const { history, restore } = await begin(t, [
    { version: 2, deleted: true },
    { version: 1, here: false },
  ])
  const advice =
    /no older content is at http.*: a deletion takes it away after purge_after, .*publish it anew: mesh file update PATH --name x/
  t.match((await history()).stdout, advice)
  t.match(await restore('--version', '1'), { code: 3, stderr: advice })
  t.match(await restore('--version', '2'), { code: 2, stderr: advice })
})

t.test(
  'of rivals of one version the id is named, and without a deletion nothing is said',
  async (t) => {
    const rivals = await begin(t, [{ version: 3, deleted: true }, { version: 2 }, { version: 2 }])
    t.match((await rivals.history()).stdout, /mesh file restore x --id 222222222222 --key/)
    const fine = await begin(t, [{ version: 3 }, { version: 2 }])
    t.notMatch((await fine.history()).stdout, /deletion|restore/)
    const none = await begin(t, [])
    t.match(await none.restore(), { code: 2, stderr: /nothing of x was published yet/ })
  },
)

t.test(
  'an old version of a file that decides who belongs is not brought back unasked',
  async (t) => {
    for (const name of ['_mesh/revoked', '_mesh/certificates', '_mesh/heartbeat']) {
      const restore = ['file', 'restore', name, '--version', '1', '--key', '/nowhere/key']
      const { code, stderr } = await mesh(restore)
      t.equal(code, 2)
      t.match(stderr, /gives back what was revoked.*mesh certificate revoke.*--force/s)
      const forced = await mesh([...restore, '--force'])
      t.match(forced.stderr, /\/nowhere\/key/, 'with --force it goes on to the next thing')
    }
  },
)
