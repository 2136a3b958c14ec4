kejue.rules { a = [==[ x ]=] ]==], ["b"] = { 1, function() if x then end end }, -- [[
