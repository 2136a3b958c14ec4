-- fault too many
table.unpack({}, 1, 1 << 30)
