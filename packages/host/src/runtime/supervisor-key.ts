/** What stands for a plugin of a tenant, whichever installation, version and process of it. */
export const supervisorKey = (tenantId: string, pluginKey: string) => `${tenantId} ${pluginKey}`
