/** The thread that renders large metadata documents, over a database connection of its own. */
import { readConfig } from '../config.ts'
import { openDatabase } from '../compose.ts'
import { createInlineRenderer, type RenderOrder, type RenderResult } from './renderer.ts'

declare const self: Worker & { postMessage(message: RenderResult): void }

const database = openDatabase(readConfig(process.env), () => {})
const renderer = createInlineRenderer(database.read)

self.onmessage = (event: MessageEvent<RenderOrder>) => {
  void render(event.data)
}

async function render({ id, order }: RenderOrder): Promise<void> {
  try {
    self.postMessage({ id, document: await renderer.render(order) })
  } catch {
    // The asking thread renders the document itself and meets the same failure where it can be reported.
    self.postMessage({ id, document: undefined })
  }
}
