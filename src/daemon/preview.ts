import { parseConfig } from '../config/index.ts'
import { toMeshError } from '../errors/index.ts'
import { formatPublicKey } from '../keys/index.ts'
import { takeOver } from './reload.ts'
import type { FileChangeBody, PreviewBody } from '../api/index.ts'
import type { Config } from '../config/index.ts'
import type { FileChange, FilePolicy, Files, FileView } from '../files/index.ts'
import type { PublicKey } from '../keys/index.ts'

const versionOf = (view: FileView | undefined): number | null =>
  view?.winner?.signed.statement.version ?? null

const signersOf = (view: FileView | undefined): readonly PublicKey[] => view?.policy.signers ?? []

const kindOf = ({ before, after }: FileChange): FileChangeBody['kind'] => {
  if (after === undefined) return 'withdrawn'
  if (before === undefined) return 'added'
  if (before.winner?.signed.id === after.winner?.signed.id) return 'policy'
  return (versionOf(after) ?? 0) > (versionOf(before) ?? 0) ? 'advanced' : 'reverted'
}

const changeBody = (change: FileChange): FileChangeBody => {
  const { name, before, after } = change
  const [had, has] = [signersOf(before), signersOf(after)]
  const except = (keys: readonly PublicKey[], others: readonly PublicKey[]): string[] =>
    keys.filter((key) => !others.includes(key)).map((key) => formatPublicKey(key, 'openssh'))
  return {
    name,
    kind: kindOf(change),
    before: versionOf(before),
    after: versionOf(after),
    removedSigners: except(had, has),
    addedSigners: except(has, had),
  }
}

/** Answers what a reload with a configuration would do, without doing it. */
export const createPreview =
  (init: {
    inForce(): Config
    policiesOf(config: Config): readonly FilePolicy[]
    readonly files: Pick<Files, 'preview'>
    /** Fails if this node would lose its place. @throws MeshError */
    check(config: Config): Promise<void>
  }) =>
  async (configuration: string): Promise<PreviewBody> => {
    const { path } = init.inForce()
    const { config, waiting } = takeOver(init.inForce(), parseConfig(configuration, { path }))
    const refused = await init.check(config).then(
      () => null,
      (error: unknown) => toMeshError(error).message,
    )
    const changes = init.files.preview(init.policiesOf(config)).map(changeBody)
    return { refused, restartNeeded: waiting, changes }
  }
