/** Who takes part in a fetch, when others are waiting and when they are of no use. */
import t from 'tap'
import { Crew } from '../../../src/sync/blocks/crew.ts'
import { Parts } from '../../../src/sync/blocks/parts.ts'
import { Schedule } from '../../../src/sync/blocks/schedule.ts'
import { createHolders } from '../../../src/sync/content/holders.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createTestPart } from '../../support/block-part.ts'
import { createSeededRandom } from '../../support/random.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import {
  MAX_ASKED_HOLDERS,
  MAX_CONTENT_HOLDERS,
  MAX_RETRACTIONS,
} from '../../../src/sync/limits.ts'
import { createContent, listAnswer, playHolder } from '../../support/block-holder.ts'
import { createFilesMesh, policyOf, shownAt, upload } from '../../support/files-mesh.ts'
import type { Test } from 'tap'
import type { PeerId } from '../../../src/keys/index.ts'
import type { PlayedHolder, Say } from '../../support/block-holder.ts'
import type { BlockRequest } from '../../../src/sync/blocks/messages.ts'

const content = createContent('big', 3 * 2 ** 20)

const play = async (t: Test) => {
  const mesh = await createFilesMesh({ count: 2, policies: [policyOf('big')] })
  t.teardown(() => mesh.stop())
  return { mesh, origin: mesh.node(0), reader: mesh.node(1) }
}

const claims: readonly [string, (request: BlockRequest, say: Say) => Promise<void>][] = [
  [
    'has all of it and give not even the list',
    async ({ type, id }, say) => {
      if (type === 'open') await say({ type: 'all', id })
    },
  ],
  [
    'has all of it and give nothing but the list',
    async ({ type, id }, say) => {
      if (type === 'open') await say({ type: 'all', id })
      else if (type === 'ask-list') await say(listAnswer(id, content))
    },
  ],
  [
    'will have some of it and never have any',
    async ({ type, id }, say) => {
      if (type === 'open') await say({ type: 'some', id, count: 0, have: new Uint8Array() })
    },
  ],
]

for (const [what, answer] of claims) {
  t.test(`a crowd that ${what} keeps nobody from the content`, async (t) => {
    const { mesh, origin, reader } = await play(t)
    const crowd: PlayedHolder[] = []
    for (let index = 0; index < MAX_ASKED_HOLDERS + 8; index++) {
      crowd.push(await playHolder(mesh, reader, `liar${index}`, answer))
    }
    for (const liar of crowd) await liar.publish(content)
    const asked = (): number => crowd.filter(({ streams }) => streams.length > 0).length
    t.type(await mesh.until(() => asked() >= MAX_CONTENT_HOLDERS), 'number')
    await mesh.clock.advance(1_000)
    t.equal(asked(), MAX_CONTENT_HOLDERS, 'at a time, for one content')
    await upload(mesh, origin, { name: 'big', content: content.bytes, listed: true })
    await mesh.link([[1, 0]])
    const tookMs = await mesh.until(() => shownAt(reader, 'big').startsWith('1 '), 3 * 60_000)
    t.comment(`${tookMs} ms`)
    t.type(tookMs, 'number')
    t.same(reader.blamed, [], 'they are of no use, not hostile')
  })
}

t.test('no more than so many holders are asked at the same time, for all contents', async (t) => {
  const names = ['big-1', 'big-2', 'big-3']
  const mesh = await createFilesMesh({ count: 1, policies: names.map((name) => policyOf(name)) })
  t.teardown(() => mesh.stop())
  const crowd: PlayedHolder[] = []
  for (const name of names) {
    const claimed = createContent(name, 2 ** 20)
    for (let index = 0; index < MAX_CONTENT_HOLDERS / 2; index++) {
      const liar = await playHolder(
        mesh,
        mesh.node(0),
        `${name}-${index}`,
        async (request, say) => {
          if (request.type === 'open') await say({ type: 'all', id: request.id })
        },
      )
      await liar.publish(claimed)
      crowd.push(liar)
    }
  }
  t.ok(crowd.length > MAX_ASKED_HOLDERS, `${crowd.length} holders`)
  const asked = (): number => crowd.filter(({ isAsked }) => isAsked()).length
  t.type(await mesh.until(() => asked() >= MAX_ASKED_HOLDERS), 'number')
  await mesh.clock.advance(1_000)
  t.equal(asked(), MAX_ASKED_HOLDERS)
})

