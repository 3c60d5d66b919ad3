import { open } from 'node:fs/promises'
import { readSecretFile } from '../config/index.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import { MAX_CERTIFICATE_BYTES, parsePsk, verifyCertificate } from '../keys/index.ts'
import type { Config } from '../config/index.ts'
import type { CertificateCheck, NodeCertificate } from '../keys/index.ts'

/** What the files say that `[network]` names. */
export interface Trust {
  /** Dial with the first, accept all. */
  readonly psks: readonly Uint8Array[]
  /** Text of our certificate, or why there is none. */
  readonly certificate: string | Error | undefined
}

const readPsk = async (path: string): Promise<Uint8Array> => {
  const text = await readSecretFile(path)
  try {
    return parsePsk(text)
  } catch (cause) {
    if (!(cause instanceof MeshError)) throw cause
    throw new MeshError(cause.code, `${path}: ${cause.message}`, { data: { path }, cause })
  }
}

const readCertificate = async (path: string): Promise<string | Error> => {
  try {
    const file = await open(path)
    try {
      // One byte more than may be, so that a longer file is refused where it is parsed.
      const bytes = Buffer.alloc(MAX_CERTIFICATE_BYTES + 1)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      return bytes.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/**
 * Reads pre-shared keys and certificate. A pre-shared key that cannot be read is an error: without
 * it the network would be open. A certificate that cannot be read is not: at a first start it does
 * not exist, because nobody knows this node's key yet.
 *
 * @throws MeshError `ERR_PSK_MALFORMED`, `ERR_KEY_INSECURE`, `ERR_CONFIG_NOT_FOUND`
 */
export const readTrust = async ({
  pskPaths,
  certificatePath,
}: Config['network']): Promise<Trust> => ({
  psks: await Promise.all(pskPaths.map(readPsk)),
  certificate: certificatePath === undefined ? undefined : await readCertificate(certificatePath),
})

/** How our own certificate is judged. */
export interface OwnCheck extends CertificateCheck {
  /** @throws MeshError `ERR_CERTIFICATE_REVOKED` */
  checkRevoked?(certificate: NodeCertificate): void
}

/**
 * The certificate to show: the newest that counts now, of the file's and those that came through the
 * mesh. If none does, the file's, or why there is none, so that what is said is about the file.
 */
export const chooseCertificate = (
  fromFile: Trust['certificate'],
  others: readonly string[],
  check: OwnCheck,
): Trust['certificate'] => {
  let best: { text: string; issued: number } | undefined
  for (const text of [...(typeof fromFile === 'string' ? [fromFile] : []), ...others]) {
    try {
      const certificate = verifyCertificate(text, check)
      check.checkRevoked?.(certificate)
      if (best === undefined || certificate.issued > best.issued) {
        best = { text, issued: certificate.issued }
      }
    } catch (error) {
      if (!isMeshError(error)) throw error
    }
  }
  return best?.text ?? fromFile ?? others[0]
}
