import t from 'tap'
import { readCounts, readFailures } from '../../scripts/tap-output.ts'

const output = `TAP version 14
1..3
# Subtest: test/good.test.ts
    # of a file that passed
    ok 1 - fine # time=1ms
    1..1
ok 1 - test/good.test.ts # time=2ms

# Subtest: test/sim.test.ts
    # Subtest: whatever happens
        ok 1 - seed 6
        not ok 2 - seed 7
          ---
          source: |
            # not what a test has said
            not ok 3 - nor this
          ...
        
        # machine 2 has lost what it acknowledged
        # again: MESH_SIM_SEED=7 node replay.ts
        # -- 12 power fails
        not ok 3 - seed 8
        # again: MESH_SIM_SEED=8 node replay.ts
        1..3
    not ok 1 - whatever happens # time=5ms
    
    not ok 2 - another day # TODO
    # time=7ms
not ok 2 - test/sim.test.ts # time=7ms
  ---
  exitCode: 1
  ...

# Subtest: test/late.test.ts
    # again: MESH_SEED=9
    not ok 1 - timeout!
not ok 3 - test/late.test.ts # time=9ms

# No coverage generated
# { total: 7, pass: 2, fail: 4, todo: 1 }
# time=20ms
`

t.test('counts what the last summary says', async (t) => {
  t.same(readCounts(output), { total: 7, failed: 4, skipped: 1 })
  t.same(readCounts('TAP version 14'), { total: 0, failed: 0, skipped: 0 })
})

t.test('tells of each failed file what failed, and what it said', async (t) => {
  t.same(Object.fromEntries(readFailures(output)), {
    'test/sim.test.ts': {
      titles: ['whatever happens > seed 7', 'whatever happens > seed 8'],
      comments: [
        'machine 2 has lost what it acknowledged',
        'again: MESH_SIM_SEED=7 node replay.ts',
        '-- 12 power fails',
        'again: MESH_SIM_SEED=8 node replay.ts',
      ],
    },
    'test/late.test.ts': { titles: ['timeout!'], comments: ['again: MESH_SEED=9'] },
  })
})

t.test('does not fill a log', async (t) => {
  const comments = Array.from({ length: 600 }, (_, at) => `    # ${at} ${'x'.repeat(5_000)}\n`)
  const told =
    readFailures(`${comments.join('')}not ok 1 - a # time=1ms\n`).get('a')?.comments ?? []
  t.equal(told.length, 501)
  t.match(told[0], /^0 x{998}…$/)
  t.equal(told.at(-1), '… and 100 more lines')
})
