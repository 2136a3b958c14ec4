-- good
return string.dump == nil and string.pack == nil and string.unpack == nil
