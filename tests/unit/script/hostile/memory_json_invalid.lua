-- stopped
local s = '["' .. ('x'):rep(500000) .. '",]'
while true do kejue.json.decode(s) end
