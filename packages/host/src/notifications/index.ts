export { createNotifications, type ChannelListener, type Notifications } from './notifications.js'
