/** Writes the pages that are made from the code: `node scripts/docs.ts`. Tests hold them current. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configReference } from '../src/config/index.ts'

const docs = join(import.meta.dirname, '../docs')
writeFileSync(join(docs, 'configuration.md'), configReference())
