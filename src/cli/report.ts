import { MeshError, isMeshError, toMeshError } from '../errors/index.ts'
import { exitCodeOf } from './exit.ts'
import { clean } from './terminal.ts'
import type { Context } from './context.ts'

const known = (error: unknown): MeshError => {
  if (error instanceof Error && error.name === 'AbortError') {
    return new MeshError('ERR_ABORTED', 'interrupted', { cause: error })
  }
  return toMeshError(error)
}

/** Says what went wrong on standard error, and gives the exit code for it. */
export const reportError = async (
  { err, env }: Pick<Context, 'err' | 'env'>,
  error: unknown,
  json: boolean,
): Promise<number> => {
  const { code, message, data } = known(error)
  const exitCode = exitCodeOf(code)
  if (json) {
    const body = { schema: 'mesh-error/1', code, message, data, exitCode }
    await err.line(JSON.stringify(body))
  } else {
    // Below what has several lines, where it would stand after an excerpt of the file.
    const gap = message.includes('\n') ? '\n' : ' '
    const head = err.style('red', 'mesh:')
    await err.line(`${head} ${clean(message)}${gap}${err.style('dim', `(${code})`)}`)
  }
  if (!isMeshError(error) && code === 'ERR_INTERNAL') {
    const stack = error instanceof Error ? error.stack : undefined
    const more = (env.MESH_DEBUG ?? '') === '' ? undefined : stack
    await err.line(more ?? 'This is a defect of mesh. With MESH_DEBUG=1 it shows where.')
  }
  return exitCode
}
