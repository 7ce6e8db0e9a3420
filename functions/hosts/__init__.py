"""The hosts follow the stack, and the cap falls last (D-12).

- `handler`: what Lambda calls
- `before`: the custom resource in front of hosts and services, which lowers the services before the cap falls
- `after`: the custom resource between hosts and services, which renews hosts and takes the fleet down on a delete
- `restore`: gives hosts back at the start of a rollback
- `decision`: what to do next, as pure functions of what is seen
"""
