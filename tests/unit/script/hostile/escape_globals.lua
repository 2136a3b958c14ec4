-- fault globals cannot be set
type = nil
