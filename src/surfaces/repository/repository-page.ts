import { DomainError } from '../../core/kernel/errors.ts'
import { RESERVED_SLUGS } from '../../core/organizations/index.ts'
import { escapeHtml, htmlPage } from '../http/html.ts'
import type { Call } from '../http/route.ts'

/**
 * What a browser gets that opens the address of a repository: how to set Composer up. The page is the same whether the
 * organization exists or not, so that it tells nothing. Other clients get the answer of an unknown path.
 */
export function repositoryPage({ request, params, baseUrl }: Call): Response {
  const slugs = [params['org'] ?? '', params['sub']].filter((slug) => slug !== undefined)
  const wantsPage = (request.headers.get('accept') ?? '').includes('text/html')
  const areSlugs = slugs.every((slug) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(slug))
  if (!wantsPage || RESERVED_SLUGS.has(slugs[0] ?? '') || !areSlugs) {
    throw new DomainError('organization_not_found')
  }
  const host = new URL(baseUrl).host
  const commands = [
    `composer config --global http-basic.${host} token <your token>`,
    `composer config repositories.${slugs.join('-')} composer ${baseUrl}/${slugs.join('/')}`,
    `composer require <vendor>/<package>`,
  ]
  return htmlPage(
    'A Composer repository',
    `<p>This address is for Composer. With a token from its administrator, run in your project:</p>
<pre>${escapeHtml(commands.join('\n'))}</pre>`,
  )
}
