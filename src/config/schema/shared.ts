import { parsePublicKey } from '../../keys/index.ts'
import { textOf } from '../values.ts'

export const DAY_MS = 86_400_000

export const publicKey = () => textOf('a public key as a string', (text) => parsePublicKey(text))
