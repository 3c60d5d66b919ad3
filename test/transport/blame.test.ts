import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createBlameBook } from '../../src/transport/blame.ts'
import { AVOID_MS, FAULT_WINDOW_MS, MAX_FAULTY_PEERS } from '../../src/transport/limits.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'

const peer = (name: string | number): PeerId => `12D3Koo${name}` as PeerId
const fault = new MeshError('ERR_PROTOCOL_MALFORMED', 'garbage')

t.test('the third fault within ten minutes makes a peer avoided, for ten minutes', async (t) => {
  const clock = createVirtualClock()
  const book = createBlameBook({ clock })
  t.same(book.note(peer('a'), fault), { faults: 1, avoid: false })
  t.same(book.note(peer('a'), fault), { faults: 2, avoid: false })
  t.equal(book.avoidedUntilMs(peer('a')), undefined)
  t.same(book.note(peer('a'), fault), { faults: 3, avoid: true })
  t.equal(book.avoidedUntilMs(peer('a')), clock.nowMs() + AVOID_MS)
  t.same(book.avoided(), [peer('a')])
  t.equal(book.avoidedUntilMs(peer('b')), undefined, 'others are not')
  clock.jumpWall(-60 * 60_000)
  t.equal(book.avoidedUntilMs(peer('a')), clock.nowMs() + AVOID_MS, 'whatever the wall clock does')
  await clock.advance(AVOID_MS)
  t.equal(book.avoidedUntilMs(peer('a')), undefined)
})

t.test('faults are counted by code, with the name that the peer had', (t) => {
  const book = createBlameBook({ clock: createVirtualClock() })
  book.note(peer('a'), fault, 'web-1')
  book.note(peer('a'), fault)
  book.note(peer('a'), new MeshError('ERR_SIGNATURE_INVALID', 'forged'))
  t.same(book.faults().get(peer('a')), {
    name: 'web-1',
    counts: { [fault.code]: 2, ERR_SIGNATURE_INVALID: 1 },
  })
  t.end()
})

t.test('faults far apart are forgiven', async (t) => {
  const clock = createVirtualClock()
  const book = createBlameBook({ clock })
  for (let count = 0; count < 10; count++) {
    t.notOk(book.note(peer('a'), fault).avoid)
    await clock.advance(FAULT_WINDOW_MS / 2)
  }
})

t.test('one forged signature is enough', async (t) => {
  const book = createBlameBook({ clock: createVirtualClock() })
  t.ok(book.note(peer('a'), new MeshError('ERR_SIGNATURE_INVALID', 'forged')).avoid)
})

t.test(
  'a crowd of faulty peers costs bounded memory and frees nobody who is avoided',
  async (t) => {
    const book = createBlameBook({ clock: createVirtualClock() })
    for (let count = 0; count < 3; count++) book.note(peer('bad'), fault)
    for (let count = 0; count < 2 * MAX_FAULTY_PEERS; count++) book.note(peer(count), fault)
    t.same(book.avoided(), [peer('bad')])
    t.equal(book.note(peer(0), fault).faults, 1, 'the oldest of the crowd was forgotten')
  },
)

t.test('where all are avoided, the first one is forgiven for the next one', async (t) => {
  const book = createBlameBook({ clock: createVirtualClock() })
  const forged = new MeshError('ERR_SIGNATURE_INVALID', 'forged')
  for (let count = 0; count <= MAX_FAULTY_PEERS; count++) book.note(peer(count), forged)
  t.equal(book.avoided().length, MAX_FAULTY_PEERS)
  t.equal(book.avoidedUntilMs(peer(0)), undefined)
  t.ok(book.avoidedUntilMs(peer(MAX_FAULTY_PEERS)))
})