t.test('a holder that takes back each block and claims it again is blamed', async (t) => {
  const { mesh, reader } = await play(t)
  let asks = 0
  const holder = await playHolder(mesh, reader, 'liar', async (request, say) => {
    const { type, id } = request
    if (type === 'open') await say({ type: 'all', id })
    else if (type === 'ask-list') await say(listAnswer(id, content))
    if (type !== 'ask') return
    asks++
    for (const index of request.indexes) await say({ type: 'not', id, index, why: 'absent' })
    await say({ type: 'all', id })
  })
  await holder.publish(content)
  t.type(await mesh.until(() => reader.blamed.length > 0, 10_000), 'number')
  t.same(reader.blamed, [`${holder.peerId} ERR_PROTOCOL_MALFORMED`])
  t.ok(asks <= MAX_RETRACTIONS + 1 + content.list.blocks.length, `${asks} requests`)
})

t.test('a holder that says elsewhere and has all of it again is not asked at once', async (t) => {
  const { mesh, reader } = await play(t)
  let asks = 0
  const holder = await playHolder(mesh, reader, 'liar', async (request, say) => {
    const { type, id } = request
    if (type === 'open') await say({ type: 'all', id })
    else if (type === 'ask-list') await say(listAnswer(id, content))
    if (type !== 'ask') return
    asks += request.indexes.length
    for (const index of request.indexes) await say({ type: 'not', id, index, why: 'elsewhere' })
    await say({ type: 'all', id })
  })
  await holder.publish(content)
  t.type(await mesh.until(() => asks > 0), 'number')
  await mesh.clock.advance(10_000)
  t.ok(asks <= 5 * content.list.blocks.length, `${asks} blocks were asked for in 10 s`)
})

t.test(
  'a holder whose stream ends before it said anything is left alone for a while',
  async (t) => {
    const { mesh, reader } = await play(t)
    const holder = await playHolder(mesh, reader, 'shy', async (_, __, stream) => {
      await stream.close()
    })
    await holder.publish(content)
    t.type(await mesh.until(() => holder.streams.length > 0), 'number')
    await mesh.clock.advance(20_000)
    t.equal(holder.streams.length, 1)
  },
)

t.test('nobody is sent away whose link is of use to another content', async (t) => {
  const clock = createVirtualClock()
  const parts = new Parts()
  const names = ['shared1', 'shared2', 'own1', 'own2', 'new1', 'new2', 'new3']
  const links = new Map(
    names.map((name) => {
      const users = name.startsWith('shared') ? 2 : 1
      return [name, { ...createTestPart(clock, name).link, users: () => users }] as const
    }),
  )
  /** Each holder has a link at first, and there is room for no more. */
  const open = new Set(names.slice(0, 4))
  let sentAway = 0
  const crew = new Crew({
    ...{ clock, parts, interested: new Set() },
    schedule: new Schedule(() => true),
    content: { collection: 'files', name: 'big', digest: sha256('big'), list: sha256('list') },
    holders: createHolders({
      ...{ clock, random: createSeededRandom(1), claims: { left: 8 } },
      ...{ connected: () => [], wants: () => true },
    }),
    candidates: () => names as PeerId[],
    linkTo(peer) {
      if (!open.has(peer) && open.size >= 4) return undefined
      open.add(peer)
      return links.get(peer)
    },
    ...{ countBlocks: () => undefined, onList: () => {}, onBlock: async () => {} },
    onLeft({ peer, link }) {
      sentAway++
      if (link.users() === 1) open.delete(peer)
    },
    onNews: () => {},
  })
  crew.recruit(true)
  t.same(
    [...parts.all()].map(({ peer }) => peer),
    names.slice(0, 4),
  )
  for (const part of parts.all()) parts.setHave(part, 'none')
  crew.recruit(true)
  t.equal(sentAway, 2, 'those that make room for others')
  t.same([...parts.all()].map(({ peer }) => peer).sort(), ['new1', 'new2', 'shared1', 'shared2'])
})
