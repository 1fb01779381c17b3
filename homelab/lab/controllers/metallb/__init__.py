"""MetalLB as the lab plays it: its rules, its words and its objects, layer 2 and IPv4 only."""
