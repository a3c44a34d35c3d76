import { z } from 'zod'
import { invalidInput } from '../../core/kernel/errors.ts'

const Text = z.string().min(1).max(2_000)

/** The payloads that name a repository, in the order in which they are looked for (contract composer.md §7.9). */
const SHAPES: readonly ((body: unknown) => string | null)[] = [
  shape(z.object({ project: z.object({ git_http_url: Text }) }), ({ project }) => project.git_http_url),
  shape(z.object({ repository: Text }), ({ repository }) => repository),
  shape(z.object({ repository: z.object({ url: Text }) }), ({ repository }) => repository.url),
  shape(
    z.object({ repository: z.object({ links: z.object({ html: z.object({ href: Text }) }) }) }),
    ({ repository }) => repository.links.html.href,
  ),
  shape(
    z.object({ canon_url: Text, repository: z.object({ absolute_url: Text }) }),
    ({ canon_url, repository }) => `${canon_url}${repository.absolute_url}`,
  ),
]

function shape<Body>(schema: z.ZodType<Body>, pick: (body: Body) => string): (body: unknown) => string | null {
  return (body) => {
    const parsed = schema.safeParse(body)
    return parsed.success ? pick(parsed.data) : null
  }
}

/** The repository that an update is about, as hosts and people name it. Throws `invalid_input` when there is none. */
export function readRepositoryUrl(body: Record<string, unknown>): string {
  for (const read of SHAPES) {
    const url = read(body)
    if (url !== null) {
      return url
    }
  }
  throw invalidInput('repository', 'the payload names no repository')
}
