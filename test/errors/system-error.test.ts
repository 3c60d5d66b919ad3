import { readFile } from 'node:fs/promises'
import t from 'tap'
import { describeSystemError } from '../../src/errors/index.ts'

t.test('says in words what the system said in letters', async (t) => {
  const reason = async (path: string): Promise<string> =>
    readFile(path).then(
      () => 'read',
      (error: unknown) => describeSystemError(error),
    )
  t.equal(await reason('/nonexistent/x'), 'there is no such file or directory')
  t.equal(await reason('/'), 'it is a directory')
})

t.test('keeps the words of every other error', async (t) => {
  t.equal(describeSystemError(new Error('as it was')), 'as it was')
  t.equal(describeSystemError(Object.assign(new Error('odd'), { code: 'EODD' })), 'odd')
  t.equal(describeSystemError('text'), 'text')
})
