-- stopped
local s, r = ('a'):rep(1000), ('%0'):rep(1000)
while true do pcall(string.gsub, s, 'a', r) end
