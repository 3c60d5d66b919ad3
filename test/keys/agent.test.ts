/** ssh-agent: the real one, and everything that may listen at its socket. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAgent, formatPublicKey, MAX_AGENT_ANSWER_BYTES } from '../../src/keys/index.ts'
import { privateKeyFromSeed, signSsh, verifySsh, writePrivateKey } from '../../src/keys/index.ts'
import { AGENT_LIST_TIMEOUT_MS, AGENT_SIGN_TIMEOUT_MS } from '../../src/keys/index.ts'
import { publicKeyToSshBlob } from '../../src/keys/public-key-text.ts'
import { sshString, sshUint32 } from '../../src/keys/ssh-wire.ts'
import { systemClock, utf8 } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { imitateAgent, skip, startAgent } from './ssh-agent.ts'
import { sshKeygen, sshVerify } from './ssh-keygen.ts'
import type { Test } from 'tap'
import type { Agent } from '../../src/keys/index.ts'

const key = privateKeyFromSeed(new Uint8Array(32).fill(7))
const other = privateKeyFromSeed(new Uint8Array(32).fill(8))

const agentAt = (path: string): Agent => createAgent({ clock: systemClock }, { path })

const writeKey = (directory: string, name: string, from = key, comment = name): string => {
  const path = join(directory, name)
  writeFileSync(path, writePrivateKey(from, { format: 'openssh', comment }), { mode: 0o600 })
  return path
}

const frame = (...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([sshUint32(body.length), body])
}

const identitiesAnswer = (blob = publicKeyToSshBlob(key.publicKey), comment = 'a key'): Buffer =>
  frame(Uint8Array.of(12), sshUint32(1), sshString(blob), sshString(comment))

const signatureAnswer = (signature: Uint8Array, type = 'ssh-ed25519'): Buffer =>
  frame(Uint8Array.of(14), sshString(Buffer.concat([sshString(type), sshString(signature)])))

const only = async (agent: Agent) => {
  const [identity] = await agent.identities()
  if (identity === undefined) throw new Error('the agent has no key')
  return identity
}

t.test('signs with a key in the real ssh-agent, as ssh-keygen accepts it', { skip }, async (t) => {
  const directory = t.testdir({})
  const real = await startAgent(t)
  t.same(await agentAt(real.path).identities(), [], 'it holds none yet')
  t.equal(real.add([writeKey(directory, 'k', key, 'alice@laptop')]).code, 0)
  const agent = agentAt(real.path)
  const identity = await only(agent)
  t.match(identity, { publicKey: key.publicKey, comment: 'alice@laptop', fault: undefined })
  t.match(real.add(['-l']).output, identity.fingerprint, 'the fingerprint is that of ssh-add -l')
  const message = utf8('message')
  const signature = await signSsh(agent.signer(identity), 'mesh-file', message)
  t.ok(verifySsh(signature, message))
  t.same(signature, await signSsh(key, 'mesh-file', message), 'as the key itself signs')
  const { armorSshsig, encodeSshsig } = await import('../../src/keys/index.ts')
  const armored = armorSshsig(encodeSshsig(signature))
  t.ok(sshVerify(directory, key.publicKey, 'mesh-file', message, armored).ok)
})

t.test('names keys of other kinds, and why they cannot sign', { skip }, async (t) => {
  const directory = t.testdir({})
  const real = await startAgent(t)
  const path = join(directory, 'ec')
  sshKeygen(['-q', '-t', 'ecdsa', '-N', '', '-C', 'old', '-f', path])
  real.add([path])
  const agent = agentAt(real.path)
  const identity = await only(agent)
  t.match(identity, { publicKey: undefined, fault: /ecdsa-sha2-nistp256.*ssh-ed25519 only/ })
  t.throws(() => agent.signer(identity), { code: 'ERR_KEY_MALFORMED', message: /ecdsa/ })
})

t.test('a FIDO key is refused by name', async (t) => {
  const type = 'sk-ssh-ed25519@openssh.com'
  const blob = Buffer.concat([sshString(type), sshString(new Uint8Array(32)), sshString('ssh:')])
  const path = await imitateAgent(t, (_, socket) => socket.write(identitiesAnswer(blob)))
  const agent = agentAt(path)
  const identity = await only(agent)
  t.throws(() => agent.signer(identity), {
    code: 'ERR_KEY_MALFORMED',
    message: /security tokens \(sk-ssh-ed25519@openssh\.com\) are not supported yet/,
  })
})

t.test(
  'an agent that is locked shows no key, and refuses to sign with one',
  { skip },
  async (t) => {
    const directory = t.testdir({})
    const real = await startAgent(t)
    real.add([writeKey(directory, 'k')])
    const agent = agentAt(real.path)
    const signer = agent.signer(await only(agent))
    const ask = join(directory, 'ask')
    writeFileSync(ask, '#!/bin/sh\necho secret\n', { mode: 0o755 })
    const asking = { SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' }
    t.equal(real.add(['-x'], asking).code, 0)
    t.same(await agent.identities(), [])
    await t.rejects(signer.sign(utf8('x')), { code: 'ERR_AGENT_REFUSED', message: /ssh-add -X/ })
  },
)

t.test('an agent whose owner declines says so', { skip }, async (t) => {
  const directory = t.testdir({})
  const real = await startAgent(t)
  // It asks by a program that its own environment names, and none is there: nobody confirms.
  t.equal(real.add(['-c', writeKey(directory, 'k')]).code, 0)
  const agent = agentAt(real.path)
  const signer = agent.signer(await only(agent))
  await t.rejects(signer.sign(utf8('x')), { code: 'ERR_AGENT_REFUSED', message: /ssh-add -c/ })
})

t.test('an agent that has gone is named with its socket', { skip }, async (t) => {
  const real = await startAgent(t)
  real.add([writeKey(t.testdir({}), 'k')])
  const agent = agentAt(real.path)
  const signer = agent.signer(await only(agent))
  await real.stop()
  const gone = {
    code: 'ERR_AGENT_UNREACHABLE',
    message: new RegExp(
      `${real.path} .*ENOENT|${real.path} .*no such|${real.path} .*cannot be talked to`,
    ),
  }
  await t.rejects(signer.sign(utf8('x')), gone)
  await t.rejects(agent.identities(), gone)
})

t.test('an agent that hangs up in the middle of an answer is not believed', async (t) => {
  for (const part of [0, 3, 4, 9, 40]) {
    const path = await imitateAgent(t, (_, socket) => {
      socket.end(identitiesAnswer().subarray(0, part))
    })
    const failed = { code: 'ERR_AGENT_UNREACHABLE', message: /hung up before it had answered/ }
    await t.rejects(agentAt(path).identities(), failed)
  }
})

t.test('an answer that comes byte by byte is one answer', async (t) => {
  const path = await imitateAgent(t, (_, socket) => {
    socket.setNoDelay(true)
    for (const byte of identitiesAnswer()) socket.write(Uint8Array.of(byte))
  })
  t.equal((await only(agentAt(path))).publicKey, key.publicKey)
})

t.test('garbage instead of an answer is told from an agent', async (t) => {
  const blob = publicKeyToSshBlob(key.publicKey)
  const answers: Record<string, Uint8Array> = {
    'another protocol': Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'an answer too long': sshUint32(MAX_AGENT_ANSWER_BYTES + 1),
    'an empty answer': sshUint32(0),
    'another type': frame(Uint8Array.of(6)),
    'more keys than follow': frame(Uint8Array.of(12), sshUint32(2 ** 32 - 1)),
    'a key that is cut off': frame(Uint8Array.of(12), sshUint32(1), sshUint32(99), blob),
    'bytes left over': frame(Uint8Array.of(12), sshUint32(0), blob),
  }
  for (const [what, bytes] of Object.entries(answers)) {
    const path = await imitateAgent(t, (_, socket) => socket.write(bytes))
    const failed = { code: 'ERR_AGENT_UNREACHABLE', message: /does not answer like one/ }
    await t.rejects(agentAt(path).identities(), failed, what)
  }
  const refusing = await imitateAgent(t, (_, socket) => socket.write(frame(Uint8Array.of(5))))
  await t.rejects(agentAt(refusing).identities(), { code: 'ERR_AGENT_REFUSED' })
})

/** An agent that lists a key and answers to a request to sign with `answer`. */
const signingWith = async (t: Test, answer: Uint8Array) => {
  const path = await imitateAgent(t, (request, socket) => {
    socket.write(request[0] === 11 ? identitiesAnswer() : answer)
  })
  const agent = agentAt(path)
  return agent.signer(await only(agent))
}

