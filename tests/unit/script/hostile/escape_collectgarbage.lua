-- fault collectgarbage
collectgarbage('stop')
