-- stopped
local s = ('Ä'):rep(300000)
while true do kejue.text.fold(s) end
