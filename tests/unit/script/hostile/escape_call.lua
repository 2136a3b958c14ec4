-- fault does nothing outside
kejue.call('crm.upsert', {})
