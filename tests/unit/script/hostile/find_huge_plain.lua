-- stopped
-- Looking whether a pattern of a megabyte is plain.
local p = ('b'):rep(1000000)
while true do ('x'):find(p) end
