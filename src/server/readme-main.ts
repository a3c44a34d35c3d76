/** The process that renders one README: the order on its standard input, HTML on its standard output. */
import { renderReadme, type ReadmeOrder } from '../surfaces/repository/readme-html.ts'

const order = (await new Response(Bun.stdin.stream()).json()) as ReadmeOrder
await Bun.write(Bun.stdout, renderReadme(order))
