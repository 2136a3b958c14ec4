-- fault does nothing outside
kejue.http({ url = 'http://127.0.0.1/' })
