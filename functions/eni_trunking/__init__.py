"""ENI trunking for the hosts' role alone (D-4)."""
