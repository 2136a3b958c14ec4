-- stopped
-- One step of the matcher walks over a megabyte of set.
local p = '[' .. ('a'):rep(1000000) .. 'b]*c'
return (('b'):rep(100000)):find(p)
