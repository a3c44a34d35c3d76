/** Pricore's documented management API (contracts/pricore.md §6): limits, methods and documentation, over the whole server without a socket. */
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { pricoreRoutes } from '../../../src/surfaces/dialects/pricore/index.ts'
import { ACME, createRestWorld } from './rest-kit.ts'

describe('limits and methods', () => {
  test('PR-017 every answer counts what is left of the minute', async () => {
    const { app, call } = await createRestWorld()
    const first = await call('GET', ACME)
    const second = await call('GET', '/api/organizations/nobody')

    expect([first, second].map(({ headers }) => headers.get('x-ratelimit-limit'))).toEqual(['1000', '1000'])
    expect([first, second].map(({ headers }) => headers.get('x-ratelimit-remaining'))).toEqual(['999', '998'])
    const reset = Number(first.headers.get('x-ratelimit-reset'))
    expect(reset - Math.floor(app.clock.now() / 1000)).toBeWithin(1, 61)
  })

  test('PR-017 beyond the limit a token waits, others do not, and the next minute is a new one', async () => {
    const { app, call, organizationToken } = await createRestWorld()
    for (let count = 0; count < 1000; count += 1) {
      await call('GET', '/api/organizations/nobody')
    }

    const refused = await call('GET', ACME)

    expect(refused).toMatchObject({ status: 429, body: { message: 'Too Many Attempts.' } })
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(await call('GET', ACME, { token: await organizationToken() })).toMatchObject({ status: 200 })
    app.clock.advance('1 minute')
    expect(await call('GET', ACME)).toMatchObject({ status: 200 })
  })

  test('PR-122 HEAD answers like GET without a body, and other methods are refused with what is allowed', async () => {
    const { server, token, call } = await createRestWorld()

    const head = await server.send(ACME, { method: 'HEAD', token })

    expect(head.status).toBe(200)
    const refused = await call('PUT', ACME)
    expect(refused).toMatchObject({ status: 405, body: { message: expect.any(String) } })
    expect(refused.headers.get('allow')).toBe('GET, HEAD')
  })
})

describe('documentation', () => {
  test('PR-442 the OpenAPI document has every route with its schemas', async () => {
    const { server } = await createRestWorld()

    const document = z
      .object({
        openapi: z.literal('3.1.0'),
        paths: z.record(z.string(), z.record(z.string(), z.object({ responses: z.record(z.string(), z.unknown()) }))),
      })
      .parse(await server.json('/docs/openapi.json'))

    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const routes = pricoreRoutes().map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^/]*\})?/g, '{$1}')}`)
    expect(documented).toEqual(expect.arrayContaining(routes))
    expect(document.paths['/api/organizations/{organization}/tokens']?.['post']?.responses).toHaveProperty('201')
  })

  test('the page for people names every route and needs no script', async () => {
    const { server } = await createRestWorld()

    const response = await server.send('/docs')
    const page = await response.text()

    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page).toContain('POST /api/organizations/{organization}/tokens')
    expect(page).not.toContain('<script')
  })
})
