-- stopped
local p = '%f[' .. ('a'):rep(1000000) .. ']x'
return (('b'):rep(100000)):find(p)
