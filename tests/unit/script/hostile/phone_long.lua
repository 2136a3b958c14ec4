-- stopped
local s = ('1'):rep(1000000)
while true do kejue.phone.parse(s, 'DE') end
