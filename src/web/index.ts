/**
 * Web: the dashboard, as files that are served as they lie here.
 *
 * Promises: `page/` is plain HTML, CSS and JavaScript without a build step, a client of the public
 * HTTP API and of nothing else: it loads nothing from elsewhere and shows what comes from others as
 * text only. Its headers let a browser hold it to that.
 *
 * `page/` runs in a browser: it has a `tsconfig.json` of its own, by which `tsc` checks it against
 * the types of `api`, and nothing here imports it.
 *
 * @packageDocumentation
 */
export { PAGE_HEADERS, readPage } from './page-files.ts'
export type { PageFile } from './page-files.ts'
