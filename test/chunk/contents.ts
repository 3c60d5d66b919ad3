import { createCipheriv } from 'node:crypto'

/**
 * Bytes that anybody can make again: AES-128 in counter mode, key of sixteen times `seed`, counter 0,
 * over zeros: `openssl enc -aes-128-ctr -K … -iv 0`.
 */
export const keystream = (seed: number, sizeBytes: number): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(
    Buffer.alloc(sizeBytes),
  )
