import { array, object, oneOf, string } from './json-schema.ts'
import type { HealthBody, HealthWarningBody } from '../../api/index.ts'

export const warning = object<HealthWarningBody>({
  code: string,
  subject: string,
  severity: oneOf('warning', 'error'),
  message: string,
  since: string,
})

export const healthSchema = object<HealthBody>({
  status: oneOf('ok', 'degraded', 'starting', 'stopping'),
  warnings: array(warning),
})
