/** Writes sshsig.json, all made by ssh-keygen: `node test/vectors/sshsig.make.ts`. */
import { dearmorSshsig } from '../../src/keys/index.ts'
import { toBase64 } from '../../src/util/index.ts'
import { sshSign } from '../keys/ssh-keygen.ts'
import { alice, signWithSsh, writeVectors } from './make.ts'

writeVectors('sshsig', (directory) => {
  const messages = ['', 'mesh\n', 'x'.repeat(1000)]
  const accepted = messages.flatMap((message) =>
    ['mesh-file', 'mesh-certificate', 'file'].map((namespace) => {
      const armored = signWithSsh(directory, alice, namespace, message)
      const blob = dearmorSshsig(armored)
      return { key: alice.publicKey, namespace, message, armored, blob: toBase64(blob) }
    }),
  )
  const blob = Buffer.from(accepted[0]?.blob ?? '', 'base64')
  const edit = (change: (bytes: Buffer) => Uint8Array): string =>
    toBase64(change(Buffer.from(blob)))
  const replace = (from: string, to: string): string =>
    edit((bytes) => Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1'))
  const setUint32 = (at: number, value: number): string =>
    edit((bytes) => {
      bytes.writeUInt32BE(value, at)
      return bytes
    })
  const sha256Armored = sshSign(directory, alice, 'mesh-file', '', ['-O', 'hashalg=sha256'])
  return {
    about: 'SSH signatures made and accepted by ssh-keygen -Y; blob is base64 of the binary form',
    accepted,
    refused: [
      { why: 'empty', blob: '' },
      {
        why: 'sha256',
        blob: toBase64(Buffer.from(sha256Armored.split('\n').slice(1, -2).join(''), 'base64')),
      },
      { why: 'another magic', blob: replace('SSHSIG', 'SSHSIH') },
      { why: 'version 2', blob: setUint32(6, 2) },
      { why: 'a byte left over', blob: edit((bytes) => Buffer.concat([bytes, Buffer.of(0)])) },
      { why: 'a byte missing', blob: edit((bytes) => bytes.subarray(0, -1)) },
      { why: 'another key type', blob: replace('ssh-ed25519', 'ssh-ed25518') },
      {
        why: 'a length beyond the end',
        blob: setUint32(10, 0xffffffff),
      },
      {
        why: 'a used reserved field',
        blob: replace('mesh-file\0\0\0\0', 'mesh-file\0\0\0\u0001x'),
      },
      { why: 'an empty namespace', blob: replace('\0\0\0\u0009mesh-file', '\0\0\0\0') },
      { why: 'a namespace with a line feed', blob: replace('mesh-file', 'mesh\nfile') },
    ],
  }
})
