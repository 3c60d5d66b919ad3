/** What a whole daemon does with many requests at once. */
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { isMeshError } from '../../src/errors/index.ts'
import { NAMES_PER_REQUEST, RATE_BURST_SECONDS } from '../../src/http/limits.ts'
import { sha256 } from '../../src/util/index.ts'
import { keyOf, publish, signer, start } from './harness.ts'

const RACERS = 12

t.test('of uploads with the same If-Match at the same time, exactly one wins', async (t) => {
  const { url, client } = await start(t, [`motd = [${keyOf(signer)}]`])
  const clients = [client, createClient({ url })]
  await publish(client, 'motd', { version: 1, content: 'first' })
  let content = 'first'
  let version = 1
  for (let round = 1; round <= 3; round++) {
    const ifMatch = sha256(content)
    // Each has a higher version than the last: without the condition one after another would win.
    const racers = Array.from({ length: RACERS }, (_, index) => ({
      ...{ version: version + 1 + index, content: `${round}-${index}`, ifMatch },
    }))
    const outcomes = await Promise.all(
      racers.map((racer, index) =>
        publish(clients[index % 2] ?? client, 'motd', racer).then(
          () => 'won',
          (error: unknown) => (isMeshError(error) ? error.code : String(error)),
        ),
      ),
    )
    t.same(
      outcomes.filter((outcome) => outcome !== 'won'),
      Array.from({ length: RACERS - 1 }, () => 'ERR_PRECONDITION_FAILED'),
    )
    const won = racers[outcomes.indexOf('won')]
    const [file] = (await client.files({ name: 'motd' })).files
    t.match(file?.current, {
      version: won?.version,
      content: { sha256: sha256(won?.content ?? '') },
    })
    content = won?.content ?? ''
    version = won?.version ?? 0
  }
})

t.test('of uploads that are each to be the first, exactly one wins', async (t) => {
  const { client } = await start(t, [`motd = [${keyOf(signer)}]`])
  const outcomes = await Promise.allSettled(
    Array.from({ length: RACERS }, (_, index) => {
      const draft = { version: 1 + index, content: `${index}`, ifNoneMatch: '*' }
      return publish(client, 'motd', draft)
    }),
  )
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('a list weighs by its names, on what one client may ask over TCP', async (t) => {
  const perSecond = 1
  // Long enough in debt for the slowest of machines.
  const names = NAMES_PER_REQUEST * perSecond * (RATE_BURST_SECONDS + 60)
  const lines = Array.from({ length: names }, (_, index) => `f${index} = [${keyOf(signer)}]`)
  const { url, client } = await start(t, lines, [`requests_per_second = ${perSecond}`])
  const remote = createClient({ url })
  t.equal((await remote.status()).networkId, 'local', 'before it, anything may be asked')
  t.equal((await remote.files()).files.length, names, 'the list itself is told whole')
  const refused = { code: 'ERR_LIMIT_EXCEEDED', message: /counting for one more with every 50/ }
  await t.rejects(remote.status(), refused)
  await t.rejects(remote.files(), refused)
  t.equal((await client.files()).files.length, names, 'who is local may ask again and again')
  t.equal((await client.files()).files.length, names)
})
