import t from 'tap'
import { nearest } from '../../src/util/index.ts'

t.test('a slip of the finger finds the word that was meant', async (t) => {
  const known = ['bootstrap_peers', 'push_pull_interval', 'port', 'listen']
  t.equal(nearest('boostrap_peer', known), 'bootstrap_peers')
  t.equal(nearest('Port', known), 'port')
  t.equal(nearest('pushpull_intervall', known), 'push_pull_interval')
  t.equal(nearest('colour', known), undefined)
  t.equal(nearest('a', ['b', 'motd']), undefined, 'a letter is no slip of another')
  t.equal(nearest('x'.repeat(10_000), known), undefined, 'a very long word costs nothing')
})
