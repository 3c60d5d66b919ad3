import { readFileSync } from 'node:fs'
import t from 'tap'
import { describeSystemError, systemErrorCode } from '../../src/errors/index.ts'

const failing = (path: string): unknown => {
  try {
    return readFileSync(path)
  } catch (error) {
    return error
  }
}

t.test('says in words why the system refused, without the path', async (t) => {
  t.equal(describeSystemError(failing('/no/such/thing')), 'there is no such file or directory')
  t.equal(describeSystemError(failing('/')), 'it is a directory')
  t.equal(describeSystemError(Object.assign(new Error('odd'), { code: 'EODD' })), 'odd')
  t.equal(describeSystemError('text'), 'text')
})

t.test('gives the code of a system error, and of no other', async (t) => {
  t.equal(systemErrorCode(failing('/no/such/thing')), 'ENOENT')
  t.equal(systemErrorCode(new Error('x')), '')
  t.equal(systemErrorCode(Object.assign(new Error('x'), { code: 5 })), '')
  t.equal(systemErrorCode('ENOENT'), '')
})
