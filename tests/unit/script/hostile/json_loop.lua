-- stopped
local s = '[' .. ('1,'):rep(4000) .. '1]'
while true do kejue.json.decode(s) end