t.test('a signature is used only if it is the key’s own, of what was to be signed', async (t) => {
  const message = utf8('what was to be signed')
  const wrong = {
    'by another key': await other.sign(message),
    'of another message': await key.sign(utf8('something else')),
    'of zeros': new Uint8Array(64),
  }
  for (const [what, signature] of Object.entries(wrong)) {
    const signer = await signingWith(t, signatureAnswer(signature))
    const failed = { code: 'ERR_SIGNATURE_INVALID', message: /nothing was used of it/ }
    await t.rejects(signer.sign(message), failed, what)
  }
  const short = await signingWith(t, signatureAnswer(new Uint8Array(63)))
  await t.rejects(short.sign(message), { code: 'ERR_AGENT_UNREACHABLE', message: /63 bytes/ })
  const type = await signingWith(t, signatureAnswer(new Uint8Array(64), 'rsa-sha2-512'))
  await t.rejects(type.sign(message), { code: 'ERR_AGENT_UNREACHABLE', message: /type of the key/ })
  const good = await signingWith(t, signatureAnswer(await key.sign(message)))
  t.same(await good.sign(message), await key.sign(message))
})

t.test('an agent that hangs is given up, and can be given up before', async (t) => {
  const clock = createVirtualClock()
  let asked = (): void => {}
  const path = await imitateAgent(t, (request, socket) => {
    if (request[0] === 11 && hanging === 'sign') socket.write(identitiesAnswer())
    else asked()
  })
  let hanging: 'list' | 'sign' = 'list'
  const agent = createAgent({ clock }, { path })
  const request = (): Promise<void> => new Promise((resolve) => (asked = resolve))
  let reached = request()
  const listing = agent.identities()
  await reached
  const late = { code: 'ERR_AGENT_UNREACHABLE', message: /has not answered within/ }
  await Promise.all([t.rejects(listing, late), clock.advance(AGENT_LIST_TIMEOUT_MS)])
  hanging = 'sign'
  const identity = await only(agent)
  reached = request()
  const signing = agent.signer(identity).sign(utf8('x'))
  await reached
  await Promise.all([t.rejects(signing, late), clock.advance(AGENT_SIGN_TIMEOUT_MS)])
  const { signal, abort } = ((controller) => ({
    signal: controller.signal,
    abort: () => controller.abort(),
  }))(new AbortController())
  reached = request()
  const stopped = agent.signer(identity, { signal }).sign(utf8('x'))
  await reached
  abort()
  await t.rejects(stopped, { name: 'AbortError' })
  t.equal(clock.pending(), 0, 'no timer is left')
})

t.test('no key is asked of an agent under a name that starts another line', async (t) => {
  const path = await imitateAgent(t, (_, socket) =>
    socket.write(identitiesAnswer(undefined, 'a\nssh-ed25519 AAAA')),
  )
  t.equal((await only(agentAt(path))).comment, 'a ssh-ed25519 AAAA')
  t.match(formatPublicKey(key.publicKey, 'openssh'), /^ssh-ed25519 /)
})
