import fc from 'fast-check'
import t from 'tap'
import { createNameStates } from '../../src/files/name-states.ts'
import { parseFileName } from '../../src/statement/index.ts'
import type { FileState } from '../../src/files/index.ts'

const STATES: readonly FileState[] = ['shown', 'missing', 'deleted', 'none']
const nameOf = (index: number) => parseFileName(`certs/host-${index}`)

t.test('what is kept of all names is what looking at each gives', async () => {
  const exact = [nameOf(3), nameOf(100)]
  const change = fc.record({
    name: fc.integer({ min: 0, max: 9 }).map(nameOf),
    state: fc.option(fc.constantFrom(...STATES)),
  })
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const states = createNameStates()
      const model = new Map<string, FileState>()
      for (const { name, state } of changes) {
        if (state === null) states.delete(name)
        else states.set(name, state)
        if (state === null) model.delete(name)
        else model.set(name, state)
        const counts = states.counts()
        for (const each of STATES) {
          if (counts[each] !== [...model.values()].filter((value) => value === each).length)
            return false
        }
        const names = [...new Set([...model.keys(), ...exact])].sort()
        if (`${states.sortedWith(exact)}` !== `${names}`) return false
        if (states.get(name) !== (model.get(name) ?? 'none')) return false
      }
      return true
    }),
  )
})

t.test('with a million names, what is asked of all is there without looking at each', async (t) => {
  const states = createNameStates()
  for (let index = 0; index < 1_000_000; index++) states.set(nameOf(index), 'shown')
  const others = [nameOf(0)]
  const listed = states.sortedWith(others)
  t.equal(listed.length, 1_000_000)
  states.set(nameOf(7), 'missing')
  t.ok(states.sortedWith(others) === listed, 'the same list, until a name joins or leaves')
  t.match(states.counts(), { shown: 999_999, missing: 1 })
  states.delete(nameOf(7))
  t.equal(states.sortedWith(others).length, 999_999)
})
