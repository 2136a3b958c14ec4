-- good
local all = ''
for _, f in ipairs({ function() return {} < {} end, function() return {} .. 'x' end, function() return #nil end,
  function() string.rep({}) end, function() return ({})() end, function() kejue.time.add({}, 1) end,
  function() table.concat({ {} }) end, function() error({}) end, function() string.format('%d', {}) end,
  function() for i = {}, 1 do end end, function() kejue.json.encode({ [{}] = 1 }) end }) do
  local _, e = pcall(f)
  all = all .. tostring(e)
end
return not all:find('0x')
