-- stopped
repeat pcall(function() while true do end end) until false
