/** What Fastify makes of the schemas of routes: as little as may be, and not while a daemon starts. */
import { createRequire } from 'node:module'
import type { ValidatorFactory } from '@fastify/ajv-compiler'
import type { FastifySchemaCompiler, FastifyServerOptions } from 'fastify'

type Factories = NonNullable<
  NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']
>

type Validate = ReturnType<FastifySchemaCompiler<unknown>>

const require = createRequire(import.meta.url)

/**
 * Queries are checked by the compiler that Fastify would take by itself. To load it and to compile the
 * schemas takes 80 ms: that is done when the first request wants it.
 */
const buildValidator = (...init: Parameters<ValidatorFactory>): FastifySchemaCompiler<unknown> => {
  let compile: FastifySchemaCompiler<unknown> | undefined
  return (route) => {
    let check: Validate | undefined
    const validate: Validate = (query) => {
      compile ??= require('@fastify/ajv-compiler')()(...init) as FastifySchemaCompiler<unknown>
      check ??= compile(route)
      const result = check(query)
      // Fastify looks for them here.
      validate.errors = check.errors ?? null
      return result
    }
    return validate
  }
}

/**
 * The response schemas say what the API answers, and the types hold us to them. Compiling them into
 * serializers takes 60 ms, for answers of which there are few a second.
 * Ends with a newline: the next prompt of whoever uses curl stands on a line of its own.
 */
const buildSerializer: Factories['buildSerializer'] = () => () => (body) =>
  `${JSON.stringify(body)}\n`

export const compilers: Factories = {
  buildValidator: buildValidator as unknown as ValidatorFactory,
  buildSerializer,
}
