import { expect, test } from 'bun:test'
import { isChecksumShown, toDownloadUrl } from './download-address.ts'

const ZIPBALL = 'https://api.github.com/repos/acme/http-kit/zipball/1f0e2d3c4b5a69788796a5b4c3d2e1f001122334'

test("archives of GitHub's API are asked for where it would redirect to, unless there is a credential for it", () => {
  const direct = 'https://codeload.github.com/acme/http-kit/legacy.zip/1f0e2d3c4b5a69788796a5b4c3d2e1f001122334'

  expect(toDownloadUrl(ZIPBALL, null)).toBe(direct)
  expect(toDownloadUrl(ZIPBALL, 'https://satis.example.org')).toBe(direct)
  expect(toDownloadUrl(ZIPBALL, 'https://api.github.com')).toBe(ZIPBALL)
})

test.each([
  'https://api.github.com.example.org/repos/acme/http/zipball/main',
  'https://api.github.com/repos/acme/http/zipball/main?x=1',
  'https://api.github.com/repos/acme/http/tarball/main',
  'https://gitlab.com/api/v4/projects/acme%2Fhttp/repository/archive.zip?sha=1',
])('%s stays as it is', (url) => {
  expect(toDownloadUrl(url, null)).toBe(url)
})

test('checksums of hosts that change published files are not shown', () => {
  expect(isChecksumShown('https://repo.magento.com/archives/x.zip')).toBeFalse()
  expect(isChecksumShown('https://my.yoast.com/x.zip')).toBeFalse()
  expect(isChecksumShown(ZIPBALL)).toBeTrue()
})
