-- fault too many
table.unpack({}, math.mininteger, math.maxinteger)
