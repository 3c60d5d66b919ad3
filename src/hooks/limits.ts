/** Hooks that run at the same time. Bounds processes, whatever number of files changes. */
export const MAX_HOOKS_AT_ONCE = 4
/** Attempts for one version, the first included. Stops a broken hook from running for ever. */
export const MAX_HOOK_ATTEMPTS = 5
/** Wait before the second attempt; four times as long before each further one. */
export const FIRST_HOOK_RETRY_MS = 2_000
/** Between the polite signal and the other one. Stops hooks that ignore the first. */
export const HOOK_KILL_GRACE_MS = 2_000
/** Wait for what a hook that has ended left in its pipes. Stops what it left running from holding us. */
export const HOOK_CLOSE_WAIT_MS = 1_000
/** Of the environment of a process that may be left of a run; Linux allows 6 MiB. Bounds what is read of each. */
export const MAX_ENVIRONMENT_BYTES = 8 * 2 ** 20
/** Looks for what a run has left. Stops what forks faster than it is ended from keeping us busy. */
export const MAX_KILL_ROUNDS = 50
/** Output of one run that goes to the log. Stops a hook from filling it. */
export const MAX_HOOK_OUTPUT_BYTES = 64 * 2 ** 10
/** Longest line of it. */
export const MAX_HOOK_LINE_CHARACTERS = 1_000
/** Output at which a run is ended. Stops a hook that floods from keeping us busy until its time is over. */
export const MAX_HOOK_FLOOD_BYTES = 64 * 2 ** 20
/** Programs in the hook directory. Bounds the time that one change takes. */
export const MAX_DIRECTORY_HOOKS = 64
/** Names that are looked at in one turn of a scan. Lets everything else have its turn. */
export const NAMES_PER_TURN = 200
