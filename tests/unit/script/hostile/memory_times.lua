-- stopped
local t = {}
while true do t = { t, kejue.time.add(c.now, 1, 'days') } end
