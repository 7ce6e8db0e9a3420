"""Every settings key, in one file for each topic. Adding a key is one declaration in one of them."""
