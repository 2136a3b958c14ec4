-- stopped memory
-- What is decoded lies outside Lua's memory.
local s = '["' .. ('x'):rep(500000) .. '"]'
local t = {}
while true do t = { t, kejue.json.decode(s) } end
