"""The four stacks (M-14), the settings that they are made from, and how they are put together."""
