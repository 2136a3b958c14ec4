-- fault globals cannot be listed
return _G.os
