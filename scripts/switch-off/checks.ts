/**
 * The checks of mesh, each with what switches it off and the test that must notice.
 *
 * `edits` replace exact text that is in its file exactly once. A check that another one stands behind
 * (two walls, on purpose) is switched off in both places.
 */
import { blocks } from './checks/blocks.ts'
import { content } from './checks/content.ts'
import { durability } from './checks/durability.ts'
import { http } from './checks/http.ts'
import { limits } from './checks/limits.ts'
import { machine } from './checks/machine.ts'
import { members } from './checks/members.ts'
import { peers } from './checks/peers.ts'
import { spelling } from './checks/spelling.ts'
import { statements } from './checks/statements.ts'
import type { Chapter, Check } from './table.ts'

export type { Check } from './table.ts'

export const chapters: readonly Chapter[] = [
  { title: 'Who may say what', checks: statements },
  { title: 'One text for one fact', checks: spelling },
  { title: 'Content', checks: content },
  { title: 'Blocks', checks: blocks },
  { title: 'Keys, and who is a member', checks: members },
  { title: 'Peers', checks: peers },
  { title: 'HTTP', checks: http },
  { title: 'Limits of messages, memory and time', checks: limits },
  { title: 'The machine: hooks, trees, configuration', checks: machine },
  { title: 'Power, crashes and damage', checks: durability },
]

export const checks: readonly Check[] = chapters.flatMap((chapter) => chapter.checks)
