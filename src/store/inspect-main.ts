/**
 * A program of its own, run by `inspect.ts`: reads every entry of the LMDB environment named by its
 * argument, and takes pages from its free list. It may die of what it finds; that is its purpose.
 */
import { ABORT } from 'lmdb'
import { openEnvironment, openSubDatabase } from './environment.ts'

const environment = openEnvironment(process.argv[2] ?? '')
let bytes = 0
for (const name of [...environment.getKeys()]) {
  const table = openSubDatabase(environment, Buffer.from(name).toString('utf8').replace(/\0$/, ''))
  for (const { key, value } of table.getRange()) bytes += key.length + value.length
}
environment.transactionSync(() => {
  environment.putSync(Buffer.from('inspected'), Buffer.alloc(64 * 2 ** 10, bytes & 0xff))
  return ABORT
})
await environment.close()
