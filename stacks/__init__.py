"""The four stacks (M-14) and the settings that they are made from."""
