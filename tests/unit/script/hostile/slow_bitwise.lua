-- fault bitwise
-- Reading a number of a megabyte would be one slow instruction.
local s = ('0'):rep(1000000) .. '1'
while true do local x = s & 1 end
