-- fault to concat
table.concat({}, '', 1, 1 << 60)
