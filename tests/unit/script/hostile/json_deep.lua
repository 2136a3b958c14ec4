-- good
local s = ('['):rep(100000)
return kejue.json.decode(s) == nil
