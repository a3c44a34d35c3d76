export { deliverEvents } from './deliver-events.ts'
export type { WebhookDelivery } from './deliveries.sql.ts'
export { dispatchEvents } from './dispatch-events.ts'
export { listDeliveries, pingWebhook, purgeDeliveries, resendDelivery } from './manage-deliveries.ts'
export {
  createWebhook,
  disableWebhook,
  enableWebhook,
  getWebhook,
  listWebhooks,
  removeWebhook,
  rotateWebhook,
  updateWebhookChoices,
  type IssuedWebhook,
  type WebhookChoices,
  type WebhookKey,
} from './manage-webhooks.ts'
export { PUBLIC_EVENT_TYPES } from './public-events.ts'
export type { Webhook } from './webhook.ts'
export { findSwitchedOff } from './webhooks.sql.ts'
