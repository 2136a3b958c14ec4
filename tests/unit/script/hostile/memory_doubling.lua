-- stopped 2 MiB
local s = 'x'
while true do s = s .. s end
