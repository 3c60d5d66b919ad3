import t from 'tap'
import { SshReader, sshString, sshUint32 } from '../../src/keys/ssh-wire.ts'
import { concatBytes, toHex } from '../../src/util/index.ts'

const fail = (why: string): Error => new Error(why)

t.test('writes lengths big-endian, as RFC 4251 does', async (t) => {
  t.equal(toHex(sshUint32(0x01020304)), '01020304')
  t.equal(toHex(sshString('hé')), '0000000368c3a9')
  t.equal(toHex(sshString(Uint8Array.of(255))), '00000001ff')
})

t.test('reads what was written, to its end', async (t) => {
  const reader = new SshReader(concatBytes(sshUint32(7), sshString('word'), sshString('')), fail)
  t.equal(reader.uint32('a number'), 7)
  t.equal(reader.word('a word'), 'word')
  t.equal(reader.string('nothing').length, 0)
  t.equal(reader.left, 0)
  reader.end()
})

t.test('names what it could not read', async (t) => {
  const read = (bytes: Uint8Array) => new SshReader(bytes, fail)
  t.throws(() => read(Uint8Array.of(0, 0, 0)).uint32('the count'), { message: /within the count/ })
  t.throws(() => read(sshString('abc').subarray(0, 6)).string('the key'), {
    message: 'it ends within the key',
  })
  t.throws(() => read(sshUint32(0xffffffff)).string('the key'), { message: /within the key/ })
  t.throws(() => read(Uint8Array.of(1)).end(), { message: /1 bytes are left over/ })
})

t.test('reads bytes that are a view into others', async (t) => {
  const whole = concatBytes(Uint8Array.of(9, 9), sshString('in'), Uint8Array.of(9))
  const reader = new SshReader(whole.subarray(2, 8), fail)
  t.equal(reader.word('a word'), 'in')
  reader.end()
})
