/** The block list of a content, from holders that are fast, slow, or neither honest nor fast. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ListInbox } from '../../../src/sync/blocks/list-inbox.ts'
import {
  HOLDER_ANSWER_TIMEOUT_MS,
  MAX_BLOCK_PIECE_BYTES,
  MAX_LIST_INBOX_BYTES,
  MIN_BLOCK_PIECE_BYTES,
  OVERTAKE_AFTER_MS,
} from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createTestPart } from '../../support/block-part.ts'
import { createSeededRandom } from '../../support/random.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { ListPiece } from '../../../src/sync/blocks/messages.ts'
import type { TestPart } from '../../support/block-part.ts'

const KIBIBYTE = 2 ** 10
const MEBIBYTE = 2 ** 20

/** The piece of `list` at this place, as large as is usual. */
const pieceAt = (list: Uint8Array, offset: number, size = MAX_BLOCK_PIECE_BYTES): ListPiece => ({
  ...{ type: 'list', id: 1, sizeBytes: list.length, offset },
  bytes: list.subarray(offset, offset + size),
})

const play = (names: readonly string[], sizeBytes = MEBIBYTE) => {
  const clock = createVirtualClock()
  const list = randomBytes(sizeBytes)
  const slow: string[] = []
  const inbox = new ListInbox({
    ...{ clock, random: createSeededRandom(1), sizeBytes: 2 ** 36 },
    content: { collection: 'files', name: 'big', digest: sha256('big'), list: sha256(list) },
    onSlow: ({ peer }) => slow.push(peer),
  })
  const parts = names.map((name) => createTestPart(clock, name))
  const asked = (): string[] => parts.flatMap(({ peer, said }) => (said.length > 0 ? peer : []))
  /** Looks after the inbox as a fetch does, each second. */
  const wait = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 1_000) {
      await clock.advance(1_000)
      inbox.check()
      inbox.askSome(parts)
    }
  }
  const [first, second] = parts as [TestPart, TestPart]
  inbox.askSome(parts)
  return { clock, inbox, list, parts, first, second, slow, asked, wait }
}

t.test('takes a list from a slow link, however long that takes', async (t) => {
  const { inbox, list, first, slow, wait } = play(['a'])
  let found: Uint8Array | undefined
  for (let offset = 0; offset < list.length; offset += MIN_BLOCK_PIECE_BYTES) {
    await wait(HOLDER_ANSWER_TIMEOUT_MS - 2_000)
    found = inbox.take(first, pieceAt(list, offset, MIN_BLOCK_PIECE_BYTES))
  }
  t.ok(found && Buffer.from(found).equals(list))
  t.same(slow, [], 'it got on all the time')
})

t.test('tells of a holder that does not get on, and takes what comes late', async (t) => {
  const { inbox, list, first, slow, wait } = play(['a'], 100 * KIBIBYTE)
  inbox.take(first, pieceAt(list, 0))
  await wait(HOLDER_ANSWER_TIMEOUT_MS + 2_000)
  t.same(slow, ['a'], 'once')
  const found = inbox.take(first, pieceAt(list, MAX_BLOCK_PIECE_BYTES))
  t.ok(found && Buffer.from(found).equals(list))
})

t.test('another is asked when nothing comes, and when what comes takes long', async (t) => {
  const { inbox, list, parts, asked, wait } = play(['a', 'b', 'c', 'd'])
  t.equal(asked().length, 1)
  await wait(OVERTAKE_AFTER_MS)
  t.equal(asked().length, 2, 'nothing came')
  const moving = parts.filter(({ said }) => said.length > 0)
  const perSecond: number[] = []
  for (let second = 0; second < HOLDER_ANSWER_TIMEOUT_MS / 1_000; second++) {
    for (const part of moving) {
      inbox.take(part, pieceAt(list, second * MIN_BLOCK_PIECE_BYTES, MIN_BLOCK_PIECE_BYTES))
    }
    perSecond.push(asked().length)
    await wait(1_000)
  }
  t.same(new Set(perSecond), new Set([2]), 'they move')
  t.equal(asked().length, 4, 'they had their time')
})

t.test('what the others still send is nobody’s fault once the list is here', async (t) => {
  const { inbox, list, parts, first, second, wait } = play(['a', 'b'], 100 * KIBIBYTE)
  await wait(OVERTAKE_AFTER_MS)
  for (const part of parts) inbox.take(part, pieceAt(list, 0))
  t.ok(inbox.take(first, pieceAt(list, MAX_BLOCK_PIECE_BYTES)))
  t.equal(inbox.take(second, pieceAt(list, MAX_BLOCK_PIECE_BYTES)), undefined)
  inbox.askSome(parts)
  t.same(second.said, ['list'], 'nobody is asked again')
})

t.test('refuses what was not asked for, does not fit, or comes in crumbs', async (t) => {
  const malformed = { code: 'ERR_PROTOCOL_MALFORMED' }
  const { clock, inbox, list, first } = play(['a'])
  const other = createTestPart(clock, 'z')
  t.throws(() => inbox.take(other, pieceAt(list, 0)), malformed)
  t.throws(() => inbox.take(first, pieceAt(list, 0, MIN_BLOCK_PIECE_BYTES - 1)), malformed)
  t.throws(() => inbox.take(first, pieceAt(list, MAX_BLOCK_PIECE_BYTES)), malformed)
  inbox.take(first, pieceAt(list, 0))
  t.throws(() => inbox.take(first, pieceAt(list, 0)), malformed)
  t.throws(() => inbox.take(first, pieceAt(list.subarray(1), MAX_BLOCK_PIECE_BYTES)), malformed)
})

t.test('where more has gathered than may be, whoever gives the least goes', async (t) => {
  const { inbox, list, parts, wait } = play(['a', 'b', 'c', 'd'], 3 * MEBIBYTE)
  const [slowest] = parts.filter(({ said }) => said.length > 0)
  await wait(OVERTAKE_AFTER_MS + 2_000)
  const others = parts.filter((part) => part !== slowest && part.said.length > 0)
  t.ok(slowest)
  if (slowest === undefined) return
  const last = list.length - MAX_BLOCK_PIECE_BYTES
  const three = [...others.slice(0, 2), slowest]
  t.ok(3 * last > MAX_LIST_INBOX_BYTES)
  for (const part of three) {
    for (let offset = 0; offset < last; offset += MAX_BLOCK_PIECE_BYTES) {
      inbox.take(part, pieceAt(list, offset))
    }
  }
  t.equal(inbox.take(slowest, pieceAt(list, last)), undefined, 'it is not kept, and not blamed')
  t.ok(others[0] && inbox.take(others[0], pieceAt(list, last)))
})
