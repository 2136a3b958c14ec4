-- fault to move
table.move({ 1 }, math.mininteger, math.maxinteger, 1)
