-- stopped
local s = ('ä'):rep(500000)
while true do utf8.len(s) utf8.offset(s, -1) end
