import { DomainError } from '../../core/kernel/errors.ts'

/** What operators can do something about, in words that contain no path. */
const PROBLEMS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than this process may write',
  EROFS: 'the file system is read-only',
  EIO: 'the disk reports an error',
  EACCES: 'the directory may not be written by this user',
  EPERM: 'the directory may not be written by this user',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENOTDIR: 'a directory of the store is not a directory',
}

/** Runs an operation on storage; when the system refuses it, throws `storage_unavailable` with the system's error as cause. */
export async function onStorage<Result>(operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === null) throw error
    throw new DomainError('storage_unavailable', { problem: PROBLEMS[code] ?? `the system reports ${code}` }, error)
  }
}

/** The result of an operation, or null when there is no such file. Other failures are `storage_unavailable`. */
export async function unlessAbsent<Result>(operation: () => Promise<Result>): Promise<Result | null> {
  return onStorage(async () => {
    try {
      return await operation()
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return null
      throw error
    }
  })
}

function systemErrorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error ? error.code : null
}
