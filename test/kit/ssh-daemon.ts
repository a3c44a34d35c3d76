import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A real sshd on loopback with one key that it lets in. */
export interface SshDaemon {
  port: number
  user: string
  directory: string
  privateKey: string
  stop(): Promise<void>
}

/** Starts the daemon on a free port. */
export async function startSshDaemon(): Promise<SshDaemon> {
  const directory = await mkdtemp(join(tmpdir(), 'repertoire-sshd-'))
  const port = await findFreePort()
  const [host, client] = await Promise.all([createKey(directory, 'host'), createKey(directory, 'client')])
  await Bun.write(join(directory, 'authorized'), client.publicKey)
  const configuration = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${host.path}`,
    `AuthorizedKeysFile ${join(directory, 'authorized')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
  ]
  await Bun.write(join(directory, 'config'), `${configuration.join('\n')}\n`)
  // The daemon insists on this directory, which its service file makes on a running system.
  if (process.getuid?.() === 0) await Bun.$`mkdir -p /run/sshd`
  const daemon = Bun.spawn(['/usr/sbin/sshd', '-D', '-e', '-f', join(directory, 'config')], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await waitForPort(port)
  return {
    port,
    user: (await Bun.$`id -un`.text()).trim(),
    directory,
    privateKey: client.privateKey,
    stop: async () => {
      daemon.kill()
      await daemon.exited
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A new key pair in a directory. */
export async function createKey(
  directory: string,
  name: string,
): Promise<{ path: string; privateKey: string; publicKey: string }> {
  const path = join(directory, name)
  await Bun.$`ssh-keygen -q -t ed25519 -N '' -C test -f ${path}`
  return { path, privateKey: await readFile(path, 'utf8'), publicKey: await readFile(`${path}.pub`, 'utf8') }
}

/** A port of loopback that nothing listens on. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

/** Waits until something listens. */
export async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const isOpen = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => undefined } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
    if (isOpen) return
    await Bun.sleep(50)
  }
  throw new Error('nothing listens on the port')
}
