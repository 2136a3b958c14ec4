-- stopped
local t = {}
while true do t = { t, kejue.json.decode('{"a":[1,2,3]}') } end
