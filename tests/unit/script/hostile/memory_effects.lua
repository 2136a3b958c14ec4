-- fault more than 256 KiB
return kejue.json.encode({ ('x'):rep(400000) })
