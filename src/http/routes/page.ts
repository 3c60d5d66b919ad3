import { PAGE_HEADERS, readPage } from '../../web/index.ts'
import { MeshError } from '../../errors/index.ts'
import { matchesTag } from '../range.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PageFile } from '../../web/index.ts'

/** GET /: the dashboard, on every listener: it is no secret, and what it asks for is judged each time. */
export const registerPage = (app: FastifyInstance): void => {
  /** Read when it is first asked for: most daemons never show it. */
  let page: Promise<ReadonlyMap<string, PageFile>> | undefined

  const find = async (path: string): Promise<PageFile> => {
    page ??= readPage().then((files) => new Map(files.map((file) => [file.path, file])))
    const file = await page.then(
      (files) => files.get(path),
      (error: unknown) => {
        page = undefined
        throw error
      },
    )
    if (file !== undefined) return file
    throw new MeshError('ERR_ROUTE_NOT_FOUND', 'the dashboard has no such file; it is at /')
  }

  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { type, body, etag } = await find(request.url.split('?')[0] ?? '/')
    void reply.headers({ ...PAGE_HEADERS, ETag: etag })
    if (matchesTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
    // Of a Buffer fastify knows the length, and leaves it out of the answer to HEAD.
    return reply.type(type).send(body)
  }

  for (const url of ['/', '/page/*']) app.route({ method: ['GET', 'HEAD'], url, handler })
}
