/**
 * Hooks: commands that run when what is to be seen of a file changes.
 *
 * Promises: a hook runs at least once for what is to be seen in the end, also across restarts, since
 * what was handled is remembered durably and only after success; what changes while it runs makes it
 * run once more, for the latest. For one name one at a time, a bounded number in all, each for a
 * bounded time with its whole process group, with a bounded part of its output in the log. No shell,
 * nothing of the daemon's environment but what a program needs, and never as root unless allowed.
 *
 * @packageDocumentation
 */
export { createHooks } from './hooks.ts'
export type { HookCounts, Hooks, HooksComponents, HooksInit } from './types.ts'
