/**
 * Errors: the one table of everything that can go wrong, by stable code.
 *
 * Promises: every expected failure of mesh is a {@link MeshError} whose `code` is a key of
 * {@link errorTable}; codes never change their meaning. HTTP status and exit code are not stored
 * here: `http/problem.ts` and `cli/exit.ts` map them.
 *
 * @packageDocumentation
 */
export { errorTable, isMeshError, MeshError, toMeshError } from './errors.ts'
export { describeSystemError, systemErrorCode } from './system-error.ts'
export type { ErrorCode, ErrorData } from './errors.ts'
