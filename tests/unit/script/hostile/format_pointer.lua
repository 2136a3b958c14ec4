-- fault p does not exist
return string.format('%p', {})
