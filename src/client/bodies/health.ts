import { hasMember, list, object, oneOf, text } from '../shape.ts'
import type { HealthBody, HealthWarningBody } from '../../api/index.ts'

export const warning = object<HealthWarningBody>({
  code: text,
  subject: text,
  severity: oneOf('warning', 'error'),
  message: text,
  since: text,
})

export const healthBody = object<HealthBody>({
  status: oneOf('ok', 'degraded', 'starting', 'stopping'),
  // Over TCP only code and severity are told.
  warnings: list((value, path) => {
    if (hasMember(value, 'message')) return warning(value, path)
    const { code, severity } = object<Pick<HealthWarningBody, 'code' | 'severity'>>({
      code: text,
      severity: oneOf('warning', 'error'),
    })(value, path)
    return { code, severity, subject: '', message: '', since: '' }
  }),
})
