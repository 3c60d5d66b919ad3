/** Queries are checked, by what is not loaded before there is one. */
import { createRequire } from 'node:module'
import t from 'tap'
import { call, startHarness } from './harness.ts'

const { cache } = createRequire(import.meta.url)
const isLoaded = (): boolean =>
  Object.keys(cache).some((path) => path.includes('/node_modules/ajv/'))

t.test('what checks queries is loaded with the first one', async (t) => {
  const { url, stop } = await startHarness()
  t.teardown(stop)
  const ask = async (query: string) => {
    const { status, body } = await call(url, 'GET', `/events${query}`)
    return { status, body: body.toString() }
  }
  t.ok(Object.keys(cache).some((path) => path.includes('/node_modules/fastify/')))
  t.notOk(isLoaded(), 'not by the start')
  for (const _ of ['the first', 'one that finds it compiled']) {
    const refused = await ask('?waitMs=soon')
    t.equal(refused.status, 400)
    t.match(refused.body, 'querystring/waitMs must match pattern')
    t.equal((await ask('?color=red')).status, 400)
    t.equal((await ask('?waitMs=0')).status, 200)
  }
  t.ok(isLoaded())
})
