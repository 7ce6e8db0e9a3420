"""From a question to a plan: the request, the choice of hosts and class, the placement, the cost and the reasons."""
