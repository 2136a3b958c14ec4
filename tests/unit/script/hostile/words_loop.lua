-- stopped
local s = ('a '):rep(300000)
while true do kejue.text.words(s) end
